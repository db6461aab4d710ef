import { Credentials } from '../../shared/identity/schemas.ts';
import { SignInAnswer } from '../../shared/identity/session-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'log-in',
  method: 'POST',
  route: ['api/auth/login', 'api/auth/login/json'],
  tag: 'Accounts',
  summary: 'Exchange username and password for an access token; reads JSON and forms.',
  auth: 'public',
  rateLimit: 'login',
  body: Credentials,
  consumes: ['json', 'form'],
  success: { status: 200, schema: SignInAnswer },
  errors: ['invalid_credentials', 'inactive_user'],
  handler: ({ body }, { services, caller }) =>
    services.signIn.withPassword({ identifier: body.username, password: body.password }, caller),
});
