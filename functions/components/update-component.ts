import { z } from 'zod';
import { ComponentUpdate, StaffComponent } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'update-component',
  method: 'PUT',
  route: 'api/configure/flexagecomps/{comp_id}',
  tag: 'Components',
  summary: 'Change a component; what is absent stays.',
  auth: { permission: 'component:write', reach: 'component:oversee' },
  rateLimit: 'write',
  params: z.object({ comp_id: Id }),
  body: ComponentUpdate,
  success: { status: 200, schema: StaffComponent },
  errors: ['not_found', 'precondition_failed', 'conflict'],
  handler: ({ params, body }, { user, services, ifMatch }) =>
    services.components.update(user, params.comp_id, body, ifMatch),
});
