import { z } from 'zod';
import { EntryForStudent } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'list-own-entries',
  method: 'GET',
  route: 'api/student/flexagecomps/{comp_id}/entries',
  tag: 'Study',
  summary: "A component's entries with the caller's work on them.",
  auth: { permission: 'study:read', reach: 'own' },
  rateLimit: 'read',
  params: z.object({ comp_id: Id }),
  success: { status: 200, schema: z.array(EntryForStudent) },
  errors: ['not_found', 'not_enrolled', 'conflict'],
  handler: ({ params }, { user, services }) => services.study.entries(user, params.comp_id),
});
