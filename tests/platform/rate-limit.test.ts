import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRateLimiter } from '../../shared/platform/rate-limit.ts';

function movableClock(startMs = 1_700_000_000_000) {
  let nowMs = startMs;
  return {
    now: () => nowMs,
    move(ms: number) {
      nowMs += ms;
    },
  };
}

function setUp(capacity: number, refillPerMinute: number, { scale = 1, maxKeys = 100 } = {}) {
  const clock = movableClock();
  const limiter = createRateLimiter({
    policies: { write: { capacity, refillPerMinute }, read: { capacity: 1, refillPerMinute: 1 } },
    scale,
    clock,
    maxKeys,
  });
  return { clock, limiter };
}

describe('the bucket', () => {
  test('a rested key may make capacity calls at once and is then told how long to wait', () => {
    const { limiter } = setUp(3, 6);
    const decisions = Array.from({ length: 4 }, () => limiter.take('write', 'a'));
    expect(decisions).toEqual([
      { allowed: true, limit: 3, remaining: 2, retryAfterS: 0, resetS: 10 },
      { allowed: true, limit: 3, remaining: 1, retryAfterS: 0, resetS: 20 },
      { allowed: true, limit: 3, remaining: 0, retryAfterS: 0, resetS: 30 },
      { allowed: false, limit: 3, remaining: 0, retryAfterS: 10, resetS: 30 },
    ]);
  });

  test('keys and policies do not share a bucket', () => {
    const { limiter } = setUp(1, 1);
    expect(limiter.take('write', 'a').allowed).toBe(true);
    expect(limiter.take('write', 'b').allowed).toBe(true);
    expect(limiter.take('read', 'a').allowed).toBe(true);
    expect(limiter.take('write', 'a').allowed).toBe(false);
  });

  test('a caller who waits as long as it is told is allowed, and not a moment before', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 600 }), (capacity, refill) => {
        const { clock, limiter } = setUp(capacity, refill);
        for (let i = 0; i < capacity; i += 1) limiter.take('write', 'a');
        const refused = limiter.take('write', 'a');
        expect(refused.allowed).toBe(false);
        clock.move(Math.floor(60_000 / refill) - 1);
        if (60_000 / refill > 2) expect(limiter.take('write', 'a').allowed).toBe(false);
        clock.move(refused.retryAfterS * 1_000 - Math.floor(60_000 / refill) + 1);
        expect(limiter.take('write', 'a').allowed).toBe(true);
      }),
    );
  });

  test('after the reset time the full capacity is back, and no more', () => {
    const { clock, limiter } = setUp(5, 7);
    for (let i = 0; i < 4; i += 1) limiter.take('write', 'a');
    const { resetS } = limiter.take('write', 'a');
    clock.move(resetS * 1_000);
    expect(limiter.take('write', 'a').remaining).toBe(4);
    clock.move(3_600_000);
    expect(limiter.take('write', 'a').remaining).toBe(4);
  });

  test('no window holds more than capacity + refill * t allowed calls, nor does a busy caller get less', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 30_000 }), { minLength: 1, maxLength: 150 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 1, max: 120 }),
        steps,
        (capacity, refill, gapsMs) => {
          const allowedAt = allowedTimes(capacity, refill, gapsMs);
          for (const [from, fromMs] of allowedAt.entries()) {
            for (const [to, toMs] of allowedAt.entries()) {
              if (to < from) continue;
              expect(to - from + 1).toBeLessThanOrEqual(capacity + (refill * (toMs - fromMs)) / 60_000 + 1e-6);
            }
          }
          expect(allowedAt.length).toBeGreaterThanOrEqual(Math.min(capacity, 4 * gapsMs.length));
        },
      ),
    );
  });
});

/** When the calls of a caller who tries four times after every gap are allowed. */
function allowedTimes(capacity: number, refill: number, gapsMs: readonly number[]): number[] {
  const { clock, limiter } = setUp(capacity, refill);
  const allowedAt: number[] = [];
  for (const gapMs of gapsMs) {
    clock.move(gapMs);
    for (let i = 0; i < 4; i += 1) if (limiter.take('write', 'a').allowed) allowedAt.push(clock.now());
  }
  return allowedAt;
}

describe('the scale', () => {
  test('multiplies capacity and refill', () => {
    const { clock, limiter } = setUp(2, 6, { scale: 10 });
    for (let i = 0; i < 20; i += 1) expect(limiter.take('write', 'a').allowed).toBe(true);
    expect(limiter.take('write', 'a')).toMatchObject({ allowed: false, limit: 20, retryAfterS: 1 });
    clock.move(1_000);
    expect(limiter.take('write', 'a').allowed).toBe(true);
  });

  test('a small scale leaves at least one call', () => {
    const { limiter } = setUp(2, 6, { scale: 0.1 });
    expect(limiter.take('write', 'a')).toMatchObject({ allowed: true, limit: 1 });
    expect(limiter.take('write', 'a')).toMatchObject({ allowed: false, retryAfterS: 100 });
  });

  test('a scale, capacity or refill that makes no sense is refused at the start', () => {
    for (const scale of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => setUp(2, 6, { scale })).toThrow(RangeError);
    expect(() => setUp(2, 0)).toThrow(/write/);
  });
});

describe('the clock and the memory', () => {
  test('a clock that jumps back neither gives calls nor locks a key out', () => {
    const { clock, limiter } = setUp(2, 60);
    limiter.take('write', 'a');
    limiter.take('write', 'a');
    clock.move(-3_600_000);
    expect(limiter.take('write', 'a')).toMatchObject({ allowed: false, retryAfterS: 1 });
    clock.move(1_000);
    expect(limiter.take('write', 'a').allowed).toBe(true);
    expect(limiter.take('write', 'a').allowed).toBe(false);
  });

  test('refused calls cost nothing', () => {
    const { clock, limiter } = setUp(1, 60);
    limiter.take('write', 'a');
    for (let i = 0; i < 9; i += 1) {
      clock.move(100);
      expect(limiter.take('write', 'a').allowed).toBe(false);
    }
    clock.move(100);
    expect(limiter.take('write', 'a').allowed).toBe(true);
  });

  test('no more keys than allowed are remembered, and the one used longest ago goes first', () => {
    const { limiter } = setUp(1, 1, { maxKeys: 3 });
    for (const key of ['a', 'b', 'c', 'a', 'd']) limiter.take('write', key);
    expect(limiter.take('write', 'a').allowed).toBe(false);
    expect(limiter.take('write', 'd').allowed).toBe(false);
    expect(limiter.take('write', 'b').allowed).toBe(true);
  });
});
