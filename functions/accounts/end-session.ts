import { z } from 'zod';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'end-session',
  method: 'DELETE',
  route: 'api/v1/auth/sessions/{session_id}',
  tag: 'Sessions',
  summary: 'End one of the own sessions; its tokens are refused from then on.',
  auth: { permission: 'account:secure_self', reach: 'own' },
  rateLimit: 'write',
  params: z.object({ session_id: Id }),
  success: { status: 204 },
  errors: ['not_found'],
  handler: async ({ params }, { user, services }) => {
    await services.logOuts.endSession(user, params.session_id);
    return undefined;
  },
});
