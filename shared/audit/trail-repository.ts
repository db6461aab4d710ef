import { type BatchOperation, type Container, defineQuery, type NamedQuery } from '../adapters/cosmos/container.ts';
import { isConflict } from '../adapters/cosmos/errors.ts';
import type { HeadDocument, PointerDocument, TrailDocument } from './documents.ts';

const headId = 'head';
const pointerId = 'latest';

export interface EventFilter {
  /** One action, or with a point at its end all that begin so. */
  action?: string | undefined;
  actorId?: string | undefined;
  targetType?: string | undefined;
  targetId?: string | undefined;
  result?: string | undefined;
  earliest: string;
  latest: string;
}

/** The conditions that a list may have, by the name of their parameter. A list sends those that it was asked for. */
const conditions = {
  '@action': 'c.action = @action',
  '@action_start': 'STARTSWITH(c.action, @action_start)',
  '@actor_id': 'c.actor.id = @actor_id',
  '@target_type': 'c.target.type = @target_type',
  '@target_id': 'c.target.id = @target_id',
  '@result': 'c.result = @result',
  '@earliest': 'c.at >= @earliest',
  '@latest': 'c.at <= @latest',
} as const;
type Condition = keyof typeof conditions;

function listQuery(names: readonly Condition[]): NamedQuery {
  const wanted = names.map((name) => ` AND ${conditions[name]}`).join('');
  return defineQuery({
    name: 'list-audit-events',
    container: 'audit',
    scope: 'partition',
    text: `SELECT * FROM c WHERE c.type = 'audit_event' AND c.seq < @before${wanted} ORDER BY c.seq DESC OFFSET 0 LIMIT @limit`,
    index: 'type, seq descending; each condition after the second only when it is asked for',
  });
}

export const queries = {
  // Object.keys of a literal yields exactly its names; TypeScript types them as plain strings.
  listAuditEvents: listQuery(Object.keys(conditions) as Condition[]),
  readAuditDay: defineQuery({
    name: 'read-audit-day',
    container: 'audit',
    scope: 'partition',
    text: `SELECT * FROM c WHERE c.type = 'audit_event' AND c.seq >= @from ORDER BY c.seq OFFSET 0 LIMIT @limit`,
    index: 'type, seq',
  }),
  findAuditEvents: defineQuery({
    name: 'find-audit-events',
    container: 'audit',
    scope: 'partition',
    text: `SELECT VALUE c.id FROM c WHERE c.type = 'audit_event' AND ARRAY_CONTAINS(@ids, c.id)`,
    index: 'id',
  }),
};

/** The documents of the trail. Nothing here changes or removes an event. */
export interface Trail {
  findPointer(): Promise<PointerDocument | undefined>;
  /** Returns false when there is one already. */
  createPointer(day: string): Promise<boolean>;
  /** Moves it on; somebody else's newer one stays. */
  movePointer(pointer: PointerDocument, latestDay: string): Promise<void>;
  findHead(day: string): Promise<HeadDocument | undefined>;
  /** Returns false when the day has one already. */
  createHead(head: HeadDocument): Promise<boolean>;
  /** Returns false when it has changed since it was read. */
  replaceHead(head: HeadDocument): Promise<boolean>;
  /**
   * Appends the events to the day whose head was read, all or nothing. `moved`: others have appended since; `known`: one
   * of the events is there already.
   */
  append(head: HeadDocument, events: readonly TrailDocument[]): Promise<'done' | 'moved' | 'known'>;
  /** Those of the identifiers that the day has. */
  findKnown(day: string, ids: readonly string[]): Promise<string[]>;
  /** Newest first, before the number. */
  list(day: string, before: number, limit: number, filter: EventFilter): Promise<TrailDocument[]>;
  /** Oldest first, from the number on. */
  read(day: string, from: number, limit: number): Promise<TrailDocument[]>;
}

/** True when it was written, false when somebody else was first. */
async function unlessConflict(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (isConflict(error)) return false;
    throw error;
  }
}

function parametersOf(filter: EventFilter): [Condition, string][] {
  const { action } = filter;
  const isPart = action?.endsWith('.') === true;
  const given: [Condition, string | undefined][] = [
    ['@action', isPart ? undefined : action],
    ['@action_start', isPart ? action : undefined],
    ['@actor_id', filter.actorId],
    ['@target_type', filter.targetType],
    ['@target_id', filter.targetId],
    ['@result', filter.result],
    ['@earliest', filter.earliest === '' ? undefined : filter.earliest],
    ['@latest', filter.latest === '~' ? undefined : filter.latest],
  ];
  return given.flatMap(([name, value]): [Condition, string][] => (value === undefined ? [] : [[name, value]]));
}

export function createTrail(container: Container): Trail {
  return {
    findPointer: () => container.read<PointerDocument>(pointerId, pointerId),
    createPointer(day) {
      const pointer: PointerDocument = {
        id: pointerId,
        day: pointerId,
        type: 'audit_pointer',
        schema_version: 1,
        first_day: day,
        latest_day: day,
      };
      return unlessConflict(container.create(pointer, pointerId));
    },
    async movePointer(pointer, latestDay) {
      const moved = { ...pointer, latest_day: latestDay };
      await unlessConflict(container.replace(moved, pointerId, pointer._etag ?? ''));
    },
    findHead: (day) => container.read<HeadDocument>(headId, day),
    createHead: (head) => unlessConflict(container.create(head, head.day)),
    replaceHead: (head) => unlessConflict(container.replace(head, head.day, head._etag ?? '')),
    async append({ _etag: etag = '', ...head }, events) {
      const operations: BatchOperation[] = [
        { op: 'replace', doc: head, etag },
        ...events.map((doc): BatchOperation => ({ op: 'create', doc })),
      ];
      const refused = await container.tryBatch(head.day, operations);
      if (refused === undefined) return 'done';
      return refused.index === 0 ? 'moved' : 'known';
    },
    findKnown(day, ids) {
      return container.query<string>(queries.findAuditEvents, {
        pk: day,
        parameters: [{ name: '@ids', value: [...ids] }],
      });
    },
    list(day, before, limit, filter) {
      const asked = parametersOf(filter);
      return container.query<TrailDocument>(listQuery(asked.map(([name]) => name)), {
        pk: day,
        parameters: [
          { name: '@before', value: before },
          { name: '@limit', value: limit },
          ...asked.map(([name, value]) => ({ name, value })),
        ],
      });
    },
    read(day, from, limit) {
      const parameters = [
        { name: '@from', value: from },
        { name: '@limit', value: limit },
      ];
      return container.query<TrailDocument>(queries.readAuditDay, { pk: day, parameters });
    },
  };
}
