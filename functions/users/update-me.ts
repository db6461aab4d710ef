import { User } from '../../shared/identity/schemas.ts';
import { ProfileUpdate } from '../../shared/identity/user-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'update-me',
  method: 'PUT',
  route: 'api/v1/users/me',
  tag: 'Users',
  summary: 'Change the own account; absent fields stay.',
  auth: { permission: 'account:update_self', reach: 'own' },
  rateLimit: 'write',
  body: ProfileUpdate,
  success: { status: 200, schema: User },
  errors: ['username_in_use', 'email_in_use', 'precondition_failed', 'conflict'],
  handler: ({ body }, { user, services, ifMatch }) => services.profiles.update(user, body, ifMatch),
});
