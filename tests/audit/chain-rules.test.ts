import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  beginning,
  canonicalJson,
  continueDay,
  dayAfter,
  dayOf,
  emptyHead,
  flawOf,
  hashOf,
  headFlawOf,
  itemOf,
  linkFlawOf,
  toBatches,
} from '../../shared/audit/chain-rules.ts';
import type { HeadDocument, TrailDocument } from '../../shared/audit/documents.ts';
import type { AuditEvent } from '../../shared/audit/schemas.ts';

const day = '2026-03-10';
const noon = { nowMs: Date.parse('2026-03-10T12:00:00Z'), retentionDays: 0 };
const json = fc.jsonValue({ maxDepth: 3 });
const event: fc.Arbitrary<AuditEvent> = fc.record({
  id: fc.uuid(),
  at: fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }).map((date) => date.toISOString()),
  actor: fc.record({ id: fc.option(fc.uuid()), role: fc.option(fc.string()), via: fc.string() }),
  action: fc.constantFrom('session.started', 'account.created'),
  target: fc.record({ type: fc.string(), id: fc.option(fc.string()) }),
  result: fc.constantFrom('ok', 'refused'),
  detail: fc.dictionary(fc.string(), json),
  address: fc.string(),
  user_agent: fc.option(fc.string()),
  request_id: fc.string(),
});
const events = fc.uniqueArray(event, { minLength: 1, maxLength: 8, selector: (one) => one.id });

/** Walks over the events like a check does. */
function flawsOf(chain: readonly TrailDocument[], head: HeadDocument) {
  let place = { seq: 0, hash: head.previous_hash };
  for (const one of chain) {
    const flaw = flawOf(one, place);
    if (flaw !== undefined) return flaw;
    place = { seq: one.seq, hash: one.hash };
  }
  return headFlawOf(head, place);
}

describe('canonical JSON', () => {
  test('is the same for every order of names', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), json), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse());
        expect(canonicalJson(reversed)).toBe(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test('sorts names at every level, keeps the order of lists, and has no white space', () => {
    expect(canonicalJson({ b: [{ z: 1, a: 'ü' }, 2], a: null, B: true })).toBe(
      '{"B":true,"a":null,"b":[{"a":"ü","z":1},2]}',
    );
    expect(canonicalJson(JSON.parse('{"b":1,"__proto__":{"d":1,"c":2}}'))).toBe('{"__proto__":{"c":2,"d":1},"b":1}');
    expect(canonicalJson({ a: 1, 10: 2, 2: 3 })).toBe('{"10":2,"2":3,"a":1}');
    expect(canonicalJson([3, 'x', [1, 0]])).toBe('[3,"x",[1,0]]');
  });
});

describe('the chain of a day', () => {
  test('is right however the events are split into batches', () => {
    fc.assert(
      fc.property(events, fc.nat(8), (list, at) => {
        const whole = continueDay(emptyHead(day, undefined), list, noon);
        const first = continueDay(emptyHead(day, undefined), list.slice(0, at), noon);
        const second = continueDay(first.head, list.slice(at), noon);
        expect([...first.events, ...second.events]).toEqual(whole.events);
        expect(second.head).toEqual(whole.head);
        expect(flawsOf(whole.events, whole.head)).toBeUndefined();
      }),
    );
  });

  test('shows every change of one event, also with its hash made anew', () => {
    fc.assert(
      fc.property(events, fc.nat(), event, (list, n, other) => {
        const { head, events: chain } = continueDay(emptyHead(day, undefined), list, noon);
        const at = n % chain.length;
        const found = chain[at];
        if (found === undefined || canonicalJson(found.detail) === canonicalJson(other.detail)) return;
        const forged = { ...found, detail: other.detail };
        const rehashed = { ...forged, hash: hashOf(forged) };
        for (const one of [forged, rehashed]) expect(flawsOf(chain.with(at, one), head)).toBeDefined();
      }),
    );
  });

  test('shows every event that is missing, doubled or moved', () => {
    fc.assert(
      fc.property(events, fc.nat(), fc.nat(), (list, n, m) => {
        const { head, events: chain } = continueDay(emptyHead(day, undefined), list, noon);
        const [a, b] = [n % chain.length, m % chain.length];
        const [one, other] = [chain[a], chain[b]];
        if (one === undefined || other === undefined) return;
        expect(flawsOf(chain.toSpliced(a, 1), head)).toMatchObject({ seq: a + 1 });
        expect(flawsOf(chain.toSpliced(a, 0, one), head)).toBeDefined();
        if (a !== b) expect(flawsOf(chain.with(a, other).with(b, one), head)).toBeDefined();
      }),
    );
  });

  test('hashes what a client sees, with number and day, and nothing else', () => {
    const [one] = continueDay(emptyHead(day, undefined), fc.sample(event, { seed: 7, numRuns: 1 }), noon).events;
    if (one === undefined) throw new Error('There is an event.');
    const { type, schema_version, hash, ...seen } = one;
    expect(itemOf(one)).toEqual(seen);
    expect([type, schema_version]).toEqual(['audit_event', 1]);
    expect(hash).toBe(createHash('sha256').update(canonicalJson(seen)).digest('hex'));
    expect(hashOf({ ...one, ttl: 5 })).toBe(hash);
    expect(hashOf({ ...one, day: '2026-03-11' })).not.toBe(hash);
    expect(hashOf({ ...one, seq: 2 })).not.toBe(hash);
    expect(hashOf({ ...one, previous_hash: 'f' })).not.toBe(hash);
  });

  test('says what is wrong, and where', () => {
    const { head, events: chain } = continueDay(
      emptyHead(day, undefined),
      fc.sample(event, { seed: 7, numRuns: 3 }),
      noon,
    );
    const [first, second, third] = chain;
    if (first === undefined || second === undefined || third === undefined) throw new Error('There are three.');
    const start = { seq: 0, hash: beginning };
    expect(flawOf(second, start)).toEqual({
      seq: 1,
      reason: 'Event 1 is missing: the next one there is has the number 2.',
    });
    expect(flawOf(first, { seq: 1, hash: first.hash })).toEqual({
      seq: 2,
      reason: 'There is more than one event with the number 1.',
    });
    expect(flawOf({ ...first, address: 'x' }, start)?.reason).toMatch(/does not have the hash/);
    expect(flawOf(first, { seq: 0, hash: 'f' })?.reason).toMatch(/does not follow/);
    expect(headFlawOf(head, { seq: 2, hash: second.hash })).toEqual({
      seq: 3,
      reason: 'Event 3 is missing: the day has 3 events.',
    });
    expect(headFlawOf(head, { seq: 4, hash: 'f' })).toEqual({
      seq: 4,
      reason: 'There is an event that was never appended: the day has 3 events.',
    });
    expect(headFlawOf(head, { seq: 3, hash: 'f' })?.seq).toBe(3);
    expect(headFlawOf(head, { seq: 3, hash: third.hash })).toBeUndefined();
  });
});

