import { PasswordResetCheck, PasswordResetToken } from '../../shared/identity/credential-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'check-password-reset',
  method: 'GET',
  route: 'api/v1/password-reset/verify/{token}',
  tag: 'Accounts',
  summary: 'Whether a link to choose a new password is still good, and for whom.',
  auth: 'public',
  rateLimit: 'public',
  params: PasswordResetToken,
  success: { status: 200, schema: PasswordResetCheck },
  errors: ['not_found'],
  handler: ({ params }, { services }) => services.credentials.checkReset(params.token),
});
