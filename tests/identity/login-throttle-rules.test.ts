import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  afterFailure,
  delayMaxMs,
  delayMs,
  type FailureCount,
  failuresNow,
  lifetimeMs,
  triesAtOnce,
  waitMs,
} from '../../shared/identity/login-throttle-rules.ts';

const policies = fc.record({
  free: fc.integer({ min: 1, max: 200 }),
  forgiveMs: fc.integer({ min: 1, max: 3_600_000 }),
});
const gaps = fc.array(fc.integer({ min: 0, max: 10_000_000 }), { minLength: 1, maxLength: 60 });
const startMs = Date.UTC(2026, 0, 5);

/** The count after failures with these gaps before them, and the time of the last. */
function failing(gapsMs: readonly number[], policy: { free: number; forgiveMs: number }) {
  let nowMs = startMs;
  let count: FailureCount | undefined;
  for (const gapMs of gapsMs) {
    nowMs += gapMs;
    count = afterFailure(count, nowMs, policy);
  }
  return { count, nowMs };
}

describe('the delay', () => {
  test('is nothing for what is free, then a second, and doubles up to five minutes', () => {
    const delays = [0, 4, 5, 6, 7, 12, 13, 14, 15, 1000].map((failures) => delayMs(failures, { free: 5 }) / 1000);
    expect(delays).toEqual([0, 0, 1, 2, 4, 128, 256, 300, 300, 300]);
  });

  test('never shrinks with more failures and is never above five minutes', () => {
    fc.assert(
      fc.property(policies, fc.nat(1_000_000), fc.nat(1_000_000), (policy, a, b) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)];
        expect(delayMs(less, policy)).toBeLessThanOrEqual(delayMs(more, policy));
        expect(delayMs(more, policy)).toBeLessThanOrEqual(delayMaxMs);
      }),
    );
  });
});

describe('whatever has failed before', () => {
  test('nobody waits longer than five minutes, and after what was told the try may be made', () => {
    fc.assert(
      fc.property(policies, gaps, fc.integer({ min: -10_000_000, max: 10_000_000 }), (policy, gapsMs, laterMs) => {
        const { count, nowMs } = failing(gapsMs, policy);
        const wait = waitMs(count, nowMs + laterMs, policy);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(delayMaxMs);
        if (laterMs >= 0) expect(waitMs(count, nowMs + laterMs + wait, policy)).toBe(0);
      }),
    );
  });

  test('a failure never makes the wait shorter, and counts for one at the most', () => {
    fc.assert(
      fc.property(policies, gaps, (policy, gapsMs) => {
        const { count, nowMs } = failing(gapsMs, policy);
        const next = afterFailure(count, nowMs, policy);
        expect(waitMs(next, nowMs, policy)).toBeGreaterThanOrEqual(waitMs(count, nowMs, policy));
        const before = failuresNow(count, nowMs, policy);
        expect([before, before + 1]).toContain(failuresNow(next, nowMs, policy));
      }),
    );
  });

  test('time forgives all of it, and the store may forget it then', () => {
    fc.assert(
      fc.property(policies, gaps, (policy, gapsMs) => {
        const { count, nowMs } = failing(gapsMs, policy);
        const endMs = nowMs + lifetimeMs(count ?? { failures: 0 }, policy);
        expect(failuresNow(count, endMs, policy)).toBe(0);
        expect(waitMs(count, endMs, policy)).toBe(0);
      }),
    );
  });

  test('a clock that jumps back forgives nothing', () => {
    fc.assert(
      fc.property(policies, gaps, fc.nat(10_000_000), (policy, gapsMs, backMs) => {
        const { count, nowMs } = failing(gapsMs, policy);
        expect(failuresNow(count, nowMs - backMs, policy)).toBe(failuresNow(count, nowMs, policy));
      }),
    );
  });
});

test('who fails rarely enough never waits', () => {
  fc.assert(
    fc.property(policies, fc.integer({ min: 1, max: 300 }), (policy, times) => {
      fc.pre(policy.free > 1);
      const { count, nowMs } = failing(
        Array.from({ length: times }, () => policy.forgiveMs),
        policy,
      );
      expect(waitMs(count, nowMs, policy)).toBe(0);
    }),
  );
});

test('who keeps guessing as fast as he may gets no more than the free tries and one each five minutes', () => {
  const policy = { free: 5, forgiveMs: 3_600_000 };
  let nowMs = startMs;
  let count: FailureCount | undefined;
  let tries = 0;
  while (nowMs < startMs + 24 * 3_600_000) {
    nowMs += waitMs(count, nowMs, policy);
    count = afterFailure(count, nowMs, policy);
    tries += 1;
  }
  // Five at once, nine while the delay grows, and 288 times five minutes.
  expect(tries).toBeGreaterThan(280);
  expect(tries).toBeLessThan(5 + 9 + 288 + 2);
});

test('forgiveness comes in whole steps', () => {
  const policy = { free: 5, forgiveMs: 1000 };
  const count = { failures: 3, failed_at_ms: startMs };
  const after = [0, 999, 1000, 1999, 2000, 3000, 9000].map((ms) => failuresNow(count, startMs + ms, policy));
  expect(after).toEqual([3, 3, 2, 2, 1, 0, 0]);
  expect(failuresNow(undefined, startMs, policy)).toBe(0);
  expect(waitMs(undefined, startMs, policy)).toBe(0);
  expect(lifetimeMs({ failures: 3 }, policy)).toBe(3000);
  expect(lifetimeMs({ failures: 14 }, policy)).toBe(300_000);
});

test('as many tries may run at once as may still fail, and one always may', () => {
  expect([0, 1, 4, 5, 14].map((failures) => triesAtOnce(failures, { free: 5 }))).toEqual([5, 4, 1, 1, 1]);
});
