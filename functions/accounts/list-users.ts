import { User } from '../../shared/identity/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Paging } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'list-users',
  method: 'GET',
  route: 'api/auth/users',
  tag: 'Accounts',
  summary: 'All accounts, oldest first.',
  auth: { permission: 'account:list', reach: 'all' },
  rateLimit: 'read',
  query: Paging,
  success: { status: 200, page: User },
  errors: [],
  handler: ({ query }, { services }) => services.accounts.list(query),
});
