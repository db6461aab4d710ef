import { User } from '../../shared/identity/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'get-me',
  method: 'GET',
  route: ['api/auth/me', 'api/v1/auth/me', 'api/v1/users/me', 'api/v1/users/me/profile'],
  tag: 'Accounts',
  summary: 'The account behind the token.',
  auth: { permission: 'account:read_self', reach: 'own' },
  rateLimit: 'read',
  success: { status: 200, schema: User },
  errors: [],
  handler: (_input, { user, services }) => services.accounts.me(user),
});
