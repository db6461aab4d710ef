import type { Coursework } from '../assessment/coursework-repository.ts';
import type { StudentPartition } from '../assessment/schemas.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Logger } from '../platform/logging.ts';
import { type Dispatcher, type OutboxRecord, outboxGraceMs } from '../platform/outbox.ts';
import { GradingJob, nextLedgerEvent, type ResultDocument } from './documents.ts';

export interface SweepService {
  /** Looks for jobs that nobody has moved on before their deadline: sends them again, and in the end asks a person. */
  sweep(): Promise<void>;
}

/** After so many sweeps the queue has failed for hours: a person must look. */
const sweepsMax = 4;

export function createSweepService(deps: {
  coursework: Coursework;
  dispatcher: Dispatcher;
  clock: Clock;
  logger: Logger;
}): SweepService {
  const { coursework, dispatcher, clock, logger } = deps;

  async function sendAgain(record: OutboxRecord & StudentPartition): Promise<void> {
    const sweeps = record.sweeps + 1;
    const again = {
      ...record,
      sweeps,
      // A new message id, because the queue may still remember the old one and take this one for a repetition.
      message_id: `${record.message_id.replace(/:s\d+$/, '')}:s${sweeps}`,
      scheduled_for: null,
      is_taken: false,
      deadline: isoTime(clock.now() + outboxGraceMs * 2 ** sweeps),
    };
    const refusal = await coursework.tryBatch(record, [{ op: 'replace', doc: again, etag: record._etag ?? '' }]);
    if (refusal === undefined) await dispatcher.trySend(again);
  }

  async function giveUp(record: OutboxRecord & StudentPartition): Promise<void> {
    const job = GradingJob.parse(record.message);
    const work = await coursework.gradingContext(job, { ...job, outbox_id: record.id });
    const result = work.results[0];
    if (result?.job?.job_id !== job.job_id) {
      // The job is over; only its record was left behind.
      await coursework.tryBatch(record, [{ op: 'remove', id: record.id }]);
      return;
    }
    const now = isoTime(clock.now());
    const event = nextLedgerEvent(result, {
      at: now,
      event: 'grading_failed',
      actor: { kind: 'system', id: 'sweeper' },
      reason: 'deadline_passed',
      ...result.spent,
    });
    const changed: ResultDocument = {
      ...result,
      status: 'needs_attention',
      grading: {
        ...result.grading,
        status: 'needs_attention',
        next_attempt_at: null,
        last_error_code: result.grading.last_error_code ?? 'deadline_passed',
      },
      job: { ...result.job, claimed_by: null, claimed_until: null },
      ledger_seq: event.seq,
      updated_at: now,
    };
    await coursework.tryBatch(record, [
      { op: 'replace', doc: changed, etag: result._etag ?? '' },
      { op: 'create', doc: event },
      { op: 'remove', id: record.id },
    ]);
  }

  return {
    async sweep() {
      for (const record of await coursework.overdueOutbox(isoTime(clock.now()))) {
        logger.warn('job_overdue', { queue: record.queue, job_id: record.job_id, sweeps: record.sweeps });
        try {
          if (record.sweeps < sweepsMax) await sendAgain(record);
          else await giveUp(record);
        } catch (error) {
          // One job that cannot be moved on must not keep the others waiting; it comes again with the next sweep.
          logger.error('sweep_failed', { queue: record.queue, job_id: record.job_id, error });
        }
      }
    },
  };
}
