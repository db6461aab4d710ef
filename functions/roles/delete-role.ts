import { z } from 'zod';
import { RoleName } from '../../shared/identity/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'delete-role',
  method: 'DELETE',
  route: 'api/v1/roles/{role_name}',
  tag: 'Roles',
  summary: 'Delete a role that nobody has.',
  auth: { permission: 'role:admin', reach: 'all', fresh: true },
  rateLimit: 'write',
  params: z.object({ role_name: RoleName }),
  success: { status: 204 },
  errors: ['not_found', 'conflict', 'precondition_failed'],
  handler: ({ params }, { user, services, ifMatch }) => services.roles.remove(user, params.role_name, ifMatch),
});
