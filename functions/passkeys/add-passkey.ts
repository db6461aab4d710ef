import { z } from 'zod';
import { AddedPasskey, MfaToken, PasskeyName, PasskeyRegistration } from '../../shared/identity/factor-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'add-passkey',
  method: 'POST',
  route: 'api/v1/auth/passkeys',
  tag: 'Passkeys',
  summary: 'Add a passkey; the first second factor comes with recovery codes.',
  auth: 'optional',
  rateLimit: 'write',
  body: z.object({
    response: PasskeyRegistration,
    name: PasskeyName.default('Passkey'),
    mfa_token: MfaToken.optional(),
  }),
  success: { status: 201, schema: AddedPasskey },
  errors: ['forbidden', 'invalid_code', 'inactive_user', 'conflict'],
  idempotent: 'secret',
  handler: ({ body }, { user, services, caller, newId }) => {
    const { mfa_token, response, name } = body;
    return services.passkeys.add({ user, mfa_token }, { response, name, passkey_id: newId }, caller);
  },
});
