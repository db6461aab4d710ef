import { Entry } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id, Paging } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'list-entries',
  method: 'GET',
  route: 'api/configure/entries',
  tag: 'Entries',
  summary: 'Entries of one component, or of all that the caller manages; oldest first.',
  auth: { permission: 'component:read', reach: 'component:oversee' },
  rateLimit: 'read',
  query: Paging.extend({ flex_age_comp_id: Id.optional() }),
  success: { status: 200, page: Entry },
  errors: ['not_found'],
  handler: ({ query }, { user, services }) => services.entries.list(user, query.flex_age_comp_id, query),
});
