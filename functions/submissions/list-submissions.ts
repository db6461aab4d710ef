import { Submission } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id, Paging } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'list-submissions',
  method: 'GET',
  route: 'api/configure/submissions',
  tag: 'Submissions',
  summary: 'What students handed in, newest first, in all components that the caller manages.',
  auth: { permission: 'submission:review', reach: 'component:oversee' },
  rateLimit: 'read',
  query: Paging.extend({ entry_id: Id.optional(), student_user_id: Id.optional() }),
  success: { status: 200, page: Submission },
  errors: ['not_found'],
  handler: ({ query }, { user, services }) => services.submissions.list(user, query, query),
});
