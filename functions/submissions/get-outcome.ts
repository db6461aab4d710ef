import { z } from 'zod';
import { Outcome } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'get-outcome',
  method: 'GET',
  route: 'api/configure/outcomes/{outcome_id}',
  tag: 'Outcomes',
  summary: 'One outcome.',
  auth: { permission: 'submission:review', reach: 'component:oversee' },
  rateLimit: 'read',
  params: z.object({ outcome_id: Id }),
  success: { status: 200, schema: Outcome },
  errors: ['not_found'],
  handler: ({ params }, { user, services }) => services.outcomes.get(user, params.outcome_id),
});
