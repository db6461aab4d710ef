import type { Access, Work } from '../assessment/access.ts';
import type { Courses } from '../assessment/courses-repository.ts';
import type { Coursework, WorkSet } from '../assessment/coursework-repository.ts';
import type { Memberships, Pointers } from '../assessment/directory-repository.ts';
import { staffListOf } from '../assessment/rules.ts';
import type { OutcomeUpdate } from '../assessment/schemas.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Page, Principal } from '../platform/define-endpoint.ts';
import { AppError, validationError } from '../platform/errors.ts';
import type { Ids } from '../platform/ids.ts';
import { assertVersion, untilWritten } from '../platform/optimistic.ts';
import { outboxId } from '../platform/outbox.ts';
import { toPage } from '../platform/paging.ts';
import { sanitiseRichText } from '../platform/rich-text.ts';
import type { Paging } from '../platform/schemas.ts';
import { type LedgerEvent, type ResultDocument, resultId, type StoredOutcome } from './documents.ts';
import { type Graded, type GradingEngine, GradingFailure } from './engine.ts';
import { completeOutcome } from './person-rules.ts';
import { gradingLimits } from './schemas.ts';
import { type NewOutcome, outcomeBatch } from './store-outcome.ts';

export type OutcomeWithVersion = StoredOutcome & { _etag?: string };

/** What staff do with outcomes. */
export interface OutcomeService {
  /** Throws `not_found`. */
  get(user: Principal, outcomeId: string): Promise<OutcomeWithVersion>;
  /** Grades now. Throws `outcome_exists` unless forced, `grading_unavailable` when the model is down; then nothing changes. */
  generate(user: Principal, submissionId: string, isForced: boolean): Promise<OutcomeWithVersion>;
  /** A person's outcome in place of the present one, which the ledger keeps. Throws `precondition_failed`. */
  override(
    user: Principal,
    outcomeId: string,
    input: OutcomeUpdate,
    ifMatch: string | undefined,
  ): Promise<OutcomeWithVersion>;
  /** A person's outcome for a submission, whether or not it has one already. */
  set(
    user: Principal,
    submissionId: string,
    input: OutcomeUpdate,

    ifMatch: string | undefined,
  ): Promise<OutcomeWithVersion>;
  /** All that happened to the submission, oldest first. */
  ledger(user: Principal, submissionId: string): Promise<LedgerEvent[]>;
  /** Submissions that the machine cannot grade, of the components that the caller manages; oldest first. */
  needingAttention(user: Principal, paging: Paging): Promise<Page<ResultDocument>>;
}

/** The front end cuts an answer at 230 s; the model must have given up before. */
const synchronousMs = 200_000;

function withVersion(outcome: StoredOutcome, result: ResultDocument): OutcomeWithVersion {
  return result._etag === undefined ? outcome : { ...outcome, _etag: result._etag };
}

