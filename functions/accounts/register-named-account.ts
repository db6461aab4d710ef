import { NamedRegistration, Registered } from '../../shared/identity/invitation-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'register-named-account',
  method: 'POST',
  route: 'api/v1/users/register',
  tag: 'Accounts',
  summary: 'Make an account for oneself under a name, where the settings let anybody or who is invited.',
  auth: 'optional',
  rateLimit: 'register',
  body: NamedRegistration,
  success: { status: 200, schema: Registered },
  errors: ['registration_closed', 'username_taken', 'email_taken', 'account_token_invalid', 'inactive_user'],
  idempotent: 'secret',
  handler: ({ body }, { user, caller, newId, services }) =>
    services.registration.register(body, { user, caller, newId, duplicates: 'bad_request' }),
});
