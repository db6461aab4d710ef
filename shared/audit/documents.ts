import type { AuditItem } from './schemas.ts';

/** An event as the trail keeps it, in the logical partition of its day; its id is the one of the event. */
export interface TrailDocument extends AuditItem {
  type: 'audit_event';
  schema_version: 1;
  /** Seconds after which it goes; absent: never. */
  ttl?: number;
}

/**
 * What a day of the trail has come to. It is replaced in the batch that appends, so that two who append at the same time
 * cannot continue from the same event, and stays when the events of the day go: the next day is anchored in it.
 */
export interface HeadDocument {
  id: 'head';
  day: string;
  type: 'audit_head';
  schema_version: 1;
  /** The day of the trail before this one; null for the first. */
  previous_day: string | null;
  /** The hash of the last event before this day. */
  previous_hash: string;
  /** How many events the day has. */
  seq: number;
  /** The hash of its last event; `previous_hash` as long as there is none. */
  hash: string;
  /** Set when the day is closed: nothing is appended to it any more. */
  next_day: string | null;
  /** When its first events may be gone; null: never. */
  expires_at: string | null;
  _etag?: string;
}

/** Where to look for the open day. A hint, which may be behind: the days themselves say which one follows. */
export interface PointerDocument {
  id: 'latest';
  /** The partition of this document, which is no day. */
  day: 'latest';
  type: 'audit_pointer';
  schema_version: 1;
  first_day: string;
  latest_day: string;
  _etag?: string;
}
