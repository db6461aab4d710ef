import type { ResultDocument } from '../grading/documents.ts';
import type { GradingState } from '../grading/schemas.ts';
import type { Page, Principal } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import { toPage } from '../platform/paging.ts';
import type { Paging } from '../platform/schemas.ts';
import type { Access } from './access.ts';
import type { Coursework, HandedIn } from './coursework-repository.ts';
import type { Memberships } from './directory-repository.ts';
import { staffListOf } from './rules.ts';
import type { StateDocument, StudentState, Submission, SubmissionDocument } from './schemas.ts';

/** What staff read of their students' work. */
export interface SubmissionsService {
  get(user: Principal, submissionId: string): Promise<Submission>;
  /** Newest first; without an entry, over all components that the caller manages. */
  list(
    user: Principal,
    filter: { entry_id?: string | undefined; student_user_id?: string | undefined },
    paging: Paging,
  ): Promise<Page<Submission>>;
  /** One row per student who has opened the entry or handed something in. */
  states(user: Principal, entryId: string): Promise<StudentState[]>;
}

const unknownGrading: GradingState = { status: 'queued', attempts: 0, next_attempt_at: null, last_error_code: null };

/** The submission together with its changing part. */
export function withResult(submission: SubmissionDocument, result: ResultDocument | undefined): Submission {
  return { ...submission, grading: result?.grading ?? unknownGrading, outcome: result?.outcome ?? null };
}

export function createSubmissionsService(deps: {
  access: Access;
  coursework: Coursework;
  memberships: Memberships;
}): SubmissionsService {
  const { access, coursework, memberships } = deps;

  const idOf = ({ submission }: HandedIn) => submission.submission_id;

  async function found(
    user: Principal,
    filter: { entry_id?: string | undefined; student_user_id: string },
    paging: Paging,
  ): Promise<HandedIn[]> {
    if (filter.entry_id === undefined) {
      const compIds = await memberships.listIds(staffListOf(user), 'staff');
      return coursework.submissionsOfCourses(compIds, filter.student_user_id, paging);
    }
    const { entry } = await access.entry(user, filter.entry_id);
    const where = { entry_id: entry.entry_id, student_user_id: filter.student_user_id };
    return coursework.submissionsOfEntry(entry.comp_id, where, paging);
  }

  return {
    async get(user, submissionId) {
      const work = await access.work(user, 'submission', submissionId);
      const { submissions, results } = await coursework.submission(work, submissionId);
      if (submissions[0] === undefined) throw new AppError('not_found', 'Submission not found');
      return withResult(submissions[0], results[0]);
    },

    async list(user, filter, paging) {
      const student = filter.student_user_id ?? '';
      const page = toPage(await found(user, { ...filter, student_user_id: student }, paging), paging, idOf);
      return { ...page, items: page.items.map(({ submission, result }) => withResult(submission, result)) };
    },

    async states(user, entryId) {
      const { entry } = await access.entry(user, entryId);
      const { states, submissions, results } = await coursework.statesOfEntry(entry.comp_id, entryId);
      const resultOf = new Map(results.map((result) => [result.submission_id, result]));
      const latest = new Map(
        submissions.map((one) => [one.student_user_id, withResult(one, resultOf.get(one.submission_id))]),
      );
      return states
        .sort((a, b) => (a.state_id < b.state_id ? -1 : 1))
        .map((state: StateDocument) => ({ ...state, submission: latest.get(state.student_user_id) ?? null }));
    },
  };
}
