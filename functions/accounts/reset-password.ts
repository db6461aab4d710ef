import { PasswordReset } from '../../shared/identity/credential-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Message } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'reset-password',
  method: 'POST',
  route: 'api/v1/password-reset/confirm',
  tag: 'Accounts',
  summary: 'Choose a new password with the link from the e-mail; all sessions end.',
  auth: 'public',
  rateLimit: 'login',
  body: PasswordReset,
  success: { status: 200, schema: Message },
  errors: ['account_token_invalid'],
  handler: async ({ body }, { caller, services }) => {
    await services.credentials.reset(body, caller);
    return { message: 'Password changed; all sessions have ended' };
  },
});
