import { RefreshRequest, TokenAnswer } from '../../shared/identity/session-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'refresh-tokens',
  method: 'POST',
  route: ['api/auth/refresh', 'api/v1/auth/refresh', 'auth/refresh'],
  tag: 'Sessions',
  summary: 'Exchange a refresh token for new tokens; it is good once, and using it again ends its session.',
  auth: 'public',
  rateLimit: 'public',
  body: RefreshRequest,
  consumes: ['json', 'form'],
  success: { status: 200, schema: TokenAnswer },
  errors: ['unauthenticated'],
  handler: ({ body }, { services, caller }) =>
    services.refreshes.refresh(body.refresh_token ?? body.refreshToken ?? '', caller),
});
