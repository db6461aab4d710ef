import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isLeaseGood,
  type Lease,
  leaseFrom,
  leaseMax,
  newCredits,
  nextPeriodMs,
  periodOf,
  refillAtMs,
  refilled,
  restOf,
} from '../../shared/api-keys/credit-rules.ts';
import type { Credits } from '../../shared/api-keys/documents.ts';

const at = (text: string) => Date.parse(text);
const noon = at('2026-03-14T12:00:00Z');
const plain = (remaining: number): Credits => ({ remaining, refill: null, period: null, grant: 1 });
const daily = (remaining: number, amount: number, period = '2026-03-14'): Credits => ({
  remaining,
  refill: { amount, every: 'day' },
  period,
  grant: 1,
});

describe('days and months', () => {
  test('begin and end by UTC', () => {
    expect(periodOf('day', at('2026-03-14T23:59:59.999Z'))).toBe('2026-03-14');
    expect(periodOf('day', at('2026-03-15T00:30:00+02:00'))).toBe('2026-03-14');
    expect(periodOf('month', noon)).toBe('2026-03');
    expect(nextPeriodMs('day', noon)).toBe(at('2026-03-15T00:00:00Z'));
    expect(nextPeriodMs('day', at('2026-12-31T23:59:59Z'))).toBe(at('2027-01-01T00:00:00Z'));
    expect(nextPeriodMs('month', at('2026-12-31T23:59:59Z'))).toBe(at('2027-01-01T00:00:00Z'));
    expect(nextPeriodMs('month', at('2028-01-31T00:00:00Z'))).toBe(at('2028-02-01T00:00:00Z'));
    expect(nextPeriodMs('day', at('2026-03-15T00:00:00Z'))).toBe(at('2026-03-16T00:00:00Z'));
  });

  test('the next one begins after every moment of this one, and is another', () => {
    const times = fc.integer({ min: 0, max: at('2100-01-01T00:00:00Z') });
    fc.assert(
      fc.property(times, fc.constantFrom('day' as const, 'month' as const), (nowMs, every) => {
        const next = nextPeriodMs(every, nowMs);
        expect(next).toBeGreaterThan(nowMs);
        expect(periodOf(every, next - 1)).toBe(periodOf(every, nowMs));
        expect(periodOf(every, next) > periodOf(every, nowMs)).toBe(true);
      }),
    );
  });
});

describe('a refill', () => {
  test('brings the balance up to its amount once a day, and takes nothing from a higher one', () => {
    const tomorrow = noon + 86_400_000;
    expect(refilled(daily(3, 100), noon)).toEqual(daily(3, 100));
    expect(refilled(daily(3, 100), tomorrow)).toEqual(daily(100, 100, '2026-03-15'));
    expect(refilled(daily(300, 100), tomorrow)).toEqual(daily(300, 100, '2026-03-15'));
    expect(refilled(plain(3), tomorrow)).toEqual(plain(3));
  });

  test('comes once however many days were missed, and not when the clock runs back', () => {
    expect(refilled(daily(0, 100), noon + 30 * 86_400_000).remaining).toBe(100);
    expect(refilled(daily(0, 100), noon - 86_400_000)).toEqual(daily(0, 100));
  });

  test('is announced for the start of the next period, unless there is none to wait for', () => {
    expect(refillAtMs(daily(0, 100), noon)).toBe(at('2026-03-15T00:00:00Z'));
    expect(refillAtMs(daily(0, 0), noon)).toBeNull();
    expect(refillAtMs(plain(0), noon)).toBeNull();
  });
});

test('credits that are set begin a new grant, in the present period', () => {
  expect(newCredits({ remaining: 5, refill: null }, null, noon)).toEqual(plain(5));
  expect(newCredits({ remaining: 5, refill: { amount: 9, every: 'month' } }, plain(1), noon)).toEqual({
    remaining: 5,
    refill: { amount: 9, every: 'month' },
    period: '2026-03',
    grant: 2,
  });
});

