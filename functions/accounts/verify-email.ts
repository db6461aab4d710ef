import { EmailVerification } from '../../shared/identity/credential-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Message } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'verify-email',
  method: 'POST',
  route: 'api/v1/auth/verify-email',
  tag: 'Accounts',
  summary: 'Prove the address of an account with the link from the e-mail.',
  auth: 'public',
  rateLimit: 'public',
  body: EmailVerification,
  success: { status: 200, schema: Message },
  errors: ['account_token_invalid'],
  handler: async ({ body }, { caller, services }) => {
    await services.emailVerification.verify(body.token, caller);
    return { message: 'The address is verified' };
  },
});
