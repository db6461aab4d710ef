import { Registration, User } from '../../shared/identity/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'register-user',
  method: 'POST',
  route: 'api/auth/register',
  tag: 'Accounts',
  summary: 'Make an account for someone; only an administrator can make an administrator.',
  auth: { permission: 'account:create', reach: 'all' },
  rateLimit: 'write',
  body: Registration,
  success: { status: 200, schema: User },
  errors: ['username_taken', 'email_taken', 'conflict'],
  idempotent: true,
  handler: ({ body }, { user, services, newId }) => services.accounts.register(user, body, newId),
});
