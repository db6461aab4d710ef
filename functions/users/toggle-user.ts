import { z } from 'zod';
import { User } from '../../shared/identity/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'toggle-user',
  method: 'PATCH',
  route: ['api/v1/admin/users/{user_id}/deactivate', 'api/admin/users/{user_id}/deactivate'],
  tag: 'Users',
  summary: 'Close an account that can log in, or open one that cannot.',
  auth: { permission: 'user:admin', reach: 'all' },
  rateLimit: 'write',
  params: z.object({ user_id: Id }),
  success: { status: 200, schema: User },
  errors: ['not_found', 'last_administrator', 'precondition_failed', 'conflict'],
  handler: ({ params }, { user, services, ifMatch }) => services.users.toggle(user, params.user_id, ifMatch),
});
