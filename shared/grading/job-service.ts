import type { Courses } from '../assessment/courses-repository.ts';
import type { Coursework, WorkSet } from '../assessment/coursework-repository.ts';
import type { Pointers } from '../assessment/directory-repository.ts';
import type { StudentPartition, SubmissionDocument } from '../assessment/schemas.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Logger } from '../platform/logging.ts';
import { untilWritten } from '../platform/optimistic.ts';
import { type Dispatcher, makeOutboxRecord, type OutboxRecord, outboxId, removeOutbox } from '../platform/outbox.ts';
import { type GradingJob, nextLedgerEvent, type ResultDocument, type Spending } from './documents.ts';
import { addSpending, type Graded, type GradingEngine, GradingFailure, noSpending } from './engine.ts';
import { decideAfterFailure, type RetryPolicy } from './retry-rules.ts';
import { mayMachineWrite, waitedS } from './state-rules.ts';
import { outcomeBatch } from './store-outcome.ts';

export interface GradingJobService {
  /** Grades one submission for a message of the queue. Harmless to repeat; returns when there is nothing left to do. */
  run(job: GradingJob, messageId: string): Promise<void>;
}

/** One attempt may take this long; the claim on the submission lasts a little longer. */
const attemptMs = 9 * 60_000;
const claimMs = 10 * 60_000;

interface Claim {
  work: WorkSet;
  result: ResultDocument;
}

interface Failed {
  code: string;
  kind: 'transient' | 'permanent' | 'unknown';
  retryAfterS?: number | undefined;
  spent: Spending;
}

