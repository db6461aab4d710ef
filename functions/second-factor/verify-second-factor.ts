import { SecondFactorAnswer } from '../../shared/identity/factor-schemas.ts';
import { TokenAnswer } from '../../shared/identity/session-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'verify-second-factor',
  method: 'POST',
  route: 'api/v1/auth/mfa/verify',
  tag: 'Second factor',
  summary: 'Finish a log-in with a second factor.',
  auth: 'public',
  rateLimit: 'login',
  body: SecondFactorAnswer,
  success: { status: 200, schema: TokenAnswer },
  errors: ['unauthenticated', 'invalid_code', 'inactive_user', 'conflict'],
  handler: ({ body }, { services, caller }) => services.secondFactorLogIn.verify(body.mfa_token, body, caller),
});
