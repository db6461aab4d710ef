import { z } from 'zod';
import { Submission } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'get-submission',
  method: 'GET',
  route: 'api/configure/submissions/{submission_id}',
  tag: 'Submissions',
  summary: 'One submission with its outcome.',
  auth: { permission: 'submission:review', reach: 'component:oversee' },
  rateLimit: 'read',
  params: z.object({ submission_id: Id }),
  success: { status: 200, schema: Submission },
  errors: ['not_found'],
  handler: ({ params }, { user, services }) => services.submissions.get(user, params.submission_id),
});
