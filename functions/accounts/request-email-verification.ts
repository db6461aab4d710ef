import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Message } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'request-email-verification',
  method: 'POST',
  route: 'api/v1/auth/verify-email/request',
  tag: 'Accounts',
  summary: 'Ask for an e-mail with a link that proves the own address.',
  auth: { permission: 'account:update_self', reach: 'own' },
  rateLimit: 'email',
  success: { status: 200, schema: Message },
  errors: [],
  handler: async (_input, { user, newId, services }) => {
    const isOnItsWay = await services.emailVerification.request(user, newId);
    return { message: isOnItsWay ? 'A link is on its way to your address' : 'There is no address to verify' };
  },
});
