import { z } from 'zod';
import { ApiKeyCreated, ApiKeyRotation } from '../../shared/api-keys/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'rotate-api-key',
  method: 'POST',
  route: 'api/v1/api-keys/{key_id}/rotate',
  tag: 'API keys',
  summary: 'Give an API key a new secret; the old one is let in until its grace ends.',
  auth: { permission: 'api_key:manage_own', reach: 'own' },
  rateLimit: 'write',
  params: z.object({ key_id: Id }),
  body: ApiKeyRotation,
  success: { status: 200, schema: ApiKeyCreated },
  errors: ['not_found', 'conflict', 'step_up_required'],
  idempotent: 'secret',
  handler: ({ params, body }, { user, services, newId }) =>
    services.apiKeys.rotate(user, params.key_id, body.grace_s, newId),
});
