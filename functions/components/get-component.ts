import { z } from 'zod';
import { StaffComponent } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'get-component',
  method: 'GET',
  route: 'api/configure/flexagecomps/{comp_id}',
  tag: 'Components',
  summary: 'One component.',
  auth: { permission: 'component:read', reach: 'component:oversee' },
  rateLimit: 'read',
  params: z.object({ comp_id: Id }),
  success: { status: 200, schema: StaffComponent },
  errors: ['not_found'],
  handler: ({ params }, { user, services }) => services.components.get(user, params.comp_id),
});
