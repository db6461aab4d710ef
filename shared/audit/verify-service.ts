import type { Clock } from '../platform/clock.ts';
import { isoTime } from '../platform/clock.ts';
import type { Principal } from '../platform/define-endpoint.ts';
import { dayAfter, flawOf, headFlawOf, linkFlawOf, type Place } from './chain-rules.ts';
import type { HeadDocument, PointerDocument, TrailDocument } from './documents.ts';
import type { AuditLog } from './log.ts';
import type { AuditVerdict, AuditVerification } from './schemas.ts';
import type { Trail } from './trail-repository.ts';

export interface AuditVerifyService {
  /** Checks every event of the days, their order, and what links the days. Leaves a trace itself. */
  verify(user: Principal, request: AuditVerification): Promise<AuditVerdict>;
}

const pageEvents = 500;
/** Days are added to a call until it has checked this many events: an answer must begin within some four minutes. */
const eventsMax = 100_000;

interface Flaw {
  day: string;
  seq: number;
  reason: string;
}

type DayFlaw = Omit<Flaw, 'day'>;

/** Goes past the events that are right. */
function pass(events: readonly TrailDocument[], start: Place): { place: Place; flaw?: DayFlaw } {
  let place = start;
  for (const event of events) {
    const flaw = flawOf(event, place);
    if (flaw !== undefined) return { place, flaw };
    place = { seq: event.seq, hash: event.hash };
  }
  return { place };
}

function isFlaw(found: HeadDocument | Flaw): found is Flaw {
  return 'reason' in found;
}

/** The first day follows nothing; when it says otherwise, days before it are hidden. */
function asFirst(head: HeadDocument): HeadDocument | Flaw {
  const { day, previous_day: hidden } = head;
  return hidden === null
    ? head
    : { day, seq: 0, reason: `It follows ${hidden}, which the trail no longer begins with.` };
}

export function createAuditVerifyService(deps: { trail: Trail; log: AuditLog; clock: Clock }): AuditVerifyService {
  const { trail, log, clock } = deps;

  /** Walks from the first event of a day to its last: as far as they were right, and what was not. */
  async function checkEvents(first: HeadDocument): Promise<{ head: HeadDocument; place: Place; flaw?: DayFlaw }> {
    let head = first;
    let place: Place = { seq: 0, hash: head.previous_hash };
    let lastId: string | undefined;
    for (;;) {
      // Each page begins with the last event of the page before, so that a second one of the same number shows.
      const page = await trail.read(head.day, Math.max(1, place.seq), pageEvents);
      const passed = pass(page[0]?.id === lastId ? page.slice(1) : page, place);
      place = passed.place;
      if (passed.flaw !== undefined) return { head, place, flaw: passed.flaw };
      lastId = page.at(-1)?.id;
      if (page.length === pageEvents) continue;
      // Others may have appended since the head was read: then there is more to read.
      const now = (await trail.findHead(head.day)) ?? head;
      const hasMore = now.seq > head.seq && now.seq > place.seq;
      head = now;
      if (hasMore) continue;
      const flaw = headFlawOf(head, place);
      return { head, place, ...(flaw && { flaw }) };
    }
  }

  /** The first day of the trail that is not before the wanted one. */
  async function firstHead(
    from: string | undefined,
    pointer: PointerDocument,
  ): Promise<HeadDocument | Flaw | undefined> {
    const { first_day: firstDay, latest_day: latestDay } = pointer;
    let day = from === undefined || from < firstDay ? firstDay : from;
    for (; day <= latestDay; day = dayAfter(day)) {
      const head = await trail.findHead(day);
      if (head !== undefined) return day === firstDay ? asFirst(head) : head;
      if (day === firstDay || day === latestDay) return { day, seq: 0, reason: 'The day has no head.' };
    }
    return undefined;
  }

  /** Checks one day as far as its events are kept; adds it to the verdict, and returns its head as it is at the end. */
  async function checkDay(
    head: HeadDocument,
    previous: HeadDocument | undefined,
    verdict: AuditVerdict,
  ): Promise<HeadDocument | Flaw> {
    const { day } = head;
    const link = linkFlawOf(head, previous);
    if (link !== undefined) return { day, seq: 0, reason: link };
    if (head.expires_at !== null && head.expires_at <= isoTime(clock.now())) {
      verdict.expired_days += 1;
      return head;
    }
    const checked = await checkEvents(head);
    verdict.checked += checked.place.seq;
    return checked.flaw === undefined ? checked.head : { day, ...checked.flaw };
  }

  async function nextHead(head: HeadDocument, pointer: PointerDocument): Promise<HeadDocument | Flaw | undefined> {
    const { day, next_day: nextDay } = head;
    if (nextDay === null) {
      if (day >= pointer.latest_day) return undefined;
      return { day: pointer.latest_day, seq: 0, reason: `Nothing leads to this day: the trail ends with ${day}.` };
    }
    const next = nextDay > day ? await trail.findHead(nextDay) : undefined;
    return next ?? { day: nextDay, seq: 0, reason: 'The day has no head.' };
  }

  /** Goes from day to day until something is wrong, or the end, or as far as one call goes. */
  async function walk(from: string | undefined, to: string | undefined): Promise<AuditVerdict> {
    const verdict: AuditVerdict = {
      ok: true,
      checked: 0,
      expired_days: 0,
      first_broken: null,
      head: null,
      next_from: null,
    };
    const pointer = await trail.findPointer();
    let next = pointer && (await firstHead(from, pointer));
    let previous: HeadDocument | undefined;
    while (pointer !== undefined && next !== undefined && (to === undefined || next.day <= to)) {
      if (isFlaw(next)) return { ...verdict, ok: false, first_broken: next };
      if (verdict.checked >= eventsMax) return { ...verdict, next_from: next.day };
      // Somewhere in the middle, the day before is looked at only for the link.
      if (previous === undefined && next.previous_day !== null) previous = await trail.findHead(next.previous_day);
      const checked: HeadDocument | Flaw = await checkDay(next, previous, verdict);
      if (isFlaw(checked)) return { ...verdict, ok: false, first_broken: checked };
      verdict.head = { day: checked.day, seq: checked.seq, hash: checked.hash };
      previous = checked;
      next = await nextHead(checked, pointer);
    }
    return verdict;
  }

  return {
    async verify(user, { from, to }) {
      const verdict = await walk(from, to);
      await log.write({
        by: user,
        action: 'audit.verified',
        target: { type: 'audit', id: null },
        detail: { ok: verdict.ok, checked: verdict.checked, first_broken: verdict.first_broken, head: verdict.head },
      });
      return verdict;
    },
  };
}
