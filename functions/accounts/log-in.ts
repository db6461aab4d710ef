import { Credentials } from '../../shared/identity/schemas.ts';
import { SignInAnswer } from '../../shared/identity/session-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'log-in',
  method: 'POST',
  route: ['api/auth/login', 'api/auth/login/json', 'api/v1/auth/login', 'api/v1/users/login'],
  tag: 'Sessions',
  summary: 'Exchange username or e-mail address and password for tokens; reads JSON and forms.',
  auth: 'public',
  rateLimit: 'login',
  body: Credentials,
  consumes: ['json', 'form'],
  success: { status: 200, schema: SignInAnswer },
  errors: ['invalid_credentials', 'inactive_user'],
  handler: ({ body }, { services, caller }) => {
    const identifier = body.username || body.email || '';
    const deviceToken = body.device_token ?? undefined;
    return services.signIn.withPassword({ identifier, password: body.password, deviceToken }, caller);
  },
});
