import { DeadLetter } from '../../shared/jobs/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Paging } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'list-dead-letters',
  method: 'GET',
  route: 'api/v1/admin/dead-letters',
  tag: 'Administration',
  summary: 'Messages that the queues gave up on, queue by queue, oldest first.',
  auth: { permission: 'dead_letter:manage', reach: 'all' },
  rateLimit: 'read',
  query: Paging.omit({ skip: true }),
  success: { status: 200, page: DeadLetter },
  errors: [],
  handler: ({ query }, { services }) => services.deadLetters.list(query),
});
