import { PasskeyRequestOptions } from '../../shared/identity/factor-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'start-passkey-sign-in',
  method: 'POST',
  route: 'api/v1/auth/passkeys/sign-in/options',
  tag: 'Passkeys',
  summary: 'What a passkey must sign to log in; names no account.',
  auth: 'public',
  rateLimit: 'login',
  success: { status: 200, schema: PasskeyRequestOptions },
  errors: [],
  handler: (_input, { services }) => services.passkeys.startSignIn(),
});
