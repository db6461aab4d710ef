import { z } from 'zod';
import { Timestamp } from '../platform/schemas.ts';

export const DeadLetterId = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,49}:\d{1,19}$/, 'is not the id of a dead letter')
  .describe('`<queue>:<sequence number>`');

export const DeadLetter = z
  .object({
    id: DeadLetterId,
    queue: z.string(),
    message_id: z.string(),
    job_id: z.string().nullable().describe('The job that the message belongs to'),
    enqueued_at: Timestamp.nullable(),
    delivery_count: z.int().min(0).describe('How often the queue handed the message out'),
    reason: z.string().nullable().describe('Why the queue gave up'),
    description: z.string().nullable(),
    body: z.unknown().describe('The message itself: identifiers, never what people wrote'),
  })
  .meta({ id: 'DeadLetter', description: 'A message that a queue gave up on.' });
export type DeadLetter = z.output<typeof DeadLetter>;
