import { z } from 'zod';
import { StudentSubmission } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'get-own-submission',
  method: 'GET',
  route: 'api/student/submissions/{submission_id}',
  tag: 'Study',
  summary: 'One of the submissions of the caller.',
  auth: { permission: 'study:read', reach: 'own' },
  rateLimit: 'read',
  params: z.object({ submission_id: Id }),
  success: { status: 200, schema: StudentSubmission },
  errors: ['not_found'],
  handler: ({ params }, { user, services }) => services.study.submission(user, params.submission_id),
});
