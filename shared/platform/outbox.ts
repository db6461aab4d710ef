import type { BatchOperation } from '../adapters/cosmos/container.ts';
import type { ServiceBus } from '../adapters/service-bus/client.ts';
import type { Clock } from './clock.ts';
import { isoTime } from './clock.ts';
import type { Logger } from './logging.ts';

/**
 * A message that must be sent, stored in the batch that makes it necessary. It stays until the job is over; whoever
 * ends the job removes it in the same batch. Sending it twice is harmless: the message id is the same, and consumers
 * check the state before they work.
 */
export interface OutboxRecord {
  id: string;
  type: 'outbox';
  schema_version: 1;
  job_id: string;
  queue: string;
  message_id: string;
  message: Record<string, unknown>;
  /** When the message shall become visible; null: at once. */
  scheduled_for: string | null;
  /** When the sweeper may suppose that nobody works on the job any more. */
  deadline: string;
  /** How often the sweeper has sent it again. */
  sweeps: number;
  _etag?: string;
}

export const outboxGraceMs = 15 * 60_000;

export function outboxId(jobId: string): string {
  return `outbox:${jobId}`;
}

export function makeOutboxRecord(
  fields: { jobId: string; queue: string; messageId: string; message: Record<string, unknown>; delayMs?: number },
  clock: Clock,
): OutboxRecord {
  const dueMs = clock.now() + (fields.delayMs ?? 0);
  return {
    id: outboxId(fields.jobId),
    type: 'outbox',
    schema_version: 1,
    job_id: fields.jobId,
    queue: fields.queue,
    message_id: fields.messageId,
    message: fields.message,
    scheduled_for: fields.delayMs === undefined ? null : isoTime(dueMs),
    deadline: isoTime(dueMs + outboxGraceMs),
    sweeps: 0,
  };
}

export function removeOutbox(jobId: string): BatchOperation {
  return { op: 'remove', id: outboxId(jobId) };
}

export interface Dispatcher {
  /** Sends the message now; a failure is only logged, because the change feed and the sweeper will send it. */
  trySend(record: OutboxRecord): Promise<void>;
  /** Sends the message or throws. */
  send(record: OutboxRecord): Promise<void>;
}

export function createDispatcher(deps: { serviceBus: ServiceBus; clock: Clock; logger: Logger }): Dispatcher {
  async function send(record: OutboxRecord): Promise<void> {
    const dueMs = record.scheduled_for === null ? 0 : Date.parse(record.scheduled_for);
    await deps.serviceBus.send(record.queue, {
      body: record.message,
      messageId: record.message_id,
      correlationId: record.job_id,
      ...(dueMs > deps.clock.now() ? { scheduledFor: new Date(dueMs) } : {}),
    });
  }
  return {
    send,
    async trySend(record) {
      try {
        await send(record);
      } catch (error) {
        deps.logger.warn('outbox_send_failed', { queue: record.queue, job_id: record.job_id, error });
      }
    },
  };
}
