import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  afterRefusal,
  fullLevel,
  holdsCalls,
  keptS,
  type Limit,
  msUntil,
  type Patience,
  partsOf,
  patient,
  refilled,
  type SettleRequest,
  type SharedLevel,
  settle,
  shareOf,
  wholeCalls,
} from '../../shared/platform/rate-limit-rules.ts';

const nowMs = Date.UTC(2026, 0, 5, 12);
const perSecond = (capacity: number, calls: number): Limit => ({ capacity, refillPerMs: calls / 1000 });
const minute = (calls: number): Limit => ({ capacity: calls, refillPerMs: 0, windowMs: 60_000 });
const person = perSecond(100, 10);

const anyLimit = fc.oneof(
  fc.tuple(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 100 })).map(([a, b]) => perSecond(a, b)),
  fc.integer({ min: 1, max: 1000 }).map(minute),
);

describe('a bucket', () => {
  test('refills with time, up to its capacity', () => {
    const level = { tokens: 3, atMs: nowMs };
    expect(refilled(person, level, nowMs + 500)).toEqual({ tokens: 8, atMs: nowMs + 500 });
    expect(refilled(person, level, nowMs + 60_000).tokens).toBe(100);
    expect(fullLevel(person, nowMs)).toEqual({ tokens: 100, atMs: nowMs });
  });

  test('neither gives nor takes anything for a clock that is a little behind', () => {
    const level = { tokens: 3, atMs: nowMs };
    expect(refilled(person, level, nowMs - 10_000)).toEqual(level);
    expect(refilled(person, level, nowMs)).toEqual(level);
  });

  test('counts from now again after a clock that was wrong', () => {
    const level = { tokens: 3, atMs: nowMs };
    expect(refilled(person, level, nowMs - 10_001)).toEqual({ tokens: 3, atMs: nowMs - 10_001 });
  });

  test('of windows is full again when the next one begins, and not before', () => {
    const level = { tokens: 1, atMs: nowMs + 59_000 };
    expect(refilled(minute(7), level, nowMs + 59_999)).toEqual({ tokens: 1, atMs: nowMs + 59_999 });
    expect(refilled(minute(7), level, nowMs + 60_000)).toEqual({ tokens: 7, atMs: nowMs + 60_000 });
  });

  test('says when it holds so many calls', () => {
    expect(msUntil(person, 3, 3, nowMs)).toBe(0);
    expect(msUntil(person, 3, 4, nowMs)).toBe(100);
    expect(msUntil(person, 3, 101, nowMs)).toBe(Number.POSITIVE_INFINITY);
    expect(msUntil(minute(7), 0, 1, nowMs + 12_000)).toBe(48_000);
    expect(msUntil(minute(7), 1, 1, nowMs + 12_000)).toBe(0);
  });

  test('that is waited for as long as it says holds the call then, and not a millisecond before', () => {
    fc.assert(
      fc.property(anyLimit, fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(100_000), (limit, part, offsetMs) => {
        const atMs = nowMs + offsetMs;
        const tokens = part * 0.999;
        const waitMs = msUntil(limit, tokens, 1, atMs);
        expect(holdsCalls(refilled(limit, { tokens, atMs }, atMs + waitMs).tokens)).toBe(true);
        if (waitMs > 1) expect(holdsCalls(refilled(limit, { tokens, atMs }, atMs + waitMs - 2).tokens)).toBe(false);
      }),
    );
  });

  test('of which fractions are left over from adding up holds the call that they nearly are', () => {
    expect(holdsCalls(0.999_999_9)).toBe(true);
    expect(holdsCalls(0.99)).toBe(false);
    expect([wholeCalls(2.999_999_9), wholeCalls(2.9), wholeCalls(-1)]).toEqual([3, 2, 0]);
  });

  test('is kept until it is as good as none', () => {
    expect(keptS(person, nowMs)).toBe(70);
    expect(keptS(minute(7), nowMs + 12_000)).toBe(108);
  });
});

describe('the parts of a limit', () => {
  test('are a tenth that the instances spend alone and the rest that they share', () => {
    const { own, shared } = partsOf(person, 1);
    expect(own).toEqual(perSecond(10, 1));
    expect(shared).toEqual({ capacity: 90, refillPerMs: expect.closeTo(0.009) as number });
    expect(partsOf(person, 3).own.capacity).toBe(3);
    expect(partsOf(person, 3).shared.capacity).toBe(91);
  });

  test('are all shared where the tenth is not one call for each', () => {
    expect(partsOf(person, 11)).toEqual({ own: { capacity: 0, refillPerMs: 0 }, shared: person });
    expect(partsOf(minute(5), 1)).toEqual({ own: { ...minute(5), capacity: 0 }, shared: minute(5) });
  });

  test('add up to the limit, for any number of instances', () => {
    fc.assert(
      fc.property(anyLimit, fc.integer({ min: 1, max: 100 }), (limit, instances) => {
        const { own, shared } = partsOf(limit, instances);
        expect(own.capacity * instances + shared.capacity).toBe(limit.capacity);
        expect(own.refillPerMs * instances + shared.refillPerMs).toBeCloseTo(limit.refillPerMs);
        expect(own.capacity * instances).toBeLessThanOrEqual(limit.capacity / 10);
      }),
    );
  });

  test('without a shared store are the limit divided by the instances, and one call at least', () => {
    expect(shareOf(person, 4)).toEqual(perSecond(25, 2.5));
    expect(shareOf(minute(3), 10)).toEqual({ ...minute(1) });
  });
});

