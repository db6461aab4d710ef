import { z } from 'zod';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'get-health',
  method: 'GET',
  route: 'health',
  tag: 'Platform',
  summary: 'Answers as long as the process does; asks nothing else.',
  auth: 'public',
  rateLimit: 'public',
  success: { status: 200, schema: z.object({ status: z.literal('ok') }) },
  errors: [],
  handler: () => ({ status: 'ok' as const }),
});
