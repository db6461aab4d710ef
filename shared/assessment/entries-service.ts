import { rubricHash } from '../grading/engine.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Page, Principal } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import { assertVersion, untilWritten } from '../platform/optimistic.ts';
import { toPage } from '../platform/paging.ts';
import { sanitiseRichText } from '../platform/rich-text.ts';
import type { Paging } from '../platform/schemas.ts';
import type { Access } from './access.ts';
import type { Courses } from './courses-repository.ts';
import type { Memberships, Pointers } from './directory-repository.ts';
import { staffListOf } from './rules.ts';
import type { EntryCreate, EntryDocument, EntryUpdate, RubricDocument } from './schemas.ts';

export interface EntriesService {
  /** Entries of one component, or of all components that the caller manages; oldest first. */
  list(user: Principal, compId: string | undefined, paging: Paging): Promise<Page<EntryDocument>>;
  get(user: Principal, entryId: string): Promise<EntryDocument>;
  create(user: Principal, input: EntryCreate, newId: string): Promise<EntryDocument>;
  /** Throws `precondition_failed` when it changed since `ifMatch`. */
  update(user: Principal, entryId: string, input: EntryUpdate, ifMatch: string | undefined): Promise<EntryDocument>;
  /** The work that students handed in stays for audit. */
  remove(user: Principal, entryId: string, ifMatch: string | undefined): Promise<EntryDocument>;
}

function rubricVersion(entry: EntryDocument): RubricDocument {
  return {
    id: `rubric:${entry.rubric_hash}`,
    type: 'rubric',
    schema_version: 1,
    comp_id: entry.comp_id,
    rubric_hash: entry.rubric_hash,
    rubric_definition: entry.rubric_definition,
  };
}

export function createEntriesService(deps: {
  access: Access;
  courses: Courses;
  memberships: Memberships;
  pointers: Pointers;
  clock: Clock;
}): EntriesService {
  const { access, courses, memberships, pointers, clock } = deps;

  function change(
    user: Principal,
    entryId: string,
    ifMatch: string | undefined,
    edit: Partial<EntryDocument>,
  ): Promise<EntryDocument> {
    return untilWritten(async () => {
      const { entry } = await access.entry(user, entryId);
      assertVersion(ifMatch, entry._etag);
      const changed = { ...entry, ...edit, updated_at: isoTime(clock.now()) };
      const isNewRubric = changed.rubric_hash !== entry.rubric_hash;
      const etag = await courses.replaceEntry(
        changed,
        entry._etag ?? '',
        isNewRubric ? rubricVersion(changed) : undefined,
      );
      if (etag === undefined && ifMatch !== undefined) throw new AppError('precondition_failed');
      return etag === undefined ? undefined : { ...changed, _etag: etag };
    });
  }

  return {
    async list(user, compId, paging) {
      if (compId !== undefined) await access.component(user, compId);
      const where = compId ?? (await memberships.listIds(staffListOf(user), 'staff'));
      return toPage(await courses.listEntries(where, paging), paging, (entry) => entry.entry_id);
    },

    async get(user, entryId) {
      return (await access.entry(user, entryId)).entry;
    },

    async create(user, input, newId) {
      const component = await access.component(user, input.flex_age_comp_id).catch((error: unknown) => {
        if (!(error instanceof AppError) || error.code !== 'not_found') throw error;
        throw new AppError('not_found', `FlexAGEComp with ID ${input.flex_age_comp_id} not found`);
      });
      const now = isoTime(clock.now());
      const rubric_definition = input.rubric_definition ?? {};
      const entry: EntryDocument = {
        id: newId,
        type: 'entry',
        schema_version: 1,
        comp_id: component.comp_id,
        entry_id: newId,
        flex_age_comp_id: component.comp_id,
        entry_title: input.entry_title,
        instructions: input.instructions == null ? null : sanitiseRichText(input.instructions),
        rubric_definition,
        rubric_visible: input.rubric_visible ?? false,
        rubric_hash: rubricHash(rubric_definition),
        created_by_user_id: user.user_id,
        created_at: now,
        updated_at: now,
        deleted_at: null,
      };
      await pointers.put({ id: newId, type: 'entry', schema_version: 1, comp_id: component.comp_id });
      await courses.createEntry(entry, rubricVersion(entry));
      return entry;
    },

    update(user, entryId, input, ifMatch) {
      return change(user, entryId, ifMatch, {
        ...(input.entry_title === undefined ? {} : { entry_title: input.entry_title }),
        ...(input.instructions === undefined
          ? {}
          : { instructions: input.instructions === null ? null : sanitiseRichText(input.instructions) }),
        ...(input.rubric_visible === undefined ? {} : { rubric_visible: input.rubric_visible }),
        ...(input.rubric_definition === undefined
          ? {}
          : { rubric_definition: input.rubric_definition, rubric_hash: rubricHash(input.rubric_definition) }),
      });
    },

    remove(user, entryId, ifMatch) {
      return change(user, entryId, ifMatch, { deleted_at: isoTime(clock.now()) });
    },
  };
}
