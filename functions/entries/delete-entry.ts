import { z } from 'zod';
import { Entry } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'delete-entry',
  method: 'DELETE',
  route: 'api/configure/entries/{entry_id}',
  tag: 'Entries',
  summary: 'Delete an entry; what students handed in is kept for audit.',
  auth: { permission: 'component:write', reach: 'component:oversee' },
  rateLimit: 'write',
  params: z.object({ entry_id: Id }),
  success: { status: 200, schema: Entry },
  errors: ['not_found', 'precondition_failed', 'conflict'],
  handler: ({ params }, { user, services, ifMatch }) => services.entries.remove(user, params.entry_id, ifMatch),
});
