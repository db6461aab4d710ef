import type { Principal } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import type { Courses } from './courses-repository.ts';
import type { Pointers } from './directory-repository.ts';
import { canManage } from './rules.ts';
import type { ComponentDocument, EntryDocument, PointerDocument } from './schemas.ts';

/** Which one of the components, entries and submissions a member of staff may see. What is not theirs is not there. */
export interface Access {
  /** Throws `not_found`. */
  component(user: Principal, compId: string): Promise<ComponentDocument>;
  /** Throws `not_found`. */
  entry(user: Principal, entryId: string): Promise<{ component: ComponentDocument; entry: EntryDocument }>;
  /** Where the submission or outcome lies, after a check that the caller manages its component; throws `not_found`. */
  work(user: Principal, type: 'submission' | 'outcome', id: string): Promise<Work>;
}

export type Work = Required<Omit<PointerDocument, 'type' | '_etag'>>;

const missing = {
  component: () => new AppError('not_found', 'FlexAGEComp not found'),
  entry: () => new AppError('not_found', 'Entry not found'),
  submission: () => new AppError('not_found', 'Submission not found'),
  outcome: () => new AppError('not_found', 'Outcome not found'),
};

/** The pointer with all that pointers to a student's work have. */
export function toWork(pointer: PointerDocument | undefined): Work | undefined {
  if (pointer === undefined) return undefined;
  const { id, schema_version, comp_id, student_user_id, entry_id, submission_id } = pointer;
  if (student_user_id === undefined || entry_id === undefined || submission_id === undefined) return undefined;
  return { id, schema_version, comp_id, student_user_id, entry_id, submission_id };
}

export function createAccess(deps: { courses: Courses; pointers: Pointers }): Access {
  const { courses, pointers } = deps;

  async function component(user: Principal, compId: string): Promise<ComponentDocument> {
    const found = await courses.findComponent(compId);
    if (found === undefined || !canManage(user, found)) throw missing.component();
    return found;
  }

  return {
    component,
    async entry(user, entryId) {
      const pointer = await pointers.find(entryId, 'entry');
      if (pointer === undefined) throw missing.entry();
      const { component: parent, entry } = await courses.findEntry(pointer.comp_id, entryId);
      if (parent === undefined || entry === undefined || !canManage(user, parent)) throw missing.entry();
      return { component: parent, entry };
    },
    async work(user, type, id) {
      const work = toWork(await pointers.find(id, type));
      const parent = work && (await courses.findComponent(work.comp_id));
      if (work === undefined || parent === undefined || !canManage(user, parent)) throw missing[type]();
      return work;
    },
  };
}
