import { type Container, defineQuery } from '../adapters/cosmos/container.ts';
import { isConflict } from '../adapters/cosmos/errors.ts';
import { pageParameters } from '../platform/paging.ts';
import type { Paging } from '../platform/schemas.ts';
import type { ComponentDocument, EntryDocument, RubricDocument } from './schemas.ts';

export const queries = {
  findEntry: defineQuery({
    name: 'find-entry',
    container: 'courses',
    scope: 'partition',
    text: `SELECT * FROM c WHERE ARRAY_CONTAINS(@ids, c.id)`,
    index: 'id',
  }),
  courseContents: defineQuery({
    name: 'course-contents',
    container: 'courses',
    scope: 'partition',
    text: `SELECT * FROM c WHERE c.type = 'component' OR (c.type = 'entry' AND c.deleted_at = null)`,
    index: 'type',
  }),
  listEntries: defineQuery({
    name: 'list-entries',
    container: 'courses',
    scope: 'partition',
    text: `SELECT * FROM c WHERE c.type = 'entry' AND c.deleted_at = null AND c.entry_id > @after ORDER BY c.entry_id OFFSET @skip LIMIT @limit`,
    index: 'type, entry_id',
  }),
  listEntriesOfCourses: defineQuery({
    name: 'list-entries-of-courses',
    container: 'courses',
    scope: 'cross-partition',
    text: `SELECT * FROM c WHERE c.type = 'entry' AND c.deleted_at = null AND ARRAY_CONTAINS(@comp_ids, c.comp_id) AND c.entry_id > @after ORDER BY c.entry_id OFFSET @skip LIMIT @limit`,
    index: 'type, entry_id',
  }),
  findAcrossCourses: defineQuery({
    name: 'find-across-courses',
    container: 'courses',
    scope: 'cross-partition',
    text: `SELECT * FROM c WHERE ARRAY_CONTAINS(@ids, c.id)`,
    index: 'id',
  }),
};

export interface CourseContents {
  component: ComponentDocument | undefined;
  /** Oldest first; deleted ones are left out. */
  entries: EntryDocument[];
}

type CourseDocument = ComponentDocument | EntryDocument;

function sortOut(documents: readonly CourseDocument[]): CourseContents {
  const component = documents.find((doc) => doc.type === 'component');
  const entries = documents.filter((doc) => doc.type === 'entry').filter((entry) => entry.deleted_at === null);
  return {
    component: component?.deleted_at === null ? component : undefined,
    entries: entries.sort((a, b) => (a.entry_id < b.entry_id ? -1 : 1)),
  };
}

export interface Courses {
  findComponent(compId: string): Promise<ComponentDocument | undefined>;
  /** The component and one of its entries, in one call; undefined when missing or deleted. */
  findEntry(
    compId: string,
    entryId: string,
  ): Promise<{ component: ComponentDocument | undefined; entry: EntryDocument | undefined }>;
  /** The component and all its entries, in one call. */
  contents(compId: string): Promise<CourseContents>;
  listEntries(compIds: string | readonly string[], paging: Paging): Promise<EntryDocument[]>;
  /** Components and entries by id, wherever they lie; the costly way, for lists over all courses. */
  findAcross(ids: readonly string[]): Promise<{ components: ComponentDocument[]; entries: EntryDocument[] }>;
  /** Returns false when the id exists. */
  createComponent(component: ComponentDocument): Promise<boolean>;
  /** Returns the new etag, or undefined when the component changed since `etag`. */
  replaceComponent(component: ComponentDocument, etag: string): Promise<string | undefined>;
  /** Stores the entry and the version of its rubric together. */
  createEntry(entry: EntryDocument, rubric: RubricDocument): Promise<void>;
  /** Returns the new etag, or undefined when the entry changed since `etag`. A new version of the rubric goes with it. */
  replaceEntry(entry: EntryDocument, etag: string, rubric?: RubricDocument): Promise<string | undefined>;
}

/** The result of a write, or undefined when someone else was first. */
async function orUndefined<T>(write: Promise<T>): Promise<T | undefined> {
  try {
    return await write;
  } catch (error) {
    if (isConflict(error)) return undefined;
    throw error;
  }
}

export function createCourses(container: Container): Courses {
  return {
    async findComponent(compId) {
      const component = await container.read<ComponentDocument>(compId, compId);
      return component?.deleted_at === null ? component : undefined;
    },
    async findEntry(compId, entryId) {
      const documents = await container.query<CourseDocument>(queries.findEntry, {
        pk: compId,
        parameters: [{ name: '@ids', value: [compId, entryId] }],
      });
      const { component, entries } = sortOut(documents);
      return { component, entry: entries[0] };
    },
    async contents(compId) {
      return sortOut(await container.query<CourseDocument>(queries.courseContents, { pk: compId, parameters: [] }));
    },
    listEntries(compIds, paging) {
      const parameters = pageParameters(paging, 'oldest-first');
      if (typeof compIds === 'string')
        return container.query<EntryDocument>(queries.listEntries, { pk: compIds, parameters });
      return container.query<EntryDocument>(queries.listEntriesOfCourses, {
        pk: 'cross-partition',
        parameters: [...parameters, { name: '@comp_ids', value: compIds }],
      });
    },
    async findAcross(ids) {
      if (ids.length === 0) return { components: [], entries: [] };
      const found = await container.query<CourseDocument>(queries.findAcrossCourses, {
        pk: 'cross-partition',
        parameters: [{ name: '@ids', value: ids }],
      });
      const present = found.filter((doc) => doc.deleted_at === null);
      return {
        components: present.filter((doc) => doc.type === 'component'),
        entries: present.filter((doc) => doc.type === 'entry'),
      };
    },
    async createComponent(component) {
      return (await orUndefined(container.create(component, component.comp_id))) !== undefined;
    },
    async replaceComponent(component, etag) {
      return (await orUndefined(container.replace(component, component.comp_id, etag)))?.etag;
    },
    async createEntry(entry, rubric) {
      const refusal = await container.tryBatch(entry.comp_id, [
        { op: 'create', doc: entry },
        { op: 'upsert', doc: rubric },
      ]);
      // The id is new, or it is that of a repeated request which has already made this entry.
      if (refusal !== undefined && refusal.status !== 409)
        throw new Error(`Creating an entry was refused with ${refusal.status}.`);
    },
    async replaceEntry(entry, etag, rubric) {
      // The rubric goes first, on its own: a version that no entry refers to harms nobody, and the entry's etag is wanted.
      if (rubric !== undefined) await container.upsert(rubric, entry.comp_id);
      return (await orUndefined(container.replace(entry, entry.comp_id, etag)))?.etag;
    },
  };
}
