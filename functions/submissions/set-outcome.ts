import { z } from 'zod';
import { Outcome, OutcomeUpdate } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'set-outcome',
  method: 'PUT',
  route: 'api/v1/submissions/{submission_id}/outcome',
  tag: 'Outcomes',
  summary: 'Grade by hand, also where the machine has no outcome.',
  auth: { permission: 'outcome:write', reach: 'component:oversee' },
  rateLimit: 'write',
  params: z.object({ submission_id: Id }),
  body: OutcomeUpdate,
  success: { status: 200, schema: Outcome },
  errors: ['not_found', 'precondition_failed', 'conflict'],
  handler: ({ params, body }, { user, services, ifMatch }) =>
    services.outcomes.set(user, params.submission_id, body, ifMatch),
});
