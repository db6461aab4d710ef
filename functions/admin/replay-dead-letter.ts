import { z } from 'zod';
import { DeadLetterId } from '../../shared/jobs/schemas.ts';
import { defineEndpoint } from '../../shared/platform/define-endpoint.ts';
import { Message } from '../../shared/platform/schemas.ts';

export default defineEndpoint({
  name: 'replay-dead-letter',
  method: 'POST',
  route: 'api/v1/admin/dead-letters/{id}/replay',
  tag: 'Administration',
  summary: 'Send the message to its queue once more and take it out of the dead letters.',
  auth: { permission: 'dead_letter:manage', reach: 'all' },
  rateLimit: 'write',
  params: z.object({ id: DeadLetterId }),
  success: { status: 200, schema: Message },
  errors: ['not_found'],
  handler: async ({ params }, { user, services }) => {
    await services.deadLetters.replay(user, params.id);
    return { message: 'Sent again' };
  },
});
