import { setTimeout } from 'node:timers/promises';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/logging.ts';
import { continueDay, dayOf, emptyHead, toBatches } from './chain-rules.ts';
import type { HeadDocument } from './documents.ts';
import type { AuditOutbox } from './outbox-repository.ts';
import type { AuditEvent, AuditOutboxDocument } from './schemas.ts';
import type { Trail } from './trail-repository.ts';

/** Puts what the change feed of `identity` brings into the trail. */
export interface AuditAppendService {
  /**
   * Appends the events that wait among the documents, each exactly once, and removes them from where they waited. Throws
   * when that cannot be; the feed brings them again.
   */
  follow(documents: readonly unknown[]): Promise<void>;
}

/** The head takes one of the 100 operations, and a request may have 2 MB. */
const batchLimits = { count: 99, bytes: 1_500_000 };
const triesMax = 30;
const waitMaxMs = 250;
/** Days from one that an instance remembers to the open one. */
const stepsMax = 5_000;
/** By how much the clocks of instances may differ at most, so that a repeat is known to be one over midnight. */
const clocksApartMs = 60 * 60_000;

function isOutboxDocument(doc: unknown): doc is AuditOutboxDocument {
  return typeof doc === 'object' && doc !== null && 'type' in doc && doc.type === 'audit_outbox' && 'event' in doc;
}

export function createAuditAppendService(deps: {
  trail: Trail;
  outbox: AuditOutbox;
  clock: Clock;
  random: () => number;
  logger: Logger;
  retentionDays: number;
}): AuditAppendService {
  const { trail, outbox, clock, random, logger, retentionDays } = deps;
  // The open day as this instance last saw it. It may be closed by now, and then says which day follows.
  let seenDay: string | undefined;

  /** The head of some day of the trail near its end; makes the first day of a trail that has none. */
  async function anyHead(today: string): Promise<HeadDocument> {
    if (seenDay !== undefined) {
      const head = await trail.findHead(seenDay);
      if (head !== undefined) return head;
    }
    let pointer = await trail.findPointer();
    if (pointer === undefined) {
      await trail.createPointer(today);
      pointer = await trail.findPointer();
    }
    if (pointer === undefined) throw new Error('The pointer of the audit trail is gone.');
    const { first_day: firstDay, latest_day: latestDay } = pointer;
    let head = await trail.findHead(latestDay);
    if (head === undefined && firstDay === latestDay) {
      await trail.createHead(emptyHead(firstDay, undefined));
      head = await trail.findHead(firstDay);
    }
    // Nothing may begin anew here: that would look like a trail with nothing before.
    if (head === undefined) throw new Error(`The head of ${latestDay} is gone from the audit trail.`);
    return head;
  }

  /** Closes the day for good by naming the one that follows. Whoever is first decides which one that is. */
  async function close(head: HeadDocument, nextDay: string): Promise<void> {
    if (!(await trail.replaceHead({ ...head, next_day: nextDay }))) return;
    // A copy outside of the database, which nobody who can write there can change.
    logger.info('audit_day_closed', { day: head.day, seq: head.seq, hash: head.hash });
  }

  /** The head of the day that events are appended to now: today, or a later one when the clock has jumped back. */
  async function openHead(): Promise<HeadDocument> {
    const today = dayOf(clock.now());
    let head = await anyHead(today);
    const startDay = head.day;
    for (let steps = 0; head.next_day !== null || head.day < today; steps += 1) {
      if (steps > stepsMax) throw new Error('The days of the audit trail do not end.');
      if (head.next_day === null) {
        await close(head, today);
        head = (await trail.findHead(head.day)) ?? head;
        continue;
      }
      await trail.createHead(emptyHead(head.next_day, head));
      const next = await trail.findHead(head.next_day);
      if (next === undefined) throw new Error(`The head of ${head.next_day} is gone from the audit trail.`);
      head = next;
    }
    if (head.day !== startDay) {
      const pointer = await trail.findPointer();
      if (pointer !== undefined && pointer.latest_day < head.day) await trail.movePointer(pointer, head.day);
    }
    seenDay = head.day;
    return head;
  }

  /**
   * Those of the events that no earlier day has. An event can only be in a day from when it happened on, so there is
   * something to ask only shortly after midnight, and for events that have waited.
   */
  async function notInEarlierDays(head: HeadDocument, events: readonly AuditEvent[]): Promise<AuditEvent[]> {
    let fresh = [...events];
    let { previous_day: day } = head;
    while (day !== null && fresh.length > 0) {
      const earliest = fresh.reduce((least, event) => Math.min(least, Date.parse(event.at)), Number.POSITIVE_INFINITY);
      const firstDay = dayOf(earliest - clocksApartMs);
      if (day < firstDay) break;
      const known = await trail.findKnown(
        day,
        fresh.map((event) => event.id),
      );
      fresh = fresh.filter((event) => !known.includes(event.id));
      day = day <= firstDay ? null : ((await trail.findHead(day))?.previous_day ?? null);
    }
    return fresh;
  }

  async function append(batch: readonly AuditEvent[]): Promise<void> {
    let events = [...batch];
    let checkedDay: string | undefined;
    for (let tries = 0; tries < triesMax; tries += 1) {
      const head = await openHead();
      if (checkedDay !== head.day) events = await notInEarlierDays(head, events);
      checkedDay = head.day;
      if (events.length === 0) return;
      const continued = continueDay(head, events, { nowMs: clock.now(), retentionDays });
      const outcome = await trail.append(continued.head, continued.events);
      if (outcome === 'done') return;
      if (outcome === 'known') {
        const known = await trail.findKnown(
          head.day,
          events.map((event) => event.id),
        );
        events = events.filter((event) => !known.includes(event.id));
      } else {
        await setTimeout(random() * Math.min(waitMaxMs, 5 * 2 ** tries));
      }
    }
    throw new Error('Too many append to the audit trail at the same time.');
  }

  return {
    async follow(documents) {
      const waiting = documents.filter(isOutboxDocument);
      if (waiting.length === 0) return;
      // Identifiers sort by the time they were made; a document may come twice in one delivery.
      const events = new Map(waiting.map(({ event }) => [event.id, event]));
      const inOrder = [...events.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
      for (const batch of toBatches(inOrder, batchLimits)) await append(batch);
      const byPartition = Map.groupBy(waiting, (doc) => doc.pk);
      for (const [pk, docs] of byPartition) {
        await outbox.remove(
          pk,
          docs.map((doc) => doc.id),
        );
      }
    },
  };
}
