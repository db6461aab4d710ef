import type { ResultDocument } from '../grading/documents.ts';
import type { Clock } from '../platform/clock.ts';
import type { Page, Principal } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import type { Ids } from '../platform/ids.ts';
import { untilWritten } from '../platform/optimistic.ts';
import type { Dispatcher } from '../platform/outbox.ts';
import { toPage } from '../platform/paging.ts';
import type { Paging } from '../platform/schemas.ts';
import { toWork } from './access.ts';
import type { Courses } from './courses-repository.ts';
import type { Coursework, WorkSet } from './coursework-repository.ts';
import type { Memberships, Pointers } from './directory-repository.ts';
import { assertEnrolled, checkAnswer, createHandIn, newState } from './hand-in.ts';
import { entryForStudent, outcomeForStudent } from './rules.ts';
import type {
  EntryDocument,
  EntryForStudent,
  MembershipDocument,
  StudentPartition,
  StudentSubmission,
  SubmissionCreate,
  SubmissionDocument,
} from './schemas.ts';
import { withResult } from './submissions-service.ts';

/** What students do and read. */
export interface StudyService {
  components(user: Principal, paging: Paging): Promise<Page<MembershipDocument['component']>>;
  /** Throws `not_found`, `not_enrolled`. */
  entries(user: Principal, compId: string): Promise<EntryForStudent[]>;
  entry(user: Principal, entryId: string): Promise<EntryForStudent>;
  /** Newest first. */
  submissionsOfEntry(user: Principal, entryId: string, paging: Paging): Promise<Page<StudentSubmission>>;
  /** Newest first, over all components. */
  submissions(user: Principal, paging: Paging): Promise<Page<StudentSubmission>>;
  /** Throws `not_found`, or `forbidden` when it is someone else's. */
  submission(user: Principal, submissionId: string): Promise<StudentSubmission>;
  /** Stores the answer and asks for its grading; the same answer again, while it is being graded, is the first one. */
  submit(user: Principal, entryId: string, input: SubmissionCreate, newId: string): Promise<StudentSubmission>;
}

const notFound = {
  component: () => new AppError('not_found', 'FlexAGEComp not found'),
  entry: () => new AppError('not_found', 'Entry not found'),
};

export function createStudyService(deps: {
  courses: Courses;
  coursework: Coursework;
  memberships: Memberships;
  pointers: Pointers;
  dispatcher: Dispatcher;
  clock: Clock;
  ids: Ids;
}): StudyService {
  const { courses, coursework, memberships, pointers } = deps;
  const handIn = createHandIn(deps);

  async function openEntry(user: Principal, entryId: string): Promise<{ entry: EntryDocument; at: StudentPartition }> {
    const pointer = await pointers.find(entryId, 'entry');
    const found = pointer && (await courses.findEntry(pointer.comp_id, entryId));
    if (found?.component === undefined || found.entry === undefined) throw notFound.entry();
    return { entry: found.entry, at: { comp_id: found.entry.comp_id, student_user_id: user.user_id } };
  }

  function forStudent(
    submission: SubmissionDocument,
    result: ResultDocument | undefined,
    isRubricVisible: boolean,
  ): StudentSubmission {
    const joined = withResult(submission, result);
    return { ...joined, outcome: outcomeForStudent(result?.outcome ?? null, isRubricVisible) };
  }

  /** An entry that a student sees for the first time gets a state, so that staff see who has opened what. */
  async function withStates(
    at: StudentPartition,
    entries: readonly EntryDocument[],
    read: () => Promise<WorkSet>,
  ): Promise<WorkSet> {
    return untilWritten(async () => {
      const work = await read();
      assertEnrolled(work);
      const missing = entries.filter((entry) => !work.states.some((state) => state.entry_id === entry.entry_id));
      const created = missing.slice(0, 100).map((entry) => newState(at, entry.entry_id, deps));
      if (created.length === 0) return work;
      const refusal = await coursework.tryBatch(
        at,
        created.map((doc) => ({ op: 'create', doc })),
      );
      if (refusal !== undefined || missing.length > created.length) return undefined;
      return { ...work, states: [...work.states, ...created] };
    });
  }

  function present(entry: EntryDocument, work: WorkSet): EntryForStudent {
    const state = work.states.find((doc) => doc.entry_id === entry.entry_id);
    const submission = work.submissions.find((doc) => doc.submission_id === state?.latest_submission_id);
    const result = work.results.find((doc) => doc.submission_id === submission?.submission_id);
    return {
      ...entryForStudent(entry),
      student_state: state
        ? { ...state, submission: submission ? forStudent(submission, result, entry.rubric_visible) : null }
        : null,
    };
  }

  return {
    async components(user, paging) {
      const page = toPage(await memberships.list(user.user_id, 'student', paging), paging, (row) => row.comp_id);
      return { ...page, items: page.items.map((row) => row.component) };
    },

    async entries(user, compId) {
      const at = { comp_id: compId, student_user_id: user.user_id };
      const { component, entries } = await courses.contents(compId);
      if (component === undefined) throw notFound.component();
      const work = await withStates(at, entries, () => coursework.inCourse(at));
      return entries.map((entry) => present(entry, work));
    },

    async entry(user, entryId) {
      const { entry, at } = await openEntry(user, entryId);
      return present(entry, await withStates(at, [entry], () => coursework.onEntry(at, entryId)));
    },

    async submissionsOfEntry(user, entryId, paging) {
      const { entry, at } = await openEntry(user, entryId);
      const [enrolment, found] = await Promise.all([
        coursework.enrolment(at),
        coursework.submissionsOfStudent(at, entryId, paging),
      ]);
      assertEnrolled({ enrolment });
      const page = toPage(found, paging, ({ submission }) => submission.submission_id);
      return {
        ...page,
        items: page.items.map(({ submission, result }) => forStudent(submission, result, entry.rubric_visible)),
      };
    },

    async submissions(user, paging) {
      const found = await coursework.submissionsOfPerson(user.user_id, paging);
      const page = toPage(found, paging, ({ submission }) => submission.submission_id);
      const ids = page.items.flatMap(({ submission }) => [submission.comp_id, submission.entry_id]);
      const { components, entries } = await courses.findAcross([...new Set(ids)]);
      // What belongs to a deleted component is kept, but shown to nobody.
      const shown = page.items.filter((item) => components.some((c) => c.comp_id === item.submission.comp_id));
      return {
        ...page,
        items: shown.map(({ submission, result }) => {
          const entry = entries.find((one) => one.entry_id === submission.entry_id);
          return forStudent(submission, result, entry?.rubric_visible ?? false);
        }),
      };
    },

    async submission(user, submissionId) {
      const work = toWork(await pointers.find(submissionId, 'submission'));
      if (work === undefined) throw new AppError('not_found', 'Submission not found');
      if (work.student_user_id !== user.user_id)
        throw new AppError('forbidden', 'Not authorized to view this submission');
      const [{ component, entry }, { submissions, results }] = await Promise.all([
        courses.findEntry(work.comp_id, work.entry_id),
        coursework.submission(work, submissionId),
      ]);
      const submission = submissions[0];
      if (component === undefined || submission === undefined) throw new AppError('not_found', 'Submission not found');
      return forStudent(submission, results[0], entry?.rubric_visible ?? false);
    },

    async submit(user, entryId, input, newId) {
      const answer = checkAnswer(input);
      const { entry, at } = await openEntry(user, entryId);
      const made = await handIn(user, at, entryId, answer, newId);
      return forStudent(made.submission, made.result, entry.rubric_visible);
    },
  };
}
