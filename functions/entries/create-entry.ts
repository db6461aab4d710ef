import { Entry, EntryCreate } from '../../shared/assessment/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'create-entry',
  method: 'POST',
  route: 'api/configure/entries',
  tag: 'Entries',
  summary: 'Make an entry with its rubric.',
  auth: { permission: 'component:write', reach: 'component:oversee' },
  rateLimit: 'write',
  body: EntryCreate,
  success: { status: 201, schema: Entry },
  errors: ['not_found'],
  idempotent: true,
  handler: ({ body }, { user, services, newId }) => services.entries.create(user, body, newId),
});
