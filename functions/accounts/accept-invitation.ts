import { InvitationAcceptance, Registered } from '../../shared/identity/invitation-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'accept-invitation',
  method: 'POST',
  route: 'api/v1/invitations/accept',
  tag: 'Invitations',
  summary: 'Make the account that one was invited to, and log in.',
  auth: 'public',
  rateLimit: 'login',
  body: InvitationAcceptance,
  success: { status: 201, schema: Registered },
  errors: ['registration_closed', 'account_token_invalid', 'username_in_use', 'email_in_use', 'inactive_user'],
  idempotent: 'secret',
  handler: ({ body }, { caller, newId, services }) => services.registration.accept(body, caller, newId),
});
