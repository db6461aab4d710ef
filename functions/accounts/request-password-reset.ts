import { PasswordResetRequest } from '../../shared/identity/credential-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Message } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'request-password-reset',
  method: 'POST',
  route: 'api/v1/password-reset/request',
  tag: 'Accounts',
  summary: 'Ask for an e-mail with a link to choose a new password; answers the same for every address.',
  auth: 'public',
  rateLimit: 'email',
  body: PasswordResetRequest,
  success: { status: 200, schema: Message },
  errors: [],
  handler: async ({ body }, { caller, newId, services }) => {
    await services.credentials.requestReset(body.email, caller, newId);
    return { message: 'If there is an account with this address, a link is on its way to it' };
  },
});
