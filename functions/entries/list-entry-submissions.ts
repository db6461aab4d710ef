import { z } from 'zod';
import { Submission } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id, Paging } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'list-entry-submissions',
  method: 'GET',
  route: 'api/configure/entries/{entry_id}/submissions',
  tag: 'Submissions',
  summary: 'What students handed in for an entry, newest first.',
  auth: { permission: 'submission:review', reach: 'component:oversee' },
  rateLimit: 'read',
  params: z.object({ entry_id: Id }),
  query: Paging,
  success: { status: 200, page: Submission },
  errors: ['not_found'],
  handler: ({ params, query }, { user, services }) =>
    services.submissions.list(user, { entry_id: params.entry_id }, query),
});
