import { z } from 'zod';
import { Passkey } from '../../shared/identity/factor-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'list-passkeys',
  method: 'GET',
  route: 'api/v1/auth/passkeys',
  tag: 'Passkeys',
  summary: 'The passkeys of the caller.',
  auth: { permission: 'account:secure_self', reach: 'own' },
  rateLimit: 'read',
  success: { status: 200, schema: z.array(Passkey) },
  errors: [],
  handler: (_input, { user, services }) => services.passkeys.list(user),
});
