import { CliKeyCreate, CliKeyCreated } from '../../shared/api-keys/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'create-cli-key',
  method: 'POST',
  route: 'api/v1/auth/keys',
  tag: 'API keys',
  summary: 'Make an API key for a program of your own; the answer shows it this once.',
  auth: { permission: 'api_key:manage_own', reach: 'own' },
  rateLimit: 'write',
  body: CliKeyCreate,
  success: { status: 200, schema: CliKeyCreated },
  errors: ['api_key_limit', 'conflict', 'step_up_required'],
  idempotent: 'secret',
  handler: async ({ body }, { user, services, newId }) => {
    const { api_key, ...key_info } = await services.apiKeys.create(user, body, newId);
    const warning = 'Keep this API key in a safe place: it cannot be shown again.';
    return { success: true as const, api_key, key_info, warning };
  },
});
