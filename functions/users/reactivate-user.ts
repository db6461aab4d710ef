import { z } from 'zod';
import { User } from '../../shared/identity/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'reactivate-user',
  method: 'PUT',
  route: 'api/v1/users/{user_id}/reactivate',
  tag: 'Users',
  summary: 'Let somebody log in again.',
  auth: { permission: 'user:admin', reach: 'all' },
  rateLimit: 'write',
  params: z.object({ user_id: Id }),
  success: { status: 200, schema: User },
  errors: ['not_found', 'precondition_failed', 'conflict'],
  handler: ({ params }, { user, services, ifMatch }) => services.users.reactivate(user, params.user_id, ifMatch),
});
