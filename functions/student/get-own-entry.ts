import { z } from 'zod';
import { EntryForStudent } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'get-own-entry',
  method: 'GET',
  route: 'api/student/entries/{entry_id}',
  tag: 'Study',
  summary: "An entry with the caller's work on it.",
  auth: { permission: 'study:read', reach: 'own' },
  rateLimit: 'read',
  params: z.object({ entry_id: Id }),
  success: { status: 200, schema: EntryForStudent },
  errors: ['not_found', 'not_enrolled', 'conflict'],
  handler: ({ params }, { user, services }) => services.study.entry(user, params.entry_id),
});
