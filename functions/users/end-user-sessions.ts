import { z } from 'zod';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'end-user-sessions',
  method: 'DELETE',
  route: 'api/v1/users/{user_id}/sessions',
  tag: 'Users',
  summary: 'End all log-ins of an account, for example when a device was lost.',
  auth: { permission: 'user:admin', reach: 'all' },
  rateLimit: 'write',
  params: z.object({ user_id: Id }),
  success: { status: 204 },
  errors: ['not_found', 'conflict'],
  handler: ({ params }, { user, services }) => services.users.endSessions(user, params.user_id),
});
