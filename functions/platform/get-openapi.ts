import document from '../../docs/openapi.json' with { type: 'json' };
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'get-openapi',
  method: 'GET',
  route: 'openapi.json',
  tag: 'Platform',
  summary: 'The description of this API in OpenAPI 3.1.',
  auth: 'public',
  rateLimit: 'public',
  success: { status: 200, raw: 'application/json' },
  errors: [],
  handler: () => ({
    contentType: 'application/json',
    content: JSON.stringify(document),
    headers: { 'cache-control': 'public, max-age=300' },
  }),
});
