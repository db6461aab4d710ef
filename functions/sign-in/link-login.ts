import { LinkAnswer, LinkRequest, ProviderParam } from '../../shared/identity/external-schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'link-login',
  method: 'POST',
  route: 'api/v1/auth/{provider}/link',
  tag: 'Accounts',
  summary: 'Link a provider to the own account: `{}` begins, what the provider sent back completes.',
  auth: { permission: 'account:secure_self', reach: 'own', fresh: true },
  rateLimit: 'write',
  params: ProviderParam,
  body: LinkRequest,
  success: { status: 200, schema: LinkAnswer },
  errors: ['not_found', 'sign_in_refused', 'provider_unavailable', 'conflict'],
  handler: ({ params, body }, { user, services }) => services.externalLogins.link(user, params.provider, body),
});
