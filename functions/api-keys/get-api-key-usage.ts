import { KeyOwnerQuery, KeyUsageStats } from '../../shared/api-keys/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'get-api-key-usage',
  method: 'GET',
  route: 'api/v1/api-keys/usage-stats',
  tag: 'API keys',
  summary: 'How one API key, or all of an owner, were used and refused.',
  auth: { permission: 'api_key:manage_own', reach: 'api_key:admin' },
  rateLimit: 'read',
  query: KeyOwnerQuery.extend({ key_id: Id.optional() }),
  success: { status: 200, schema: KeyUsageStats },
  errors: ['not_found', 'forbidden'],
  handler: ({ query }, { user, services }) => services.apiKeys.usage(user, query.key_id, query.user_id),
});
