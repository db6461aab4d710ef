import { InvitationCreate, InvitationMade } from '../../shared/identity/invitation-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'create-invitation',
  method: 'POST',
  route: 'api/v1/invitations',
  tag: 'Invitations',
  summary:
    'Invite somebody to make an account; the answer shows the token once, and it is mailed where there is an address.',
  auth: { permission: 'account:create', reach: 'all' },
  rateLimit: 'write',
  body: InvitationCreate,
  success: { status: 201, schema: InvitationMade },
  errors: ['registration_closed', 'not_found'],
  idempotent: 'secret',
  handler: ({ body }, { user, newId, services }) => services.invitations.create(user, body, newId),
});
