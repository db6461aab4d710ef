import { StaffComponent } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Paging } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'list-components',
  method: 'GET',
  route: 'api/configure/flexagecomps',
  tag: 'Components',
  summary: 'The components that the caller manages, oldest first.',
  auth: { permission: 'component:read', reach: 'component:oversee' },
  rateLimit: 'read',
  query: Paging,
  success: { status: 200, page: StaffComponent },
  errors: [],
  handler: ({ query }, { user, services }) => services.components.list(user, query),
});
