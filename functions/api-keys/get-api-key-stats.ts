import { KeyOwnerQuery, KeyStats } from '../../shared/api-keys/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'get-api-key-stats',
  method: 'GET',
  route: 'api/v1/auth/keys/stats',
  tag: 'API keys',
  summary: 'The API keys of an owner, counted.',
  auth: { permission: 'api_key:manage_own', reach: 'api_key:admin' },
  rateLimit: 'read',
  query: KeyOwnerQuery,
  success: { status: 200, schema: KeyStats },
  errors: ['forbidden'],
  handler: ({ query }, { user, services }) => services.apiKeys.stats(user, query.user_id),
});
