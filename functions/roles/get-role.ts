import { z } from 'zod';
import { Role } from '../../shared/identity/role-schemas.ts';
import { RoleName } from '../../shared/identity/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'get-role',
  method: 'GET',
  route: 'api/v1/roles/{role_name}',
  tag: 'Roles',
  summary: 'One role and what it may do.',
  auth: { permission: 'role:read', reach: 'all' },
  rateLimit: 'read',
  params: z.object({ role_name: RoleName }),
  success: { status: 200, schema: Role },
  errors: ['not_found'],
  handler: ({ params }, { services }) => services.roles.get(params.role_name),
});