export function createOutcomeService(deps: {
  access: Access;
  coursework: Coursework;
  courses: Pick<Courses, 'findEntry'>;
  memberships: Memberships;
  pointers: Pointers;
  engine: GradingEngine;
  clock: Clock;
  ids: Ids;
}): OutcomeService {
  const { access, coursework, courses, memberships, pointers, engine, clock, ids } = deps;

  async function read(work: Work): Promise<{ set: WorkSet; result: ResultDocument }> {
    const present = await coursework.result(work, resultId(work.submission_id));
    const set = await coursework.gradingContext(work, {
      ...work,
      outbox_id: outboxId(present?.job?.job_id ?? work.submission_id),
    });
    const result = set.results[0];
    if (result === undefined) throw new AppError('not_found', 'Submission not found');
    return { set, result };
  }

  /** Writes an outcome against what was read; undefined when it changed in between. */
  async function write(
    work: Work,
    found: { set: WorkSet; result: ResultDocument },
    next: NewOutcome,
  ): Promise<OutcomeWithVersion | undefined> {
    const refusal = await coursework.tryBatch(work, outcomeBatch(found.set, found.result, next));
    if (refusal !== undefined) return undefined;
    const stored = await coursework.result(work, resultId(work.submission_id));
    return stored ? withVersion(next.outcome, stored) : next.outcome;
  }

  async function newOutcomeId(work: Work): Promise<string> {
    const id = ids.next();
    const { comp_id, student_user_id, entry_id, submission_id } = work;
    await pointers.put({ id, type: 'outcome', schema_version: 1, comp_id, student_user_id, entry_id, submission_id });
    return id;
  }

  async function gradeNow(work: Work, set: WorkSet): Promise<Graded> {
    const { entry } = await courses.findEntry(work.comp_id, work.entry_id);
    const submission = set.submissions[0];
    if (entry === undefined || submission === undefined) throw new AppError('not_found', 'Submission not found');
    try {
      return await engine.grade({ entry, submission, deadlineMs: clock.now() + synchronousMs });
    } catch (error) {
      if (!(error instanceof GradingFailure)) throw error;
      const detail = `The model could not grade this submission (${error.code}); nothing was changed.`;
      throw new AppError('grading_unavailable', detail, { retryAfterS: error.retryAfterS ?? 30, cause: error });
    }
  }

  function setByPerson(
    user: Principal,
    work: Work,
    choose: (result: ResultDocument) => string | Promise<string>,
    input: OutcomeUpdate,
    ifMatch: string | undefined,
  ): Promise<OutcomeWithVersion> {
    const data = completeOutcome(input.outcome_data);
    const outcome_data = { ...data, feedback_text: sanitiseRichText(data.feedback_text) };
    if (outcome_data.feedback_text.length > gradingLimits.feedbackCharacters) {
      // What was written as a sign may be stored as an entity, which is longer.
      throw validationError([{ loc: ['body', 'outcome_data', 'feedback_text'], msg: 'is too long', type: 'too_big' }]);
    }
    return untilWritten(async () => {
      const found = await read(work);
      assertVersion(ifMatch, found.result._etag);
      return write(work, found, {
        outcome: {
          outcome_id: await choose(found.result),
          submission_id: work.submission_id,
          outcome_data,
          is_llm_generated: false,
          generated_at: isoTime(clock.now()),
        },
        event: { event: 'overridden', actor: { kind: 'person', id: user.user_id }, reason: input.reason ?? null },
      });
    });
  }

  return {
    async get(user, outcomeId) {
      const work = await access.work(user, 'outcome', outcomeId);
      const result = await coursework.result(work, resultId(work.submission_id));
      if (result?.outcome?.outcome_id !== outcomeId) throw new AppError('not_found', 'Outcome not found');
      return withVersion(result.outcome, result);
    },

    async generate(user, submissionId, isForced) {
      const work = await access.work(user, 'submission', submissionId);
      const before = await read(work);
      if (before.result.outcome !== null && !isForced) {
        throw new AppError(
          'outcome_exists',
          'Outcome already exists for this submission; use force_regenerate=true to replace it',
        );
      }
      const graded = await gradeNow(work, before.set);
      const outcomeId = await newOutcomeId(work);
      return untilWritten(async () => {
        const found = await read(work);
        const present = found.result.outcome;
        // The queue was faster: its outcome counts, unless the caller wants a new one.
        if (present !== null && !isForced) return withVersion(present, found.result);
        // Forcing replaces the outcome that the caller saw, not one that a person has set while the model was thinking.
        const isUnseen = present?.generated_at !== before.result.outcome?.generated_at;
        if (present !== null && !present.is_llm_generated && isUnseen) {
          throw new AppError('conflict', 'Someone has set an outcome in the meantime; nothing was changed.');
        }
        return write(work, found, {
          outcome: {
            outcome_id: outcomeId,
            submission_id: submissionId,
            outcome_data: graded.outcomeData,
            is_llm_generated: true,
            generated_at: isoTime(clock.now()),
          },
          event: {
            event: present === null ? 'graded' : 'regenerated',
            actor: { kind: 'person', id: user.user_id },
            provider: graded.provider,
            model: graded.model,
            prompt_version: graded.promptVersion,
            rubric_hash: graded.rubricHash,
            ...graded.spent,
          },
        });
      });
    },

    async override(user, outcomeId, input, ifMatch) {
      const work = await access.work(user, 'outcome', outcomeId);
      const sameId = (result: ResultDocument) => {
        if (result.outcome?.outcome_id !== outcomeId) throw new AppError('not_found', 'Outcome not found');
        return outcomeId;
      };
      return setByPerson(user, work, sameId, input, ifMatch);
    },

    async set(user, submissionId, input, ifMatch) {
      const work = await access.work(user, 'submission', submissionId);
      const anyId = (result: ResultDocument) => result.outcome?.outcome_id ?? newOutcomeId(work);
      return setByPerson(user, work, anyId, input, ifMatch);
    },

    async ledger(user, submissionId) {
      return coursework.ledger(await access.work(user, 'submission', submissionId), submissionId);
    },

    async needingAttention(user, paging) {
      const compIds = await memberships.listIds(staffListOf(user), 'staff');
      return toPage(await coursework.needingAttention(compIds, paging), paging, (result) => result.submission_id);
    },
  };
}
