import { z } from 'zod';
import { User } from '../../shared/identity/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'get-user',
  method: 'GET',
  route: 'api/v1/users/{user_id}',
  tag: 'Users',
  summary: 'One account: the own one, or any for staff.',
  auth: { permission: 'account:read_self', reach: 'account:list' },
  rateLimit: 'read',
  params: z.object({ user_id: Id }),
  success: { status: 200, schema: User },
  errors: ['not_found'],
  handler: ({ params }, { user, services }) => services.users.get(user, params.user_id),
});
