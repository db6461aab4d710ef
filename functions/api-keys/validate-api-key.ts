import { z } from 'zod';
import { KeyVerdict } from '../../shared/api-keys/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'validate-api-key',
  method: 'POST',
  route: 'api/v1/api-keys/validate',
  tag: 'API keys',
  summary: 'Whether the API key in `X-API-Key` is good for one call, for services that let others in by it.',
  auth: 'public',
  rateLimit: 'public',
  query: z.object({ required_scope: z.string().max(60).optional().describe('The scope that the call needs') }),
  success: { status: 200, schema: KeyVerdict },
  errors: [],
  handler: ({ query }, { services, caller, shownKey }) =>
    services.keyVerification.verify(shownKey, caller, query.required_scope),
});
