import { AttentionItem } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Paging } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'list-grading-attention',
  method: 'GET',
  route: 'api/v1/grading/attention',
  tag: 'Grading',
  summary: 'Submissions that the machine cannot grade, oldest first.',
  auth: { permission: 'grading:watch', reach: 'component:oversee' },
  rateLimit: 'read',
  query: Paging,
  success: { status: 200, page: AttentionItem },
  errors: [],
  handler: ({ query }, { user, services }) => services.outcomes.needingAttention(user, query),
});
