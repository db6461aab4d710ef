import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Message } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'log-out-everywhere',
  method: 'POST',
  route: 'api/v1/auth/logout-all',
  tag: 'Sessions',
  summary: 'End all own sessions, this one too.',
  auth: { permission: 'account:secure_self', reach: 'own' },
  rateLimit: 'write',
  success: { status: 200, schema: Message },
  errors: [],
  handler: async (_input, { user, services }) => {
    await services.logOuts.endAllSessions(user);
    return { message: 'Logged out everywhere' };
  },
});
