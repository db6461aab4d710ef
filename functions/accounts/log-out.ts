import { LogOutRequest } from '../../shared/identity/session-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Message } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'log-out',
  method: 'POST',
  route: ['api/auth/logout', 'api/v1/auth/logout', 'auth/logout'],
  tag: 'Sessions',
  summary: 'End the session of the access token, and that of the refresh token in the body; one of them is enough.',
  auth: 'if_valid',
  rateLimit: 'public',
  body: LogOutRequest.optional(),
  consumes: ['json', 'form'],
  success: { status: 200, schema: Message },
  errors: ['unauthenticated', 'api_key_refused'],
  handler: async ({ body }, { user, services, caller }) => {
    await services.logOuts.logOut(user, body?.refresh_token ?? body?.refreshToken ?? undefined, caller);
    return { message: 'Logged out' };
  },
});
