import { z } from 'zod';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'revoke-invitation',
  method: 'DELETE',
  route: 'api/v1/invitations/{invitation_id}',
  tag: 'Invitations',
  summary: 'Take an invitation back that nobody has accepted yet.',
  auth: { permission: 'account:create', reach: 'user:admin' },
  rateLimit: 'write',
  params: z.object({ invitation_id: Id }),
  success: { status: 204 },
  errors: ['not_found', 'conflict'],
  handler: async ({ params }, { user, services }) => {
    await services.invitations.revoke(user, params.invitation_id);
    return undefined;
  },
});
