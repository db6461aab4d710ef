import { z } from 'zod';
import { MfaToken, PasskeyRequestOptions } from '../../shared/identity/factor-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'start-second-factor-passkey',
  method: 'POST',
  route: 'api/v1/auth/mfa/passkey/options',
  tag: 'Second factor',
  summary: 'What a passkey must sign to finish a log-in.',
  auth: 'public',
  rateLimit: 'login',
  body: z.object({ mfa_token: MfaToken }),
  success: { status: 200, schema: PasskeyRequestOptions },
  errors: ['unauthenticated', 'inactive_user', 'not_found'],
  handler: ({ body }, { services }) => services.secondFactorLogIn.startPasskey(body.mfa_token),
});
