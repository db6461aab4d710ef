import { z } from 'zod';
import { Role, RoleUpdate } from '../../shared/identity/role-schemas.ts';
import { RoleName } from '../../shared/identity/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'update-role',
  method: 'PUT',
  route: 'api/v1/roles/{role_name}',
  tag: 'Roles',
  summary: 'Change what a role may do; built-in roles stay as they are.',
  auth: { permission: 'role:admin', reach: 'all', fresh: true },
  rateLimit: 'write',
  params: z.object({ role_name: RoleName }),
  body: RoleUpdate,
  success: { status: 200, schema: Role },
  errors: ['not_found', 'conflict', 'precondition_failed'],
  handler: ({ params, body }, { user, services, ifMatch }) =>
    services.roles.update(user, params.role_name, body, ifMatch),
});
