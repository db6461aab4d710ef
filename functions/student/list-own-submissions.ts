import { StudentSubmission } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Paging } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'list-own-submissions',
  method: 'GET',
  route: 'api/student/submissions',
  tag: 'Study',
  summary: "The caller's submissions in all components, newest first.",
  auth: { permission: 'study:read', reach: 'own' },
  rateLimit: 'read',
  query: Paging,
  success: { status: 200, page: StudentSubmission },
  errors: [],
  handler: ({ query }, { user, services }) => services.study.submissions(user, query),
});
