import { z } from 'zod';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'remove-passkey',
  method: 'DELETE',
  route: 'api/v1/auth/passkeys/{passkey_id}',
  tag: 'Passkeys',
  summary: 'Remove a passkey.',
  auth: { permission: 'account:secure_self', reach: 'own', fresh: true },
  rateLimit: 'write',
  params: z.object({ passkey_id: Id }),
  success: { status: 204 },
  errors: ['not_found', 'conflict'],
  handler: async ({ params }, { user, services }) => {
    await services.passkeys.remove(user, params.passkey_id);
    return undefined;
  },
});
