import { z } from 'zod';
import { ApiKey, ApiKeyChange, KeyOwnerQuery } from '../../shared/api-keys/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'change-api-key',
  method: 'PATCH',
  route: 'api/v1/api-keys/{key_id}',
  tag: 'API keys',
  summary: 'Change what an API key may do; administrators set credits, limits and status of those of others.',
  auth: { permission: 'api_key:manage_own', reach: 'api_key:admin' },
  rateLimit: 'write',
  params: z.object({ key_id: Id }),
  query: KeyOwnerQuery,
  body: ApiKeyChange,
  success: { status: 200, schema: ApiKey },
  errors: ['not_found', 'precondition_failed', 'conflict', 'step_up_required'],
  handler: ({ params, query, body }, { user, services, ifMatch }) =>
    services.apiKeys.change(user, { keyId: params.key_id, ownerId: query.user_id }, body, ifMatch),
});
