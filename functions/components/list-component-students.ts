import { z } from 'zod';
import { User } from '../../shared/identity/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'list-component-students',
  method: 'GET',
  route: ['api/configure/flexagecomps/{comp_id}/enrolled_students', 'api/configure/flexagecomps/{comp_id}/students'],
  tag: 'Components',
  summary: 'The students of a component.',
  auth: { permission: 'component:read', reach: 'component:oversee' },
  rateLimit: 'read',
  params: z.object({ comp_id: Id }),
  success: { status: 200, schema: z.array(User) },
  errors: ['not_found'],
  handler: ({ params }, { user, services }) => services.enrolment.students(user, params.comp_id),
});
