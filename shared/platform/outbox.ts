import { setTimeout } from 'node:timers/promises';
import type { BatchOperation } from '../adapters/cosmos/container.ts';
import type { ServiceBus } from '../adapters/service-bus/client.ts';
import { ServiceBusFailure } from '../adapters/service-bus/errors.ts';
import type { Clock } from './clock.ts';
import { isoTime } from './clock.ts';
import type { Logger } from './logging.ts';
import { parseTraceparent, toTraceparent } from './trace-context.ts';
import { currentTraceparent, endSpan, errorTypeOf, messagingAttributes, spanKind, startSpan } from './tracing.ts';

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
  /** A worker has the message, so it need not be sent; absent means false. */
  is_taken?: boolean;
  /** The operation that made the message necessary (W3C Trace Context), whoever sends it and whenever; old records have none. */
  traceparent?: string;
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
  const traceparent = currentTraceparent();
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
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}

export function removeOutbox(jobId: string): BatchOperation {
  return { op: 'remove', id: outboxId(jobId) };
}

export interface Dispatcher {
  /** Sends the message now; a failure is only logged, because the change feed and the sweeper will send it. */
  trySend(record: OutboxRecord): Promise<void>;
  /**
   * Sends the message of a record that changed, unless a worker has it already: claiming a job changes its record, and
   * a queue that has forgotten the message id would hand out a second copy. Throws when the queue is out of reach; what
   * no later try can send is only logged, and the sweeper hands its job to a person.
   */
  follow(record: OutboxRecord): Promise<void>;
}

/** Whoever waits for an answer need not wait for a queue that does not answer. */
const trySendMs = 2_000;

export function createDispatcher(deps: { serviceBus: ServiceBus; clock: Clock; logger: Logger }): Dispatcher {
  async function send(record: OutboxRecord): Promise<void> {
    const { queue, job_id: jobId, message_id: messageId } = record;
    const dueMs = record.scheduled_for === null ? 0 : Date.parse(record.scheduled_for);
    const attributes = { ...messagingAttributes('send', queue, messageId), 'lyceum.job_id': jobId };
    const span = startSpan(`send ${queue}`, spanKind.producer, attributes, parseTraceparent(record.traceparent));
    const traceparent = span === undefined ? record.traceparent : toTraceparent(span.spanContext());
    try {
      await deps.serviceBus.send(queue, {
        body: record.message,
        messageId,
        correlationId: jobId,
        ...(dueMs > deps.clock.now() ? { scheduledFor: new Date(dueMs) } : {}),
        // The host reads the first name, everybody else the second.
        ...(traceparent === undefined ? {} : { applicationProperties: { 'Diagnostic-Id': traceparent, traceparent } }),
      });
      endSpan(span, {});
    } catch (error) {
      endSpan(span, {}, errorTypeOf(error));
      throw error;
    }
  }
  function logFailure(record: OutboxRecord, error: unknown): void {
    deps.logger.warn('outbox_send_failed', { queue: record.queue, job_id: record.job_id, error });
  }

  return {
    async trySend(record) {
      const limit = new AbortController();
      const sending = send(record).catch((error: unknown) => logFailure(record, error));
      await Promise.race([sending, setTimeout(trySendMs, undefined, { signal: limit.signal }).catch(() => undefined)]);
      limit.abort();
    },
    async follow(record) {
      if (record.is_taken === true) return;
      try {
        await send(record);
      } catch (error) {
        if (!(error instanceof ServiceBusFailure) || error.retryable) throw error;
        logFailure(record, error);
      }
    },
  };
}
