import { type GradingJob, nextLedgerEvent, type ResultDocument, resultId } from '../grading/documents.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Principal } from '../platform/define-endpoint.ts';
import { AppError, validationError } from '../platform/errors.ts';
import type { Ids } from '../platform/ids.ts';
import { untilWritten } from '../platform/optimistic.ts';
import { type Dispatcher, makeOutboxRecord } from '../platform/outbox.ts';
import { hasTooMuchMarkup, hasVisibleText, sanitiseRichText } from '../platform/rich-text.ts';
import type { Coursework, HandedIn, WorkSet } from './coursework-repository.ts';
import type { Pointers } from './directory-repository.ts';
import { answerHash } from './rules.ts';
import {
  answerBytesMax,
  type StateDocument,
  type StudentPartition,
  type SubmissionCreate,
  type SubmissionDocument,
} from './schemas.ts';

/** Throws `not_enrolled`. */
export function assertEnrolled(work: Pick<WorkSet, 'enrolment'>): void {
  if (!work.enrolment?.is_active) throw new AppError('not_enrolled', 'Not enrolled in this FlexAGEComp');
}

export function newState(at: StudentPartition, entryId: string, deps: { clock: Clock; ids: Ids }): StateDocument {
  const now = isoTime(deps.clock.now());
  return {
    id: `state:${entryId}`,
    type: 'state',
    schema_version: 1,
    ...at,
    state_id: deps.ids.next(),
    entry_id: entryId,
    status: 'not_submitted',
    latest_submission_id: null,
    latest_hash: null,
    created_at: now,
    updated_at: now,
  };
}

/** The answer as it will be stored: sanitised, with visible text, of a size that a document can hold. */
export function checkAnswer(input: SubmissionCreate): SubmissionCreate {
  assertSize(input.content);
  if (hasTooMuchMarkup(input.content)) throw unfit('contains too much markup', 'too_much_markup');
  const content = sanitiseRichText(input.content);
  // What was written as a sign may be stored as an entity, which is longer.
  assertSize(content);
  if (!hasVisibleText(content)) throw unfit('must contain visible text', 'empty_text');
  return { submission_title: input.submission_title, content };
}

function assertSize(content: string): void {
  if (Buffer.byteLength(content) <= answerBytesMax) return;
  throw new AppError('payload_too_large', `An answer may have at most ${answerBytesMax} bytes.`);
}

function unfit(msg: string, type: string): AppError {
  return validationError([{ loc: ['body', 'content'], msg, type }]);
}

/** The submission that this one repeats: made by the same request before, or the same answer still being graded. */
function repeated(work: WorkSet, answer: SubmissionCreate, newId: string): string | undefined {
  const state = work.states[0];
  const result = work.results[0];
  if (state === undefined || result === undefined) return undefined;
  const isInWork = result.outcome === null && result.status !== 'needs_attention';
  const isSame = state.latest_hash === answerHash(answer) && isInWork;
  return result.submission_id === newId || isSame ? result.submission_id : undefined;
}

/**
 * Hands an answer in: submission, state, ledger event and the message that asks for grading are one batch, so that
 * there is never one without the others.
 */
export function createHandIn(deps: {
  coursework: Coursework;
  pointers: Pointers;
  dispatcher: Dispatcher;
  clock: Clock;
  ids: Ids;
}): (
  user: Principal,
  at: StudentPartition,
  entryId: string,
  answer: SubmissionCreate,
  newId: string,
) => Promise<HandedIn> {
  const { coursework, pointers, dispatcher, clock, ids } = deps;

  function documents(
    user: Principal,
    at: StudentPartition,
    entryId: string,
    answer: SubmissionCreate,
    submissionId: string,
  ) {
    const now = isoTime(clock.now());
    const submission: SubmissionDocument = {
      id: submissionId,
      type: 'submission',
      schema_version: 1,
      ...at,
      submission_id: submissionId,
      entry_id: entryId,
      is_latest: true,
      student_name: user.full_name ?? user.username,
      ...answer,
      submitted_at: now,
    };
    const job: GradingJob = {
      job_id: ids.next(),
      ...at,
      entry_id: entryId,
      submission_id: submissionId,
      outcome_id: ids.next(),
      attempt: 1,
    };
    const fresh: ResultDocument = {
      id: resultId(submissionId),
      type: 'result',
      schema_version: 1,
      ...at,
      entry_id: entryId,
      submission_id: submissionId,
      is_latest: true,
      status: 'queued',
      grading: { status: 'queued', attempts: 0, next_attempt_at: null, last_error_code: null },
      outcome: null,
      job: {
        job_id: job.job_id,
        attempt: job.attempt,
        queued_at: now,
        claimed_by: null,
        claimed_until: null,
        bad_outputs: 0,
      },
      spent: { input_tokens: 0, output_tokens: 0, cost_micro_usd: 0 },
      ledger_seq: 0,
      updated_at: now,
    };
    const event = nextLedgerEvent(fresh, { at: now, event: 'submitted', actor: { kind: 'person', id: user.user_id } });
    const result: ResultDocument = { ...fresh, ledger_seq: event.seq };
    const record = makeOutboxRecord(
      { jobId: job.job_id, queue: 'grading', messageId: `${job.job_id}:1`, message: job },
      clock,
    );
    return { submission, result, event, outbox: { ...record, ...at } };
  }

  async function store(
    at: StudentPartition,
    answer: SubmissionCreate,
    work: WorkSet,
    made: ReturnType<typeof documents>,
  ): Promise<boolean> {
    const state = work.states[0];
    const previous = work.results[0];
    const { submission, result, event, outbox } = made;
    const changed: StateDocument = {
      ...(state ?? newState(at, submission.entry_id, deps)),
      status: 'submitted_processing',
      latest_submission_id: submission.submission_id,
      latest_hash: answerHash(answer),
      updated_at: submission.submitted_at,
    };
    const notLatest = [{ op: 'set' as const, path: '/is_latest', value: false }];
    const replaced = previous === undefined ? [] : [previous.submission_id, previous.id];
    const refusal = await coursework.tryBatch(at, [
      { op: 'create', doc: submission },
      { op: 'create', doc: result },
      { op: 'create', doc: event },
      { op: 'create', doc: outbox },
      state?._etag === undefined ? { op: 'create', doc: changed } : { op: 'replace', doc: changed, etag: state._etag },
      ...replaced.map((id) => ({ op: 'patch' as const, id, operations: notLatest })),
    ]);
    return refusal === undefined;
  }

  async function find(at: StudentPartition, submissionId: string): Promise<HandedIn | undefined> {
    const { submissions, results } = await coursework.submission(at, submissionId);
    return submissions[0] && { submission: submissions[0], result: results[0] };
  }

  return (user, at, entryId, answer, newId) =>
    untilWritten(async () => {
      const work = await coursework.submitContext(at, entryId);
      assertEnrolled(work);
      const first = repeated(work, answer, newId);
      if (first !== undefined) return find(at, first);
      await pointers.put({
        id: newId,
        type: 'submission',
        schema_version: 1,
        ...at,
        entry_id: entryId,
        submission_id: newId,
      });
      const made = documents(user, at, entryId, answer, newId);
      // Refused because someone else wrote in between, or because this very request was stored before and its answer was
      // lost; by now a newer submission may hide that from `repeated`.
      if (!(await store(at, answer, work, made))) return find(at, newId);
      await dispatcher.trySend(made.outbox);
      return { submission: made.submission, result: made.result };
    });
}
