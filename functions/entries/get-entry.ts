import { z } from 'zod';
import { Entry } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'get-entry',
  method: 'GET',
  route: 'api/configure/entries/{entry_id}',
  tag: 'Entries',
  summary: 'One entry with its rubric.',
  auth: { permission: 'component:read', reach: 'component:oversee' },
  rateLimit: 'read',
  params: z.object({ entry_id: Id }),
  success: { status: 200, schema: Entry },
  errors: ['not_found'],
  handler: ({ params }, { user, services }) => services.entries.get(user, params.entry_id),
});
