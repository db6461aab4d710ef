import type { AccountsService } from '../identity/accounts-service.ts';
import type { User } from '../identity/schemas.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Principal } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import type { Access } from './access.ts';
import type { Courses } from './courses-repository.ts';
import type { Coursework } from './coursework-repository.ts';
import type { Memberships } from './directory-repository.ts';
import type { EnrolmentDocument } from './schemas.ts';

interface Pair {
  student_user_id: string;
  flex_age_comp_id: string;
}

export interface EnrolmentService {
  /** Throws `not_found`, `not_a_student`, `already_enrolled`. */
  enrol(user: Principal, pair: Pair): Promise<void>;
  /** Past work stays; throws `not_found`. */
  unenrol(user: Principal, pair: Pair): Promise<void>;
  /** The students of a component, in the order in which their accounts were made. */
  students(user: Principal, compId: string): Promise<User[]>;
  /** Brings the student's row of `memberships` in line with the enrolment; called for every change of it. */
  project(enrolment: EnrolmentDocument): Promise<void>;
}

export function createEnrolmentService(deps: {
  access: Access;
  courses: Courses;
  coursework: Coursework;
  memberships: Memberships;
  accounts: Pick<AccountsService, 'find' | 'findMany'>;
  clock: Clock;
}): EnrolmentService {
  const { access, courses, coursework, memberships, accounts, clock } = deps;

  async function project(enrolment: EnrolmentDocument): Promise<void> {
    const component = enrolment.is_active ? await courses.findComponent(enrolment.comp_id) : undefined;
    if (component === undefined) await memberships.remove(enrolment.student_user_id, 'student', enrolment.comp_id);
    else await memberships.put(enrolment.student_user_id, 'student', component);
  }

  return {
    async enrol(user, pair) {
      const student = await accounts.find(pair.student_user_id);
      if (student === undefined) throw new AppError('not_found', 'Student not found');
      const component = await access.component(user, pair.flex_age_comp_id);
      if (student.role !== 'student') throw new AppError('not_a_student', 'User is not a student');
      const at = { comp_id: component.comp_id, student_user_id: student.user_id };
      const known = await coursework.enrolment(at);
      const taken = () => new AppError('already_enrolled', 'Student already enrolled in this FlexAGEComp');
      if (known?.is_active) throw taken();
      const now = isoTime(clock.now());
      const enrolment: EnrolmentDocument = {
        id: 'enrolment',
        type: 'enrolment',
        schema_version: 1,
        ...at,
        is_active: true,
        enrolled_by_user_id: user.user_id,
        created_at: known?.created_at ?? now,
        updated_at: now,
      };
      const refusal = await coursework.tryBatch(at, [
        known?._etag === undefined
          ? { op: 'create', doc: enrolment }
          : { op: 'replace', doc: enrolment, etag: known._etag },
      ]);
      if (refusal !== undefined) throw taken();
      await project(enrolment);
    },

    async unenrol(user, pair) {
      const missing = new AppError('not_found', 'Enrollment not found');
      const component = await access.component(user, pair.flex_age_comp_id).catch((error: unknown) => {
        throw error instanceof AppError && error.code === 'not_found' ? missing : error;
      });
      const at = { comp_id: component.comp_id, student_user_id: pair.student_user_id };
      const known = await coursework.enrolment(at);
      if (known?._etag === undefined || !known.is_active) throw missing;
      const ended = { ...known, is_active: false, updated_at: isoTime(clock.now()) };
      const refusal = await coursework.tryBatch(at, [{ op: 'replace', doc: ended, etag: known._etag }]);
      if (refusal !== undefined) throw missing;
      await project(ended);
    },

    async students(user, compId) {
      await access.component(user, compId);
      return accounts.findMany(await coursework.enrolledIds(compId));
    },

    project,
  };
}
