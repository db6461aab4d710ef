import { User } from '../../shared/identity/schemas.ts';
import { UserQuery } from '../../shared/identity/user-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'list-users',
  method: 'GET',
  route: ['api/auth/users', 'api/v1/users', 'api/v1/admin/users', 'api/admin/users'],
  tag: 'Users',
  summary: 'Accounts, oldest first; all of them, or those that are searched for.',
  auth: { permission: 'account:list', reach: 'all' },
  rateLimit: 'read',
  query: UserQuery,
  success: { status: 200, page: User },
  errors: [],
  handler: ({ query }, { services }) => services.users.list(query),
});
