import { z } from 'zod';
import { ApiKey, KeyOwnerQuery } from '../../shared/api-keys/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'get-api-key',
  method: 'GET',
  route: 'api/v1/api-keys/{key_id}',
  tag: 'API keys',
  summary: 'An API key without its secret.',
  auth: { permission: 'api_key:manage_own', reach: 'api_key:admin' },
  rateLimit: 'read',
  params: z.object({ key_id: Id }),
  query: KeyOwnerQuery,
  success: { status: 200, schema: ApiKey },
  errors: ['not_found', 'forbidden'],
  handler: ({ params, query }, { user, services }) =>
    services.apiKeys.get(user, { keyId: params.key_id, ownerId: query.user_id }),
});
