import { z } from 'zod';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { AppError } from '../../shared/platform/errors.ts';

const Readiness = z
  .object({
    status: z.enum(['ok', 'degraded']).describe('`degraded`: work is accepted, but grading waits for a model'),
    checks: z.record(z.string(), z.object({ ok: z.boolean(), ms: z.number().describe('Milliseconds') })),
  })
  .meta({ id: 'Readiness', description: 'Whether this instance can work.' });

export default defineEndpoint({
  name: 'get-readiness',
  method: 'GET',
  route: 'health/ready',
  tag: 'Platform',
  summary: 'Whether Cosmos DB, Service Bus, Blob Storage and a model can be used; 503 when requests would fail.',
  auth: 'public',
  rateLimit: 'public',
  success: { status: 200, schema: Readiness },
  errors: ['unavailable'],
  handler: async (_input, { services }) => {
    const { status, checks } = await services.health.check();
    if (status !== 'unavailable') return { status, checks };
    const failed = Object.keys(checks).filter((name) => !checks[name]?.ok);
    throw new AppError('unavailable', `Not ready: ${failed.join(', ')} cannot be used.`, { retryAfterS: 5 });
  },
});