describe('a lease', () => {
  test('is a twentieth of what is left, at least one and at most fifty', () => {
    const amounts = [1, 19, 20, 21, 400, 1000, 1_000_000].map((left) => leaseFrom(plain(left), noon)?.amount);
    expect(amounts).toEqual([1, 1, 1, 2, 20, 50, 50]);
    expect(leaseMax).toBe(50);
  });

  test('is not given when nothing is left', () => {
    expect(leaseFrom(plain(0), noon)).toBeUndefined();
    expect(leaseFrom(daily(0, 100), noon)).toBeUndefined();
  });

  test('of credits that are refilled is void when the day ends, and goes back to no other day', () => {
    const lease = leaseFrom(daily(100, 100), noon);
    if (lease === undefined) throw new Error('There was enough.');
    expect(lease).toEqual({ grant: 1, period: '2026-03-14', amount: 5, until_ms: at('2026-03-15T00:00:00Z') });
    const [last, next] = [at('2026-03-14T23:59:59.999Z'), at('2026-03-15T00:00:00Z')];
    expect([isLeaseGood(lease, 1, last), isLeaseGood(lease, 1, next)]).toEqual([true, false]);
    expect([restOf(lease, last), restOf(lease, next)]).toEqual([5, 0]);
    const lasting = leaseFrom(plain(40), noon);
    expect(lasting).toEqual({ grant: 1, period: null, amount: 2, until_ms: null });
    expect(lasting && restOf(lasting, next)).toBe(2);
  });

  test('is void once it is spent, or when a call knows of a newer grant', () => {
    const lease: Lease = { grant: 2, period: null, amount: 1, until_ms: null };
    expect(isLeaseGood(lease, 2, noon)).toBe(true);
    expect(isLeaseGood(lease, 1, noon)).toBe(true);
    expect(isLeaseGood(lease, 3, noon)).toBe(false);
    expect(isLeaseGood({ ...lease, amount: 0 }, 2, noon)).toBe(false);
  });

  /** Several instances that spend from one key, each with the lease that it holds. */
  function instances(start: number) {
    let credits = plain(start);
    const held = new Map<number, Lease>();
    let spent = 0;
    const use = (instance: number, lease: Lease) => {
      held.set(instance, { ...lease, amount: lease.amount - 1 });
      spent += 1;
    };
    return {
      die: (instance: number) => void held.delete(instance),
      return(instance: number) {
        const lease = held.get(instance);
        credits = plain(credits.remaining + (lease === undefined ? 0 : restOf(lease, noon)));
        held.delete(instance);
      },
      spend(instance: number) {
        const lease = held.get(instance);
        if (lease !== undefined && isLeaseGood(lease, 1, noon)) return use(instance, lease);
        const taken = leaseFrom(credits, noon);
        credits = plain(credits.remaining - (taken?.amount ?? 0));
        if (taken !== undefined) use(instance, taken);
      },
      left: () => credits.remaining,
      spent: () => spent,
    };
  }

  test('never creates credits: however many instances take, spend and give back, no more is spent than there was', () => {
    const step = fc.record({
      instance: fc.nat(3),
      what: fc.constantFrom('spend' as const, 'spend' as const, 'spend' as const, 'return' as const, 'die' as const),
    });
    fc.assert(
      fc.property(fc.nat(300), fc.array(step, { maxLength: 400 }), (start, steps) => {
        const all = instances(start);
        for (const { instance, what } of steps) {
          all[what](instance);
          expect(all.left()).toBeGreaterThanOrEqual(0);
          expect(all.spent() + all.left()).toBeLessThanOrEqual(start);
        }
      }),
    );
  });

  test('loses nothing while no instance dies: everything can be spent', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.array(fc.nat(3), { maxLength: 100 }), (start, order) => {
        const all = instances(start);
        for (const instance of order) all.spend(instance);
        for (const instance of [0, 1, 2, 3]) all.return(instance);
        for (let i = 0; i <= start; i += 1) all.spend(0);
        expect(all.spent()).toBe(start);
      }),
    );
  });
});
