import { z } from 'zod';
import { StudentState } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'list-entry-states',
  method: 'GET',
  route: 'api/configure/entries/{entry_id}/student_states',
  tag: 'Entries',
  summary: 'Where each student stands who has opened the entry, with the latest submission.',
  auth: { permission: 'submission:review', reach: 'component:oversee' },
  rateLimit: 'read',
  params: z.object({ entry_id: Id }),
  success: { status: 200, schema: z.array(StudentState) },
  errors: ['not_found'],
  handler: ({ params }, { user, services }) => services.submissions.states(user, params.entry_id),
});
