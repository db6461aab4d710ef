import { z } from 'zod';
import { DeadLetter, DeadLetterId } from '../../shared/jobs/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';

export default defineEndpoint({
  name: 'get-dead-letter',
  method: 'GET',
  route: 'api/v1/admin/dead-letters/{id}',
  tag: 'Administration',
  summary: 'One message that a queue gave up on.',
  auth: { permission: 'dead_letter:manage', reach: 'all' },
  rateLimit: 'read',
  params: z.object({ id: DeadLetterId }),
  success: { status: 200, schema: DeadLetter },
  errors: ['not_found'],
  handler: ({ params }, { services }) => services.deadLetters.get(params.id),
});
