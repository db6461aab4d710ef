import { z } from 'zod';
import { DeadLetterId } from '../../shared/jobs/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Message } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'discard-dead-letter',
  method: 'DELETE',
  route: 'api/v1/admin/dead-letters/{id}',
  tag: 'Administration',
  summary: 'Take the message out of the dead letters for good.',
  auth: { permission: 'dead_letter:manage', reach: 'all' },
  rateLimit: 'write',
  params: z.object({ id: DeadLetterId }),
  success: { status: 200, schema: Message },
  errors: ['not_found'],
  handler: async ({ params }, { user, services }) => {
    await services.deadLetters.discard(user, params.id);
    return { message: 'Discarded' };
  },
});