describe('a settlement', () => {
  const ask: SettleRequest = {
    instance: 'a',
    nowMs,
    instances: 2,
    waiting: 1,
    own: 0,
    held: 0,
    followed: undefined,
    owed: 0,
    callsPerS: undefined,
    leaseMs: 1000,
  };
  const stored = (tokens: number, leases: SharedLevel['leases'] = {}): SharedLevel => ({ tokens, atMs: nowMs, leases });

  test('gives who is the only one all there is', () => {
    const { lease, stored: after } = settle(person, undefined, { ...ask, instances: 1 });
    expect(lease).toEqual({ tokens: 100, periodMs: 1000, untilMs: nowMs + 2000 });
    expect(after).toEqual({ tokens: 0, atMs: nowMs, leases: { a: [100, nowMs + 2000] } });
  });

  test('leaves half to the others that there may be', () => {
    expect(settle(person, undefined, ask).lease.tokens).toBe(50);
    const others = { b: [10, nowMs + 500], c: [10, nowMs + 500] } as const;
    expect(settle(person, stored(80, others), ask).lease.tokens).toBe(20);
  });

  test('gives each call that waits its token first, and no part of one', () => {
    expect(settle(person, stored(5.5), { ...ask, waiting: 9, callsPerS: 9 }).lease.tokens).toBe(5);
    expect(settle(person, stored(0.7), { ...ask, own: 0.4 }).lease.tokens).toBeCloseTo(0.6);
    expect(settle(person, stored(0.5), { ...ask, own: 0.4 }).lease.tokens).toBe(0);
  });

  test('gives who is known to need little as much as twice the last second, and what a page may need next while there is plenty', () => {
    const { lease } = settle(perSecond(1000, 10), stored(400), { ...ask, waiting: 0, held: 0, callsPerS: 3 });
    expect(lease).toEqual({ tokens: 6, periodMs: 1000, untilMs: nowMs + 2000 });
    const ample = settle(perSecond(1000, 10), stored(1000), { ...ask, waiting: 0, callsPerS: 3 }).lease;
    expect(ample.periodMs).toBe(2000);
    // A tenth of the bucket, of which others who call have their part.
    expect(ample.tokens).toBe(100);
    const beside = settle(perSecond(1000, 10), stored(900, { a: [50, nowMs + 900], b: [50, nowMs + 900] }), {
      ...ask,
      waiting: 0,
      callsPerS: 3,
    }).lease;
    expect(beside.tokens).toBe(50);
    const busy = settle(perSecond(1000, 10), stored(1000), { ...ask, waiting: 0, callsPerS: 60 }).lease;
    expect(busy.tokens).toBe(240);
  });

  test('takes back what is left from who does not call any more', () => {
    const found = stored(40, { a: [30, nowMs + 500] });
    const { lease, stored: after } = settle(person, found, { ...ask, waiting: 0, held: 20, callsPerS: 0 });
    expect(lease.tokens).toBe(0);
    expect(after).toEqual({ tokens: 60, atMs: nowMs, leases: {} });
  });

  test('writes nothing when nothing changes', () => {
    const nothing = settle(person, stored(0), ask);
    expect(nothing.stored).toBeUndefined();
    expect(nothing.lent).toBe(0);
    expect(settle(person, stored(0, { b: [5, nowMs + 1] }), ask).lent).toBe(5);
  });

  test('takes what was let through without the store', () => {
    expect(settle(person, stored(40), { ...ask, waiting: 0, owed: 15, callsPerS: 0 }).stored?.tokens).toBe(25);
    expect(settle(person, stored(40), { ...ask, waiting: 0, owed: 90, callsPerS: 0 }).stored?.tokens).toBe(0);
  });

  test('puts right a time that a wrong clock wrote', () => {
    const found = { tokens: 0, atMs: nowMs + 3_600_000, leases: {} };
    expect(settle(person, found, ask).stored).toEqual({ tokens: 0, atMs: nowMs, leases: {} });
    expect(settle(person, { ...found, atMs: nowMs + 5_000 }, ask).stored).toBeUndefined();
  });

  test('counts a lease whose end was missed as spent', () => {
    const { stored: after } = settle(person, stored(10, { b: [30, nowMs] }), { ...ask, waiting: 1, callsPerS: 1 });
    expect(after?.leases).toEqual({ a: [3, nowMs + 2000] });
    expect(after?.tokens).toBe(7);
  });

  test('does not fill up beside a lease that can still be spent', () => {
    const lent = { ...stored(50, { b: [50, nowMs + 2000] }), atMs: nowMs };
    const later = (ms: number) => settle(person, lent, { ...ask, nowMs: nowMs + ms, waiting: 0, callsPerS: 0 });
    expect(later(1000).level.tokens).toBe(50);
    expect(later(2500).level.tokens).toBe(55);
  });

  test('lends nothing beyond the end of a window', () => {
    const late = { ...ask, nowMs: nowMs + 59_400 };
    expect(settle(minute(60), undefined, late).lease.untilMs).toBe(nowMs + 60_000);
  });

  test('never makes more of the limit than there is in any time, however instances come, call and go silent', () => {
    const step = fc.record({
      instance: fc.constantFrom('a', 'b', 'c'),
      laterMs: fc.integer({ min: 0, max: 3000 }),
      waiting: fc.integer({ min: 0, max: 20 }),
      spendPart: fc.double({ min: 0, max: 1, noNaN: true }),
      spendsLate: fc.boolean(),
      callsPerS: fc.option(fc.integer({ min: 0, max: 50 }), { nil: undefined }),
      instances: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(anyLimit, fc.array(step, { maxLength: 40 }), (limit, steps) => {
        const spent = spentOver(limit, steps);
        for (const [from, [fromMs]] of spent.entries()) {
          let sum = 0;
          for (const [atMs, tokens] of spent.slice(from)) {
            sum += tokens;
            const windows =
              limit.windowMs === undefined ? 1 : Math.floor(atMs / 60_000) - Math.floor(fromMs / 60_000) + 1;
            expect(sum).toBeLessThanOrEqual(limit.capacity * windows + limit.refillPerMs * (atMs - fromMs) + 1e-6);
          }
        }
      }),
    );
  });

  interface Step {
    instance: string;
    laterMs: number;
    waiting: number;
    spendPart: number;
    spendsLate: boolean;
    callsPerS: number | undefined;
    instances: number;
  }

  /** When how many tokens are spent: each instance spends a part of its lease at once or just before it settles again. */
  function spentOver(limit: Limit, steps: readonly Step[]): [atMs: number, tokens: number][] {
    let level: SharedLevel | undefined;
    let time = nowMs;
    const spent: [number, number][] = [];
    const held = new Map<string, { tokens: number; untilMs: number; lateSpend: number }>();
    for (const { spendPart, spendsLate, laterMs, ...call } of steps) {
      time += laterMs;
      const mine = held.get(call.instance);
      let left = mine !== undefined && mine.untilMs > time ? mine.tokens : 0;
      const lateSpend = Math.min(left, mine?.lateSpend ?? 0);
      left -= lateSpend;
      spent.push([time, lateSpend]);
      const done = settle(limit, level, { ...ask, ...call, nowMs: time, held: left });
      level = done.stored ?? level;
      const outstanding = Object.values(level?.leases ?? {}).reduce((sum, [tokens]) => sum + tokens, 0);
      expect((level?.tokens ?? 0) + outstanding).toBeLessThanOrEqual(limit.capacity + 1e-6);
      expect(level?.tokens ?? 0).toBeGreaterThanOrEqual(0);
      const spend = done.lease.tokens * spendPart;
      if (!spendsLate) spent.push([time, spend]);
      held.set(call.instance, {
        tokens: spendsLate ? done.lease.tokens : done.lease.tokens - spend,
        untilMs: done.lease.untilMs,
        lateSpend: spendsLate ? spend : 0,
      });
    }
    return spent;
  }
});

describe('who comes back too early', () => {
  const refuse = (times: number, from: Patience, atMs: number) => {
    let patience = from;
    for (let i = 0; i < times; i += 1) patience = afterRefusal(patience, 1000, atMs);
    return patience;
  };

  test('is told the same wait for the first twenty calls, which were under way', () => {
    expect(refuse(21, patient, nowMs)).toMatchObject({ toldUntilMs: nowMs + 1000, refusedUntilMs: 0 });
  });

  test('waits twice as long each time after that, and a minute at most', () => {
    const waits: number[] = [];
    let patience = refuse(1, patient, nowMs);
    for (let i = 0; i < 9; i += 1) {
      patience = refuse(21, patience, nowMs);
      waits.push((patience.refusedUntilMs - nowMs) / 1000);
    }
    expect(waits).toEqual([2, 4, 8, 16, 32, 60, 60, 60, 60]);
  });

  test('waits no longer when it waited as long as told', () => {
    let patience = refuse(22, patient, nowMs);
    expect(patience.refusedUntilMs).toBe(nowMs + 2000);
    for (let i = 1; i < 50; i += 1) {
      patience = afterRefusal(patience, 1000, nowMs + 2000 + i * 1000);
      expect(patience.refusedUntilMs).toBe(0);
    }
  });

  test('begins anew five minutes after the last time', () => {
    const once = refuse(22, patient, nowMs);
    const soon = refuse(22, once, nowMs + 299_999);
    expect(soon.refusedUntilMs - (nowMs + 299_999)).toBe(4000);
    const late = refuse(22, once, nowMs + 300_000);
    expect(late.refusedUntilMs - (nowMs + 300_000)).toBe(2000);
  });
});
