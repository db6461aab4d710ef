import { User } from '../../shared/identity/schemas.ts';
import { UserCreate } from '../../shared/identity/user-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'create-user',
  method: 'POST',
  route: 'api/v1/users',
  tag: 'Users',
  summary: 'Make an account for somebody; only an administrator makes an administrator.',
  auth: { permission: 'account:create', reach: 'all' },
  rateLimit: 'write',
  body: UserCreate,
  success: { status: 201, schema: User },
  errors: ['username_in_use', 'email_in_use', 'conflict'],
  idempotent: true,
  handler: ({ body }, { user, services, newId }) => services.users.create(user, body, newId),
});
