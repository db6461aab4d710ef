import { z } from 'zod';
import { Outcome, OutcomeUpdate } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'override-outcome',
  method: 'PUT',
  route: 'api/configure/outcomes/{outcome_id}',
  tag: 'Outcomes',
  summary: "Overrule an outcome: the whole new one is stored as a person's, the old one stays in the ledger.",
  auth: { permission: 'outcome:write', reach: 'component:oversee' },
  rateLimit: 'write',
  params: z.object({ outcome_id: Id }),
  body: OutcomeUpdate,
  success: { status: 200, schema: Outcome },
  errors: ['not_found', 'precondition_failed', 'conflict'],
  handler: ({ params, body }, { user, services, ifMatch }) =>
    services.outcomes.override(user, params.outcome_id, body, ifMatch),
});
