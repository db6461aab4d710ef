import { ApiKeyCreate, ApiKeyCreated } from '../../shared/api-keys/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'create-api-key',
  method: 'POST',
  route: 'api/v1/api-keys/create',
  tag: 'API keys',
  summary: 'Make an API key for a service; the answer shows it this once.',
  auth: { permission: 'api_key:manage_own', reach: 'own' },
  rateLimit: 'write',
  body: ApiKeyCreate,
  success: { status: 200, schema: ApiKeyCreated },
  errors: ['api_key_limit', 'conflict', 'step_up_required'],
  idempotent: 'secret',
  handler: ({ body }, { user, services, newId }) => services.apiKeys.create(user, body, newId),
});
