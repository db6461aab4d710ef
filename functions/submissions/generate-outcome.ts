import { z } from 'zod';
import { Outcome } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'generate-outcome',
  method: 'POST',
  route: [
    'api/configure/submissions/{submission_id}/generate_outcome',
    'api/configure/submissions/{submission_id}/generate-outcome',
    'api/configure/submissions/{submission_id}/grade',
  ],
  tag: 'Outcomes',
  summary: 'Grade now; an outcome that exists is replaced only with force_regenerate=true, and kept in the ledger.',
  auth: { permission: 'outcome:write', reach: 'component:oversee' },
  rateLimit: 'grade',
  params: z.object({ submission_id: Id }),
  query: z.object({ force_regenerate: z.stringbool().default(false).describe('Replace the present outcome') }),
  success: { status: 200, schema: Outcome },
  errors: ['not_found', 'outcome_exists', 'grading_unavailable', 'conflict'],
  idempotent: true,
  // The front end cuts answers off at 230 s.
  longestMs: 240_000,
  handler: ({ params, query }, { user, services }) =>
    services.outcomes.generate(user, params.submission_id, query.force_regenerate),
});
