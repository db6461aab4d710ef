import { z } from 'zod';
import { StaffComponent } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'delete-component',
  method: 'DELETE',
  route: 'api/configure/flexagecomps/{comp_id}',
  tag: 'Components',
  summary: 'Delete a component; what students handed in is kept for audit and answers 404 from now on.',
  auth: { permission: 'component:write', reach: 'component:oversee' },
  rateLimit: 'write',
  params: z.object({ comp_id: Id }),
  success: { status: 200, schema: StaffComponent },
  errors: ['not_found', 'precondition_failed', 'conflict'],
  handler: ({ params }, { user, services, ifMatch }) => services.components.remove(user, params.comp_id, ifMatch),
});
