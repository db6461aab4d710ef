import { z } from 'zod';
import { MfaToken, TotpSetup } from '../../shared/identity/factor-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'start-totp',
  method: 'POST',
  route: 'api/v1/auth/mfa/totp',
  tag: 'Second factor',
  summary: 'Begin to set up an authenticator app.',
  auth: 'optional',
  rateLimit: 'write',
  body: z.object({ mfa_token: MfaToken.optional() }).optional(),
  success: { status: 200, schema: TotpSetup },
  errors: ['forbidden', 'step_up_required', 'conflict'],
  handler: ({ body }, { user, services, caller }) =>
    services.secondFactor.startTotp({ user, mfa_token: body?.mfa_token }, caller),
});
