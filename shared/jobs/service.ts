import type { ServiceBus } from '../adapters/service-bus/client.ts';
import type { DeadLetter as QueueDeadLetter } from '../adapters/service-bus/dead-letters.ts';
import type { AuditLog } from '../audit/log.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Page, Principal } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import { fromCursor, toPage } from '../platform/paging.ts';
import type { Paging } from '../platform/schemas.ts';
import type { DeadLetter } from './schemas.ts';

/** What the queues gave up on, over all queues. Ids are `<queue>:<sequence number>`. */
export interface DeadLetterService {
  list(paging: Omit<Paging, 'skip'>): Promise<Page<DeadLetter>>;
  /** Throws `not_found`. */
  get(id: string): Promise<DeadLetter>;
  /** Sends the message to its queue once more and removes it here; throws `not_found`. */
  replay(user: Principal, id: string): Promise<void>;
  discard(user: Principal, id: string): Promise<void>;
}

function present(queue: string, message: QueueDeadLetter): DeadLetter {
  return {
    id: `${queue}:${message.sequence}`,
    queue,
    message_id: message.messageId,
    job_id: message.correlationId ?? null,
    enqueued_at: message.enqueuedAt === undefined ? null : isoTime(message.enqueuedAt.getTime()),
    delivery_count: message.deliveryCount,
    reason: message.reason ?? null,
    description: message.description ?? null,
    body: message.body,
  };
}

export function createDeadLetterService(deps: {
  serviceBus: ServiceBus;
  queues: readonly string[];
  audit: AuditLog;
  clock: Clock;
}): DeadLetterService {
  const { serviceBus, queues, audit, clock } = deps;

  function locate(id: string): { queue: string; sequence: string } {
    const [queue = '', sequence = ''] = id.split(':');
    if (!queues.includes(queue)) throw missing();
    return { queue, sequence };
  }

  /** The cursor is the id of the last item: its queue, and its number there. */
  function startOf(cursor: string | undefined): { queueIndex: number; sequence?: string } {
    const [queue = '', last = ''] = cursor === undefined ? [] : fromCursor(cursor).split(':');
    const queueIndex = queues.indexOf(queue);
    if (queueIndex < 0 || !/^\d{1,19}$/.test(last)) return { queueIndex: 0 };
    return { queueIndex, sequence: (BigInt(last) + 1n).toString() };
  }

  function missing(): AppError {
    return new AppError('not_found', 'Dead letter not found');
  }

  async function take(
    user: Principal,
    action: 'dead_letter.replayed' | 'dead_letter.discarded',
    id: string,
    beforeRemoval?: (queue: string, message: QueueDeadLetter) => Promise<void>,
  ): Promise<void> {
    const { queue, sequence } = locate(id);
    const removed = await serviceBus.removeDeadLetter(queue, sequence, async (message) => {
      const detail = { message_id: message.messageId, job_id: message.correlationId ?? null };
      await audit.write({ by: user, action, target: { type: 'dead_letter', id }, detail });
      await beforeRemoval?.(queue, message);
    });
    if (removed === undefined) throw missing();
  }

  return {
    async list({ limit, cursor }) {
      const start = startOf(cursor);
      const items: DeadLetter[] = [];
      for (const queue of queues.slice(start.queueIndex)) {
        if (items.length > limit) break;
        const fromSequence = queue === queues[start.queueIndex] ? start.sequence : undefined;
        const found = await serviceBus.peekDeadLetters(queue, { limit: limit + 1 - items.length, fromSequence });
        items.push(...found.map((message) => present(queue, message)));
      }
      return toPage(items, { limit }, (item) => item.id);
    },

    async get(id) {
      const { queue, sequence } = locate(id);
      const message = await serviceBus.getDeadLetter(queue, sequence);
      if (message === undefined) throw missing();
      return present(queue, message);
    },

    replay(user, id) {
      return take(user, 'dead_letter.replayed', id, (queue, message) =>
        serviceBus.send(queue, {
          body: message.body,
          // A new id, because the queue may still remember the old one and take this message for a repetition.
          messageId: `${message.messageId}:replay-${clock.now()}`,
          correlationId: message.correlationId,
        }),
      );
    },

    discard: (user, id) => take(user, 'dead_letter.discarded', id),
  };
}
