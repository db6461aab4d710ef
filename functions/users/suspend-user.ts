import { z } from 'zod';
import { User } from '../../shared/identity/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'suspend-user',
  method: 'PUT',
  route: 'api/v1/users/{user_id}/suspend',
  tag: 'Users',
  summary: 'Suspend an account: its sessions end and nobody can log in to it.',
  auth: { permission: 'user:admin', reach: 'all' },
  rateLimit: 'write',
  params: z.object({ user_id: Id }),
  success: { status: 200, schema: User },
  errors: ['not_found', 'last_administrator', 'precondition_failed', 'conflict'],
  handler: ({ params }, { user, services, ifMatch }) => services.users.suspend(user, params.user_id, ifMatch),
});
