import { ComponentCreate, StaffComponent } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'create-component',
  method: 'POST',
  route: 'api/configure/flexagecomps',
  tag: 'Components',
  summary: 'Make a component; the caller owns it unless other staff are named.',
  auth: { permission: 'component:write', reach: 'all' },
  rateLimit: 'write',
  body: ComponentCreate,
  success: { status: 201, schema: StaffComponent },
  errors: ['not_found'],
  idempotent: true,
  handler: ({ body }, { user, services, newId }) => services.components.create(user, body, newId),
});
