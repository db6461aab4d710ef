import { ProviderParam } from '../../shared/identity/external-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'unlink-login',
  method: 'DELETE',
  route: 'api/v1/auth/{provider}/link',
  tag: 'Accounts',
  summary: 'Take a provider out of the own account, never the last way into it.',
  auth: { permission: 'account:secure_self', reach: 'own', fresh: true },
  rateLimit: 'write',
  params: ProviderParam,
  success: { status: 204 },
  errors: ['not_found', 'conflict'],
  async handler({ params }, { user, services }) {
    await services.externalLogins.unlink(user, params.provider);
    return undefined;
  },
});
