import { Session } from '../../shared/identity/session-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Paging } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'list-sessions',
  method: 'GET',
  route: 'api/v1/auth/sessions',
  tag: 'Sessions',
  summary: 'The own sessions that are still on, newest first.',
  auth: { permission: 'account:read_self', reach: 'own' },
  rateLimit: 'read',
  query: Paging,
  success: { status: 200, page: Session },
  errors: [],
  handler: ({ query }, { user, services }) => services.sessions.list(user, query),
});
