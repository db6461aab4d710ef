import { Invitation } from '../../shared/identity/invitation-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Paging } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'list-invitations',
  method: 'GET',
  route: 'api/v1/invitations',
  tag: 'Invitations',
  summary: 'The invitations that the caller has made, the newest first; those of everybody for an administrator.',
  auth: { permission: 'account:create', reach: 'user:admin' },
  rateLimit: 'read',
  query: Paging,
  success: { status: 200, page: Invitation },
  errors: [],
  handler: ({ query }, { user, services }) => services.invitations.list(user, query),
});
