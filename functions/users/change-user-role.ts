import { z } from 'zod';
import { User } from '../../shared/identity/schemas.ts';
import { RoleChange } from '../../shared/identity/user-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'change-user-role',
  method: 'PATCH',
  route: ['api/v1/admin/users/{user_id}/role', 'api/admin/users/{user_id}/role'],
  tag: 'Users',
  summary: 'Give an account another role.',
  auth: { permission: 'user:admin', reach: 'all' },
  rateLimit: 'write',
  params: z.object({ user_id: Id }),
  body: RoleChange,
  success: { status: 200, schema: User },
  errors: ['not_found', 'last_administrator', 'precondition_failed', 'conflict'],
  handler: ({ params, body }, { user, services, ifMatch }) =>
    services.users.update(user, params.user_id, body, ifMatch),
});
