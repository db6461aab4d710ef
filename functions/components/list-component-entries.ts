import { z } from 'zod';
import { Entry } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id, Paging } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'list-component-entries',
  method: 'GET',
  route: 'api/configure/flexagecomps/{comp_id}/entries',
  tag: 'Components',
  summary: 'The entries of a component, oldest first.',
  auth: { permission: 'component:read', reach: 'component:oversee' },
  rateLimit: 'read',
  params: z.object({ comp_id: Id }),
  query: Paging,
  success: { status: 200, page: Entry },
  errors: ['not_found'],
  handler: ({ params, query }, { user, services }) => services.entries.list(user, params.comp_id, query),
});
