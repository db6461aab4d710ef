import { z } from 'zod';
import { Passkey, PasskeyName } from '../../shared/identity/factor-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'rename-passkey',
  method: 'PATCH',
  route: 'api/v1/auth/passkeys/{passkey_id}',
  tag: 'Passkeys',
  summary: 'Give a passkey another name.',
  auth: { permission: 'account:secure_self', reach: 'own' },
  rateLimit: 'write',
  params: z.object({ passkey_id: Id }),
  body: z.object({ name: PasskeyName }),
  success: { status: 200, schema: Passkey },
  errors: ['not_found', 'conflict'],
  handler: ({ params, body }, { user, services }) => services.passkeys.rename(user, params.passkey_id, body.name),
});
