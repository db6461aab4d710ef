import { Registered, SelfRegistration } from '../../shared/identity/invitation-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'register-account',
  method: 'POST',
  route: 'api/v1/auth/register',
  tag: 'Accounts',
  summary:
    'Make an account for oneself, where the settings let anybody or who is invited; staff make one for somebody.',
  auth: 'optional',
  rateLimit: 'register',
  body: SelfRegistration,
  success: { status: 201, schema: Registered },
  errors: ['registration_closed', 'username_in_use', 'email_in_use', 'account_token_invalid', 'inactive_user'],
  idempotent: 'secret',
  handler: ({ body }, { user, caller, newId, services }) =>
    services.registration.register(body, { user, caller, newId, duplicates: 'conflict' }),
});
