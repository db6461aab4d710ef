import { Role, RoleCreate } from '../../shared/identity/role-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'create-role',
  method: 'POST',
  route: 'api/v1/roles',
  tag: 'Roles',
  summary: 'Make a role of permissions from the catalogue.',
  auth: { permission: 'role:admin', reach: 'all', fresh: true },
  rateLimit: 'write',
  body: RoleCreate,
  success: { status: 201, schema: Role },
  errors: ['conflict'],
  idempotent: true,
  handler: ({ body }, { user, services, newId }) => services.roles.create(user, body, newId),
});