describe('the chain of days', () => {
  const first = { ...emptyHead(day, undefined), seq: 2, hash: 'a'.repeat(64), next_day: '2026-03-12' };
  const second = emptyHead('2026-03-12', first);

  test('begins with zeros, and each day with the last hash before it', () => {
    expect(emptyHead(day, undefined)).toMatchObject({
      seq: 0,
      hash: beginning,
      previous_hash: beginning,
      previous_day: null,
      next_day: null,
      expires_at: null,
    });
    expect(second).toMatchObject({
      day: '2026-03-12',
      seq: 0,
      hash: first.hash,
      previous_hash: first.hash,
      previous_day: day,
    });
    expect(linkFlawOf(first, undefined)).toBeUndefined();
    expect(linkFlawOf(second, first)).toBeUndefined();
  });

  test.each<[string, HeadDocument, HeadDocument | undefined, RegExp]>([
    ['the first day begins in the middle', { ...first, previous_hash: 'f' }, undefined, /begin/],
    ['the day before is gone', second, undefined, /2026-03-10, has no head/],
    ['the day before leads elsewhere', second, { ...first, next_day: '2026-03-11' }, /does not lead/],
    ['the day before ends otherwise', second, { ...first, hash: 'f' }, /does not follow the last event of 2026-03-10/],
  ])('shows that %s', (_, head, previous, reason) => {
    expect(linkFlawOf(head, previous)).toMatch(reason);
  });
});

describe('retention', () => {
  const one = fc.sample(event, { seed: 1, numRuns: 1 });
  const ttls = (atMs: number, retentionDays: number) =>
    continueDay(emptyHead(day, undefined), one, { nowMs: atMs, retentionDays }).events.map((doc) => doc.ttl);

  test('lets all events of a day go at the same moment, after the last one was kept long enough', () => {
    expect(ttls(Date.parse('2026-03-10T00:00:00Z'), 1)).toEqual([2 * 86_400]);
    expect(ttls(Date.parse('2026-03-10T23:59:59Z'), 1)).toEqual([86_401]);
    expect(ttls(Date.parse('2026-03-10T12:00:00Z'), 0)).toEqual([undefined]);
    // A clock that is far behind its day never makes an event that goes at once.
    expect(ttls(Date.parse('2036-03-10T12:00:00Z'), 1)).toEqual([1]);
  });

  test('of a day is what its shortest-lived event says, also when the setting changes within it', () => {
    const expiry = (...days: number[]) =>
      days.reduce(
        (head, retentionDays) => continueDay(head, one, { ...noon, retentionDays }).head,
        emptyHead(day, undefined),
      ).expires_at;
    expect(expiry(0)).toBeNull();
    expect(expiry(30)).toBe('2026-04-10T00:00:00.000Z');
    expect(expiry(30, 0, 60)).toBe('2026-04-10T00:00:00.000Z');
    expect(expiry(60, 30)).toBe('2026-04-10T00:00:00.000Z');
    expect(expiry(0, 30)).toBe('2026-04-10T00:00:00.000Z');
  });
});

test('batches hold every event once and in order, and keep to their limits', () => {
  fc.assert(
    fc.property(
      fc.array(event, { maxLength: 30 }),
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 1, max: 5000 }),
      (list, count, bytes) => {
        const batches = toBatches(list, { count, bytes });
        expect(batches.flat()).toEqual(list);
        for (const batch of batches) {
          expect(batch.length).toBeGreaterThan(0);
          expect(batch.length).toBeLessThanOrEqual(count);
          const size = batch.reduce((sum, one) => sum + Buffer.byteLength(JSON.stringify(one)) + 500, 0);
          if (batch.length > 1) expect(size).toBeLessThanOrEqual(bytes);
        }
        // No batch ends before it must.
        for (const [at, batch] of batches.slice(0, -1).entries()) {
          const more = [...batch, ...(batches[at + 1] ?? []).slice(0, 1)];
          const size = more.reduce((sum, one) => sum + Buffer.byteLength(JSON.stringify(one)) + 500, 0);
          expect(more.length > count || size > bytes).toBe(true);
        }
      },
    ),
  );
});

test('days are those of UTC', () => {
  expect(dayOf(Date.parse('2026-03-10T23:59:59.999Z'))).toBe('2026-03-10');
  expect(dayAfter('2026-02-28')).toBe('2026-03-01');
  expect(dayAfter('2026-03-01', -1)).toBe('2026-02-28');
  expect(dayAfter('2024-02-28')).toBe('2024-02-29');
});
