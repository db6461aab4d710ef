import { z } from 'zod';
import { Entry, EntryUpdate } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Id } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'update-entry',
  method: 'PUT',
  route: 'api/configure/entries/{entry_id}',
  tag: 'Entries',
  summary: 'Change an entry; what is absent stays.',
  auth: { permission: 'component:write', reach: 'component:oversee' },
  rateLimit: 'write',
  params: z.object({ entry_id: Id }),
  body: EntryUpdate,
  success: { status: 200, schema: Entry },
  errors: ['not_found', 'precondition_failed', 'conflict'],
  handler: ({ params, body }, { user, services, ifMatch }) =>
    services.entries.update(user, params.entry_id, body, ifMatch),
});
