import { dayAfter, dayOf } from './chain-rules.ts';
import type { AuditRange } from './schemas.ts';

/** Which days to look at, and which moments in them. */
export interface Span {
  firstDay: string;
  lastDay: string;
  /** ISO 8601 UTC; the empty text and `~` lie before and after all times. */
  earliest: string;
  latest: string;
}

const usualDays = 30;
const dayMs = 24 * 60 * 60_000;
/** Later years are written with a sign, which does not compare as text. */
const endOfTimeMs = Date.parse('9999-12-31T23:59:59.999Z');
const isDay = (text: string) => text.length === 10;
const msOf = (text: string) => Math.min(Date.parse(text), endOfTimeMs);
const isoOf = (text: string) => new Date(msOf(text)).toISOString();

/**
 * Both ends count. A day is a day of the trail; a time is when something was done, which may have been appended a day
 * later when it was done shortly before midnight.
 */
export function spanOf({ from, to }: AuditRange, latestDay: string): Span {
  const isToDay = to === undefined || isDay(to);
  const toMs = to === undefined ? Number.POSITIVE_INFINITY : msOf(to) + (isToDay ? 0 : dayMs);
  const lastDay = dayOf(Math.min(toMs, Date.parse(latestDay)));
  return {
    firstDay: from === undefined ? dayAfter(lastDay, 1 - usualDays) : dayOf(msOf(from)),
    lastDay,
    earliest: from === undefined || isDay(from) ? '' : isoOf(from),
    latest: to === undefined || isToDay ? '~' : isoOf(to),
  };
}

/** A place in the trail: going back, before event `seq` of the day; going forward, after it. */
export interface Position {
  day: string;
  seq: number;
}

export function toPositionCursor({ day: at, seq }: Position): string {
  return Buffer.from(`${at}:${seq}`, 'utf8').toString('base64url');
}

/** Undefined when the text is no such cursor. */
export function fromPositionCursor(cursor: string): Position | undefined {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  const [, at = '', seq] = /^(\d{4}-\d{2}-\d{2}):(\d{1,16})$/.exec(text) ?? [];
  if (Number.isNaN(Date.parse(at))) return undefined;
  return { day: at, seq: Number(seq) };
}
