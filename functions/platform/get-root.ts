import { z } from 'zod';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'get-root',
  method: 'GET',
  route: '/',
  tag: 'Platform',
  summary: 'What this is and where its documentation is.',
  auth: 'public',
  rateLimit: 'public',
  success: { status: 200, schema: z.object({ message: z.string(), documentation: z.string() }) },
  errors: [],
  handler: () => ({ message: 'Lyceum API', documentation: '/docs' }),
});
