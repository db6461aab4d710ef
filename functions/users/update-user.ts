import { z } from 'zod';
import { User } from '../../shared/identity/schemas.ts';
import { UserUpdate } from '../../shared/identity/user-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'update-user',
  method: 'PUT',
  route: 'api/v1/users/{user_id}',
  tag: 'Users',
  summary: 'Change an account: names, address, password, role, status; absent fields stay.',
  auth: { permission: 'user:admin', reach: 'all' },
  rateLimit: 'write',
  params: z.object({ user_id: Id }),
  body: UserUpdate,
  success: { status: 200, schema: User },
  errors: ['not_found', 'username_in_use', 'email_in_use', 'last_administrator', 'precondition_failed', 'conflict'],
  handler: ({ params, body }, { user, services, ifMatch }) =>
    services.users.update(user, params.user_id, body, ifMatch),
});
