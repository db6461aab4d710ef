import { z } from 'zod';
import { PasskeyAssertion } from '../../shared/identity/factor-schemas.ts';
import { TokenAnswer } from '../../shared/identity/session-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'sign-in-with-passkey',
  method: 'POST',
  route: 'api/v1/auth/passkeys/sign-in',
  tag: 'Passkeys',
  summary: 'Log in with a passkey alone.',
  auth: 'public',
  rateLimit: 'login',
  body: z.object({ response: PasskeyAssertion }),
  success: { status: 200, schema: TokenAnswer },
  errors: ['invalid_credentials', 'inactive_user', 'conflict'],
  handler: ({ body }, { services, caller }) => services.passkeys.signIn(body.response, caller),
});
