import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'delete-me',
  method: 'DELETE',
  route: 'api/v1/users/me',
  tag: 'Users',
  summary: 'Delete the own account.',
  auth: { permission: 'account:delete_self', reach: 'own', fresh: true },
  rateLimit: 'write',
  success: { status: 204 },
  errors: ['last_administrator', 'conflict'],
  handler: (_input, { user, services }) => services.profiles.remove(user),
});
