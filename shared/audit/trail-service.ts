import type { Page, Principal } from '../platform/define-endpoint.ts';
import { validationError } from '../platform/errors.ts';
import { dayAfter, itemOf } from './chain-rules.ts';
import type { PointerDocument, TrailDocument } from './documents.ts';
import type { AuditLog } from './log.ts';
import { fromPositionCursor, type Position, type Span, spanOf, toPositionCursor } from './range-rules.ts';
import type { AuditExportQuery, AuditItem, AuditQuery } from './schemas.ts';
import type { EventFilter, Trail } from './trail-repository.ts';

/** What administrators read of the audit trail. */
export interface AuditTrailService {
  /**
   * Newest first. One call looks at a bounded number of days, so a page may be empty and still have a next one. Throws
   * `validation_failed` for a cursor that is none.
   */
  list(query: AuditQuery): Promise<Page<AuditItem>>;
  /**
   * Oldest first, one JSON object a line, at most `lines` of them: an answer is in memory as a whole, because the Functions
   * library does not wait for a slow reader of a stream. Leaves a trace itself, before anything is given out.
   */
  exportLines(user: Principal, query: AuditExportQuery): Promise<{ content: string; cursor: string | undefined }>;
}

/** Days that one call looks at; those without events count when they must be looked up. */
const daysMax = 31;
const exportDaysMax = 100;
const noTrail = { first_day: '1970-01-01', latest_day: '1970-01-01' };
const afterAll = Number.MAX_SAFE_INTEGER;

function toItem(event: TrailDocument): AuditItem {
  return { ...itemOf(event), hash: event.hash };
}

function positionOf(cursor: string): Position {
  const position = fromPositionCursor(cursor);
  if (position !== undefined) return position;
  throw validationError([{ loc: ['query', 'cursor'], msg: 'is not a cursor of this list', type: 'custom' }]);
}

/** The days that are asked for, as far as there is a trail, and where to begin in them going forward. */
function startOf(query: AuditExportQuery, pointer: PointerDocument | undefined): { span: Span; begin: Position } {
  const { first_day: firstDay, latest_day: latestDay } = pointer ?? noTrail;
  const span = spanOf(query, latestDay);
  const begin = { day: span.firstDay < firstDay ? firstDay : span.firstDay, seq: 0 };
  return { span, begin: query.cursor === undefined ? begin : positionOf(query.cursor) };
}

function filterOf(query: AuditQuery, { earliest, latest }: Pick<Span, 'earliest' | 'latest'>): EventFilter {
  const { action } = query;
  return {
    // Without a point it is the first part of actions: all about one thing.
    action: action === undefined || action.includes('.') ? action : `${action}.`,
    actorId: query.actor_id,
    targetType: query.target_type,
    targetId: query.target_id,
    result: query.result,
    earliest,
    latest,
  };
}

export function createAuditTrailService(deps: { trail: Trail; log: AuditLog }): AuditTrailService {
  const { trail, log } = deps;

  /** From the position back to the first day, `limit` events at most; where it stopped when there may be more. */
  async function collect(
    start: Position,
    firstDay: string,
    limit: number,
    filter: EventFilter,
  ): Promise<{ events: TrailDocument[]; next?: Position }> {
    const events: TrailDocument[] = [];
    let { day, seq } = start;
    for (let days = 0; day >= firstDay; days += 1) {
      if (days >= daysMax) return { events, next: { day, seq } };
      // One more than asked for tells whether there is more.
      events.push(...(await trail.list(day, seq, limit + 1 - events.length, filter)));
      const last = events.length > limit ? events[limit - 1] : undefined;
      if (last !== undefined) return { events: events.slice(0, limit), next: last };
      if (day === firstDay) break;
      // A day without a head has no events, and does not say which one was before it.
      day = (await trail.findHead(day))?.previous_day ?? dayAfter(day, -1);
      seq = afterAll;
    }
    return { events };
  }

  /** From the position on to the last day, `limit` events at most; where it stopped when there may be more. */
  async function collectForward(
    start: Position,
    lastDay: string,
    limit: number,
  ): Promise<{ events: TrailDocument[]; next?: Position }> {
    const events: TrailDocument[] = [];
    let { day, seq } = start;
    for (let days = 0; day <= lastDay; days += 1) {
      if (days >= exportDaysMax) return { events, next: { day, seq } };
      events.push(...(await trail.read(day, seq + 1, limit + 1 - events.length)));
      const last = events.length > limit ? events[limit - 1] : undefined;
      if (last !== undefined) return { events: events.slice(0, limit), next: last };
      day = (await trail.findHead(day))?.next_day ?? dayAfter(day);
      seq = 0;
    }
    return { events };
  }

  return {
    async list(query) {
      const pointer = await trail.findPointer();
      if (pointer === undefined) return { items: [] };
      const span = spanOf(query, pointer.latest_day);
      const start = query.cursor === undefined ? { day: span.lastDay, seq: afterAll } : positionOf(query.cursor);
      const firstDay = span.firstDay < pointer.first_day ? pointer.first_day : span.firstDay;
      const { events, next } = await collect(start, firstDay, query.limit, filterOf(query, span));
      return { items: events.map(toItem), cursor: next && toPositionCursor(next) };
    },

    async exportLines(user, query) {
      const pointer = await trail.findPointer();
      const { span, begin } = startOf(query, pointer);
      const { events, next } =
        pointer === undefined
          ? { events: [], next: undefined }
          : await collectForward(begin, span.lastDay, query.lines);
      const lines = events
        .filter((event) => event.at >= span.earliest && event.at <= span.latest)
        .map((event) => `${JSON.stringify(toItem(event))}\n`);
      await log.write({
        by: user,
        action: 'audit.exported',
        target: { type: 'audit', id: null },
        detail: { from: begin.day, to: span.lastDay, events: lines.length },
      });
      return { content: lines.join(''), cursor: next && toPositionCursor(next) };
    },
  };
}
