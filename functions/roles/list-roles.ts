import { z } from 'zod';
import { Role } from '../../shared/identity/role-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'list-roles',
  method: 'GET',
  route: 'api/v1/roles',
  tag: 'Roles',
  summary: 'All roles and what they may do.',
  auth: { permission: 'role:read', reach: 'all' },
  rateLimit: 'read',
  success: { status: 200, schema: z.array(Role) },
  errors: [],
  handler: (_input, { services }) => services.roles.list(),
});
