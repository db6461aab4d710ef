import { z } from 'zod';
import { Code, MfaToken, RecoveryCodes } from '../../shared/identity/factor-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'confirm-totp',
  method: 'POST',
  route: 'api/v1/auth/mfa/totp/confirm',
  tag: 'Second factor',
  summary: 'Confirm an authenticator app with a code of it; gives recovery codes.',
  auth: 'optional',
  rateLimit: 'login',
  body: z.object({ code: Code, mfa_token: MfaToken.optional() }),
  success: { status: 200, schema: RecoveryCodes },
  errors: ['forbidden', 'invalid_code', 'inactive_user', 'conflict'],
  idempotent: 'secret',
  handler: ({ body }, { user, services, caller }) =>
    services.secondFactor.confirmTotp({ user, mfa_token: body.mfa_token }, body.code, caller),
});
