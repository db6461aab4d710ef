import { z } from 'zod';
import { LedgerEvent } from '../../shared/grading/documents.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'get-submission-ledger',
  method: 'GET',
  route: 'api/v1/submissions/{submission_id}/ledger',
  tag: 'Grading',
  summary: 'All that happened to a submission, oldest first; never changed afterwards.',
  auth: { permission: 'submission:review', reach: 'component:oversee' },
  rateLimit: 'read',
  params: z.object({ submission_id: Id }),
  success: { status: 200, schema: z.array(LedgerEvent) },
  errors: ['not_found'],
  handler: ({ params }, { user, services }) => services.outcomes.ledger(user, params.submission_id),
});
