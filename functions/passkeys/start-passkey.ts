import { z } from 'zod';
import { MfaToken, PasskeyCreationOptions } from '../../shared/identity/factor-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'start-passkey',
  method: 'POST',
  route: 'api/v1/auth/passkeys/options',
  tag: 'Passkeys',
  summary: 'What an authenticator must sign to make a passkey.',
  auth: 'optional',
  rateLimit: 'write',
  body: z.object({ mfa_token: MfaToken.optional() }).optional(),
  success: { status: 200, schema: PasskeyCreationOptions },
  errors: ['forbidden', 'step_up_required', 'conflict'],
  handler: ({ body }, { user, services, caller }) =>
    services.passkeys.startAdding({ user, mfa_token: body?.mfa_token }, caller),
});
