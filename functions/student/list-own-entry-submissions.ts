import { z } from 'zod';
import { StudentSubmission } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id, Paging } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'list-own-entry-submissions',
  method: 'GET',
  route: 'api/student/entries/{entry_id}/submissions',
  tag: 'Study',
  summary: "The caller's submissions to an entry, newest first.",
  auth: { permission: 'study:read', reach: 'own' },
  rateLimit: 'read',
  params: z.object({ entry_id: Id }),
  query: Paging,
  success: { status: 200, page: StudentSubmission },
  errors: ['not_found', 'not_enrolled'],
  handler: ({ params, query }, { user, services }) => services.study.submissionsOfEntry(user, params.entry_id, query),
});
