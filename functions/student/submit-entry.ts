import { z } from 'zod';
import { answerBytesMax, StudentSubmission, SubmissionCreate } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'submit-entry',
  method: 'POST',
  route: 'api/student/entries/{entry_id}/submit',
  tag: 'Study',
  summary: 'Hand in an answer; grading starts in the background.',
  auth: { permission: 'submission:create', reach: 'own' },
  rateLimit: 'write',
  params: z.object({ entry_id: Id }),
  body: SubmissionCreate,
  // JSON may write a character with more bytes than the text has.
  bodyLimitBytes: 2 * answerBytesMax,
  success: { status: 200, schema: StudentSubmission },
  errors: ['not_found', 'not_enrolled', 'conflict'],
  idempotent: true,
  // Two runs under one id store one submission, so that a repeat after a crash need not wait for long.
  longestMs: 3_000,
  handler: ({ params, body }, { user, services, newId }) => services.study.submit(user, params.entry_id, body, newId),
});
