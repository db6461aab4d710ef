import { PasswordChange } from '../../shared/identity/credential-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Message } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'change-password',
  method: 'POST',
  route: 'api/v1/auth/change-password',
  tag: 'Accounts',
  summary: 'Choose a new password; all other sessions end.',
  auth: { permission: 'account:secure_self', reach: 'own' },
  rateLimit: 'login',
  body: PasswordChange,
  success: { status: 200, schema: Message },
  errors: ['wrong_password'],
  handler: async ({ body }, { user, services }) => {
    await services.credentials.changePassword(user, body);
    return { message: 'Password changed; all other sessions have ended' };
  },
});
