import { CredentialInfo } from '../../shared/api-keys/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'validate-credential',
  method: 'GET',
  route: 'api/v1/auth/keys/validate',
  tag: 'API keys',
  summary: 'Whose API key or access token this is.',
  auth: { permission: 'account:read_self', reach: 'own' },
  rateLimit: 'read',
  success: { status: 200, schema: CredentialInfo },
  errors: [],
  handler: (_input, { user, services }) => services.apiKeys.describe(user),
});