export function createGradingJobService(deps: {
  coursework: Coursework;
  courses: Pick<Courses, 'findEntry'>;
  pointers: Pointers;
  engine: GradingEngine;
  dispatcher: Dispatcher;
  clock: Clock;
  logger: Logger;
  /** A number from 0 to 1 for the jitter of delays. */
  random: () => number;
  policy: RetryPolicy;
}): GradingJobService {
  const { coursework, courses, pointers, engine, dispatcher, clock, logger, policy } = deps;

  /** The work of the job as it is now; undefined when the job is over or was replaced by another one. */
  async function read(job: GradingJob): Promise<Claim | undefined> {
    const work = await coursework.gradingContext(job, { ...job, outbox_id: outboxId(job.job_id) });
    const result = work.results[0];
    // A message of an earlier attempt has come late: the next one has been planned, perhaps with a wait.
    const isDue = result?.job?.job_id === job.job_id && result.job.attempt === job.attempt;
    return result !== undefined && isDue ? { work, result } : undefined;
  }

  function outboxFor(message: GradingJob, messageId: string, delayMs?: number): OutboxRecord & StudentPartition {
    const { job_id: jobId, comp_id, student_user_id } = message;
    const fields = { jobId, queue: 'grading', messageId, message: { ...message } };
    const record = makeOutboxRecord(delayMs === undefined ? fields : { ...fields, delayMs }, clock);
    return { ...record, comp_id, student_user_id };
  }

  function isClaimedByAnother(result: ResultDocument, messageId: string): boolean {
    const { job } = result;
    if (job?.claimed_by == null || job.claimed_until === null) return false;
    const leftMs = Date.parse(job.claimed_until) - clock.now();
    // The same message again means that its first run lost its lock: whichever run ends first counts, and the other's
    // writes are refused. A claim that lasts longer than any claim can was made before the clock was put back.
    return job.claimed_by !== messageId && leftMs > 0 && leftMs <= claimMs;
  }

  /** Marks the submission as being graded by this message; undefined when it is not this message's to grade. */
  async function claim(job: GradingJob, messageId: string): Promise<Claim | undefined> {
    const claimed = await untilWritten(async () => {
      const found = await read(job);
      if (found === undefined || isClaimedByAnother(found.result, messageId)) return { claim: undefined };
      const { work, result } = found;
      const untilMs = clock.now() + claimMs;
      const running: ResultDocument = {
        ...result,
        status: 'running',
        grading: { ...result.grading, status: 'running', attempts: result.grading.attempts + 1, next_attempt_at: null },
        job: result.job && { ...result.job, claimed_by: messageId, claimed_until: isoTime(untilMs) },
        updated_at: isoTime(clock.now()),
      };
      // A job that was given up has no record any more; replayed, it needs an owner again.
      const record = work.outbox ?? outboxFor(job, messageId);
      const taken = { ...record, is_taken: true, deadline: isoTime(untilMs + 60_000) };
      const refusal = await coursework.tryBatch(job, [
        { op: 'replace', doc: running, etag: result._etag ?? '' },
        { op: 'upsert', doc: taken },
      ]);
      return refusal === undefined ? { claim: { work: { ...work, outbox: taken }, result: running } } : undefined;
    });
    if (claimed.claim === undefined) return undefined;
    // A batch does not tell the new ETag, which the outcome will be written against.
    const result = await coursework.result(job, claimed.claim.result.id);
    return result?.job?.claimed_by === messageId ? { ...claimed.claim, result } : undefined;
  }

  function holds(found: Claim | undefined, messageId: string): found is Claim {
    return found?.result.job?.claimed_by === messageId;
  }

  /** Written before the outcome, so that the outcome is never out of reach. */
  function pointToOutcome(job: GradingJob): Promise<void> {
    const { comp_id, student_user_id, entry_id, submission_id } = job;
    const where = { comp_id, student_user_id, entry_id, submission_id };
    return pointers.put({ id: job.outcome_id, type: 'outcome', schema_version: 1, ...where });
  }

  /** What a log line says so that an alert can be set on how long students wait. */
  function waitOf({ submission_id, comp_id, submitted_at }: SubmissionDocument) {
    return { submission_id, comp_id, waited_s: waitedS(submitted_at, clock.now()) };
  }

  async function storeGraded(
    job: GradingJob,
    messageId: string,
    claimed: Claim,
    submission: SubmissionDocument,
    graded: Graded,
  ): Promise<void> {
    let known: Claim | undefined = claimed;
    const stored = await untilWritten(async () => {
      // What was read with the claim nearly always still holds; only a refused batch makes it worth reading again.
      const found = known ?? (await read(job));
      known = undefined;
      // Someone else was faster, or a person has decided meanwhile: this outcome is not wanted any more.
      if (!holds(found, messageId)) return 'dropped';
      const { work, result } = found;
      if (!mayMachineWrite({ currentOutcome: result.outcome, forcedByPerson: false })) return 'dropped';
      const spent = addSpending(result.spent, graded.spent);
      const refusal = await coursework.tryBatch(
        job,
        outcomeBatch(
          work,
          { ...result, spent },
          {
            outcome: {
              outcome_id: job.outcome_id,
              submission_id: job.submission_id,
              outcome_data: graded.outcomeData,
              is_llm_generated: true,
              generated_at: isoTime(clock.now()),
            },
            event: {
              event: 'graded',
              actor: { kind: 'model', id: graded.model },
              provider: graded.provider,
              model: graded.model,
              prompt_version: graded.promptVersion,
              rubric_hash: graded.rubricHash,
              ...spent,
            },
          },
        ),
      );
      return refusal === undefined ? 'stored' : undefined;
    });
    if (stored !== 'stored') return;
    const { provider, model } = graded;
    const { attempts } = claimed.result.grading;
    logger.info('submission_graded', { ...waitOf(submission), attempts, provider, model, ...graded.spent });
  }

  /** What the failure leads to, as operations on the result, the ledger and the outbox, and what to send afterwards. */
  function afterFailure(job: GradingJob, { work, result }: Claim, failed: Failed) {
    const badOutputs = (result.job?.bad_outputs ?? 0) + (failed.kind === 'unknown' ? 1 : 0);
    const decision = decideAfterFailure({
      ...failed,
      attempts: result.grading.attempts,
      badOutputs,
      firstQueuedAtMs: Date.parse(result.job?.queued_at ?? result.updated_at),
      nowMs: clock.now(),
      jitter01: deps.random(),
      policy,
    });
    const now = isoTime(clock.now());
    const spent = addSpending(result.spent, failed.spent);
    const status = decision.next === 'retry' ? 'retrying' : 'needs_attention';
    const delayMs = decision.next === 'retry' ? decision.delayS * 1000 : 0;
    const changed: ResultDocument = {
      ...result,
      status,
      grading: {
        ...result.grading,
        status,
        next_attempt_at: decision.next === 'retry' ? isoTime(clock.now() + delayMs) : null,
        last_error_code: failed.code,
      },
      job: result.job && {
        ...result.job,
        // Other messages of this attempt, should there be any, are late from now on.
        attempt: job.attempt + 1,
        claimed_by: null,
        claimed_until: null,
        bad_outputs: badOutputs,
      },
      spent,
      updated_at: now,
    };
    const replace = (doc: ResultDocument) => ({ op: 'replace' as const, doc, etag: result._etag ?? '' });
    if (decision.next === 'retry') {
      const attempt = job.attempt + 1;
      const outbox = outboxFor({ ...job, attempt }, `${job.job_id}:${attempt}`, delayMs);
      return { operations: [replace(changed), { op: 'upsert' as const, doc: outbox }], outbox, status };
    }
    const event = nextLedgerEvent(result, {
      at: now,
      event: 'grading_failed',
      actor: { kind: 'system', id: 'grading' },
      reason: `${failed.code}: ${decision.reason}`,
      ...spent,
    });
    const operations = [
      replace({ ...changed, ledger_seq: event.seq }),
      { op: 'create' as const, doc: event },
      ...(work.outbox === undefined ? [] : [removeOutbox(job.job_id)]),
    ];
    return { operations, outbox: undefined, status };
  }

  async function storeFailure(
    job: GradingJob,
    messageId: string,
    submission: SubmissionDocument,
    failed: Failed,
  ): Promise<void> {
    const next = await untilWritten(async () => {
      const found = await read(job);
      if (!holds(found, messageId)) return { status: 'dropped', outbox: undefined };
      const after = afterFailure(job, found, failed);
      return (await coursework.tryBatch(job, after.operations)) === undefined ? after : undefined;
    });
    logger.warn('grading_attempt_failed', { ...waitOf(submission), code: failed.code, next: next.status });
    if (next.outbox !== undefined) await dispatcher.trySend(next.outbox);
  }

  /**
   * After an error that nobody foresaw the message goes back to its queue, and in the end to the dead letters. The claim
   * is given up, so that a replay, or the sweeper's message, need not wait until it ends by itself.
   */
  async function giveBack(job: GradingJob, messageId: string): Promise<void> {
    await untilWritten(async () => {
      const found = await read(job);
      if (!holds(found, messageId)) return true;
      const { result } = found;
      const open: ResultDocument = {
        ...result,
        status: 'retrying',
        grading: { ...result.grading, status: 'retrying', last_error_code: 'internal_error' },
        job: result.job && { ...result.job, claimed_by: null, claimed_until: null },
        updated_at: isoTime(clock.now()),
      };
      const refusal = await coursework.tryBatch(job, [{ op: 'replace', doc: open, etag: result._etag ?? '' }]);
      return refusal === undefined ? true : undefined;
    });
  }

  async function gradeClaimed(
    job: GradingJob,
    messageId: string,
    claimed: Claim,
    submission: SubmissionDocument,
  ): Promise<void> {
    const [{ component, entry }] = await Promise.all([
      courses.findEntry(job.comp_id, job.entry_id),
      pointToOutcome(job),
    ]);
    if (component === undefined || entry === undefined) {
      await storeFailure(job, messageId, submission, { code: 'entry_deleted', kind: 'permanent', spent: noSpending });
      return;
    }
    let graded: Graded;
    try {
      graded = await engine.grade({ entry, submission, deadlineMs: clock.now() + attemptMs });
    } catch (error) {
      if (!(error instanceof GradingFailure)) throw error;
      await storeFailure(job, messageId, submission, error);
      return;
    }
    await storeGraded(job, messageId, claimed, submission, graded);
  }

  return {
    async run(job, messageId) {
      const claimed = await claim(job, messageId);
      const submission = claimed?.work.submissions[0];
      if (claimed === undefined || submission === undefined) return;
      try {
        await gradeClaimed(job, messageId, claimed, submission);
      } catch (error) {
        // When this fails too, the claim ends by itself.
        await giveBack(job, messageId).catch(() => undefined);
        throw error;
      }
    },
  };
}
