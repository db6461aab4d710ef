import { z } from 'zod';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'delete-user',
  method: 'DELETE',
  route: 'api/v1/users/{user_id}',
  tag: 'Users',
  summary: 'Delete an account; the work handed in stays, without a name.',
  auth: { permission: 'user:admin', reach: 'all', fresh: true },
  rateLimit: 'write',
  params: z.object({ user_id: Id }),
  success: { status: 204 },
  errors: ['not_found', 'last_administrator', 'precondition_failed', 'conflict'],
  handler: ({ params }, { user, services, ifMatch }) => services.users.remove(user, params.user_id, ifMatch),
});
