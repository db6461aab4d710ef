import type { ResultDocument } from '../grading/documents.ts';
import type { GradingState } from '../grading/schemas.ts';
import type { Page, Principal } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import { toPage } from '../platform/paging.ts';
import type { Paging } from '../platform/schemas.ts';
import type { Access } from './access.ts';
import type { Coursework } from './coursework-repository.ts';
import { institution, type Memberships } from './directory-repository.ts';
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

  function join(submissions: readonly SubmissionDocument[], results: readonly ResultDocument[]): Submission[] {
    const bySubmission = new Map(results.map((result) => [result.submission_id, result]));
    return submissions.map((submission) => withResult(submission, bySubmission.get(submission.submission_id)));
  }

  return {
    async get(user, submissionId) {
      const work = await access.work(user, 'submission', submissionId);
      const { submissions, results } = await coursework.submission(work, submissionId);
      const [submission] = join(submissions, results);
      if (submission === undefined) throw new AppError('not_found', 'Submission not found');
      return submission;
    },

    async list(user, filter, paging) {
      const student = filter.student_user_id ?? '';
      let found: SubmissionDocument[];
      let compId: string | undefined;
      if (filter.entry_id !== undefined) {
        const { entry } = await access.entry(user, filter.entry_id);
        compId = entry.comp_id;
        found = await coursework.submissionsOfEntry(
          compId,
          { entry_id: entry.entry_id, student_user_id: student },
          paging,
        );
      } else {
        const compIds = await memberships.listIds(user.role === 'admin' ? institution : user.user_id, 'staff');
        found = await coursework.submissionsOfCourses(compIds, student, paging);
      }
      const page = toPage(found, paging, (submission) => submission.submission_id);
      const results = await coursework.results(
        page.items.map((submission) => submission.submission_id),
        compId,
      );
      return { ...page, items: join(page.items, results) };
    },

    async states(user, entryId) {
      const { entry } = await access.entry(user, entryId);
      const { states, submissions, results } = await coursework.statesOfEntry(entry.comp_id, entryId);
      const latest = new Map(join(submissions, results).map((submission) => [submission.student_user_id, submission]));
      return states
        .sort((a, b) => (a.state_id < b.state_id ? -1 : 1))
        .map((state: StateDocument) => ({ ...state, submission: latest.get(state.student_user_id) ?? null }));
    },
  };
}
