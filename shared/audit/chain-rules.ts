import { createHash } from 'node:crypto';
import type { HeadDocument, TrailDocument } from './documents.ts';
import type { AuditEvent, AuditItem } from './schemas.ts';

const dayMs = 24 * 60 * 60_000;

/** What the first event of a trail follows. */
export const beginning = '0'.repeat(64);

/** The day (UTC) of a time. */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** The day so many days later; earlier when negative. */
export function dayAfter(day: string, days = 1): string {
  return dayOf(Date.parse(day) + days * dayMs);
}

/** JSON as RFC 8785 writes it: names sorted at every level, no white space. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  // Written here and not by JSON.stringify, which would put names that look like numbers first.
  const parts = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, part]) => `${JSON.stringify(name)}:${canonicalJson(part)}`);
  return `{${parts.join(',')}}`;
}

/** What a client sees of a stored event, and what is hashed but for `hash`. */
export function itemOf(event: Omit<TrailDocument, 'hash'>): Omit<AuditItem, 'hash'> {
  return {
    id: event.id,
    at: event.at,
    actor: event.actor,
    action: event.action,
    target: event.target,
    result: event.result,
    detail: event.detail,
    address: event.address,
    user_agent: event.user_agent,
    request_id: event.request_id,
    day: event.day,
    seq: event.seq,
    previous_hash: event.previous_hash,
  };
}

/** SHA-256, hexadecimal, of the event as a client sees it, without `hash`. */
export function hashOf(event: Omit<TrailDocument, 'hash'>): string {
  return createHash('sha256')
    .update(canonicalJson(itemOf(event)), 'utf8')
    .digest('hex');
}

/**
 * The day that follows a closed one, or the first of a trail: without events yet, and linked to all that was before.
 */
export function emptyHead(day: string, previous: Pick<HeadDocument, 'day' | 'hash'> | undefined): HeadDocument {
  const hash = previous?.hash ?? beginning;
  return {
    id: 'head',
    day,
    type: 'audit_head',
    schema_version: 1,
    previous_day: previous?.day ?? null,
    previous_hash: hash,
    seq: 0,
    hash,
    next_day: null,
    expires_at: null,
  };
}

function earlier(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b;
  return a < b ? a : b;
}

/** The events as they continue the day, and its new head. All events of a day go at once, `retentionDays` after its end. */
export function continueDay(
  head: HeadDocument,
  events: readonly AuditEvent[],
  { nowMs, retentionDays }: { nowMs: number; retentionDays: number },
): { head: HeadDocument; events: TrailDocument[] } {
  const expiresMs = Date.parse(head.day) + (1 + retentionDays) * dayMs;
  const ttl = retentionDays === 0 ? {} : { ttl: Math.max(1, Math.ceil((expiresMs - nowMs) / 1000)) };
  let { seq, hash } = head;
  const appended = events.map((event): TrailDocument => {
    seq += 1;
    const linked = {
      ...event,
      type: 'audit_event' as const,
      schema_version: 1 as const,
      day: head.day,
      seq,
      previous_hash: hash,
      ...ttl,
    };
    hash = hashOf(linked);
    return { ...linked, hash };
  });
  const expiresAt = retentionDays === 0 ? null : new Date(expiresMs).toISOString();
  return { head: { ...head, seq, hash, expires_at: earlier(head.expires_at, expiresAt) }, events: appended };
}

/** Splits what is appended so that each part fits into one batch beside the head. */
export function toBatches(events: readonly AuditEvent[], limits: { count: number; bytes: number }): AuditEvent[][] {
  const batches: AuditEvent[][] = [];
  let [open, openBytes]: [AuditEvent[], number] = [[], 0];
  for (const event of events) {
    // What the trail adds to an event is less than this.
    const bytes = Buffer.byteLength(JSON.stringify(event)) + 500;
    if (open.length > 0 && (open.length >= limits.count || openBytes + bytes > limits.bytes)) {
      batches.push(open);
      [open, openBytes] = [[], 0];
    }
    open.push(event);
    openBytes += bytes;
  }
  return open.length > 0 ? [...batches, open] : batches;
}

/** Where a walk along a day has come to. */
export interface Place {
  seq: number;
  hash: string;
}

/** What is wrong with an event as the next one after `place`; undefined when it is as it was written. */
export function flawOf(event: TrailDocument, place: Place): { seq: number; reason: string } | undefined {
  const next = place.seq + 1;
  if (event.seq !== next) {
    const reason =
      event.seq > next
        ? `Event ${next} is missing: the next one there is has the number ${event.seq}.`
        : `There is more than one event with the number ${event.seq}.`;
    return { seq: next, reason };
  }
  if (hashOf(event) !== event.hash) return { seq: next, reason: 'The content does not have the hash that it says.' };
  if (event.previous_hash !== place.hash) return { seq: next, reason: 'It does not follow the event before it.' };
  return undefined;
}

/** What is wrong with the head of a day after all its events; undefined when nothing is. */
export function headFlawOf(head: HeadDocument, place: Place): { seq: number; reason: string } | undefined {
  if (head.seq > place.seq) {
    const seq = place.seq + 1;
    return { seq, reason: `Event ${seq} is missing: the day has ${head.seq} events.` };
  }
  if (head.seq < place.seq) {
    return { seq: head.seq + 1, reason: `There is an event that was never appended: the day has ${head.seq} events.` };
  }
  if (head.hash !== place.hash)
    return { seq: head.seq, reason: 'The last event is not the one that the day ends with.' };
  return undefined;
}

/** What is wrong between a day and the one before it, of which a trail's first day has none. */
export function linkFlawOf(head: HeadDocument, previous: HeadDocument | undefined): string | undefined {
  if (head.previous_day === null) {
    return head.previous_hash === beginning ? undefined : 'The first day does not begin at the beginning.';
  }
  if (previous === undefined) return `The day before it, ${head.previous_day}, has no head.`;
  if (previous.next_day !== head.day) return `The day before it, ${previous.day}, does not lead to it.`;
  if (previous.hash !== head.previous_hash) return `It does not follow the last event of ${previous.day}.`;
  return undefined;
}
