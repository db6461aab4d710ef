import { Logins } from '../../shared/identity/external-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'list-logins',
  method: 'GET',
  route: 'api/v1/auth/logins',
  tag: 'Accounts',
  summary: 'The ways into the own account: password, passkeys, and linked providers.',
  auth: { permission: 'account:read_self', reach: 'own' },
  rateLimit: 'read',
  success: { status: 200, schema: Logins },
  errors: [],
  handler: (_input, { user, services }) => services.externalLogins.list(user),
});
