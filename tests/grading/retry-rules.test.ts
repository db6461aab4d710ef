import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decideAfterFailure, type Failure, retryDelayS } from '../../shared/grading/retry-rules.ts';

const policy = { baseS: 10, capS: 600, maxAgeS: 86_400, maxBadOutputs: 3 };
const failure: Failure = {
  kind: 'transient',
  code: 'llm_unavailable',
  attempts: 1,
  firstQueuedAtMs: 1_000_000,
  nowMs: 1_000_000,
  jitter01: 0,
  policy,
};
const decide = (changes: Partial<Failure>) => decideAfterFailure({ ...failure, ...changes });

describe('retryDelayS', () => {
  test('doubles with each attempt up to the cap, half of it random', () => {
    const delays = (jitter01: number) =>
      [1, 2, 3, 7, 8, 100].map((attempts) => retryDelayS({ attempts, jitter01, policy }));
    expect(delays(0)).toEqual([5, 10, 20, 300, 300, 300]);
    expect(delays(1)).toEqual([10, 20, 40, 600, 600, 600]);
    expect(delays(0.5)).toEqual([7.5, 15, 30, 450, 450, 450]);
  });

  test('waits at least as long as the provider asks, also above the cap', () => {
    expect(retryDelayS({ ...failure, retryAfterS: 7 })).toBe(7);
    expect(retryDelayS({ ...failure, retryAfterS: 3 })).toBe(5);
    expect(retryDelayS({ ...failure, retryAfterS: 3_600 })).toBe(3_600);
    for (const retryAfterS of [undefined, -5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(retryDelayS({ ...failure, retryAfterS })).toBe(5);
  });

  test('reads odd counts and jitter as their nearest bound', () => {
    const delay = (changes: Partial<Failure>) => retryDelayS({ ...failure, ...changes });
    expect([0, -3, 0.5, 1.9].map((attempts) => delay({ attempts }))).toEqual([5, 5, 5, 5]);
    expect(
      [Number.MAX_VALUE, Number.POSITIVE_INFINITY, Number.NaN, 5_000].map((attempts) => delay({ attempts })),
    ).toEqual([300, 300, 300, 300]);
    expect([-1, Number.NaN, 2, Number.POSITIVE_INFINITY].map((jitter01) => delay({ jitter01 }))).toEqual([5, 5, 10, 5]);
    expect(delay({ policy: { ...policy, baseS: -1 } })).toBe(0);
    expect(delay({ policy: { ...policy, capS: Number.NaN } })).toBe(0);
  });

  test('grows with attempts and stays between half of it and the whole', () => {
    fc.assert(
      fc.property(fc.nat(3_000), fc.double({ min: 0, max: 1, noNaN: true }), (attempts, jitter01) => {
        const lower = (n: number) => retryDelayS({ attempts: n, jitter01: 0, policy });
        const delay = retryDelayS({ attempts, jitter01, policy });
        expect(delay >= lower(attempts) && delay <= 2 * lower(attempts) && delay <= policy.capS).toBe(true);
        expect(lower(attempts + 1)).toBeGreaterThanOrEqual(lower(attempts));
      }),
    );
  });
});

describe('decideAfterFailure', () => {
  test('tries again after a transient failure, any number of times', () => {
    expect(decide({})).toEqual({ next: 'retry', delayS: 5 });
    expect(decide({ attempts: 500, badOutputs: 400 })).toEqual({ next: 'retry', delayS: 300 });
  });

  test('asks a person at once after a permanent failure', () => {
    expect(decide({ kind: 'permanent' })).toEqual({ next: 'needs_attention', reason: 'permanent' });
  });

  test('asks a person after the last unusable verdict', () => {
    const tooMany = { next: 'needs_attention', reason: 'too_many_bad_outputs' };
    expect(decide({ kind: 'unknown', attempts: 2 })).toEqual({ next: 'retry', delayS: 10 });
    expect(decide({ kind: 'unknown', attempts: 3 })).toEqual(tooMany);
    expect(decide({ kind: 'unknown', attempts: 9, badOutputs: 2 })).toEqual({ next: 'retry', delayS: 300 });
    expect(decide({ kind: 'unknown', attempts: 9, badOutputs: 3 })).toEqual(tooMany);
    expect(decide({ kind: 'unknown', attempts: Number.NaN })).toEqual(tooMany);
  });

  test('plans no attempt later than the largest age', () => {
    const late = (ageS: number) => decide({ nowMs: failure.firstQueuedAtMs + ageS * 1_000 });
    expect(late(86_395)).toEqual({ next: 'retry', delayS: 5 });
    expect(late(86_396)).toEqual({ next: 'needs_attention', reason: 'too_old' });
    expect(decide({ retryAfterS: 86_400 })).toEqual({ next: 'retry', delayS: 86_400 });
    expect(decide({ retryAfterS: 86_401 })).toEqual({ next: 'needs_attention', reason: 'too_old' });
    expect(decide({ nowMs: Number.NaN })).toEqual({ next: 'needs_attention', reason: 'too_old' });
  });

  test('counts a clock that jumped back as no time passed', () => {
    expect(decide({ nowMs: 0, policy: { ...policy, maxAgeS: 5 } })).toEqual({ next: 'retry', delayS: 5 });
    expect(decide({ nowMs: 0, policy: { ...policy, maxAgeS: 4 } })).toEqual({
      next: 'needs_attention',
      reason: 'too_old',
    });
  });

  test('decides for any numbers, with a delay that a queue can keep', () => {
    fc.assert(
      fc.property(
        fc.double(),
        fc.double(),
        fc.double(),
        fc.double(),
        fc.double(),
        (attempts, nowMs, retryAfterS, jitter01, badOutputs) => {
          const decision = decide({ kind: 'unknown', attempts, nowMs, retryAfterS, jitter01, badOutputs });
          if (decision.next === 'retry') {
            expect(
              decision.delayS >= Math.max(0, retryAfterS === Number.POSITIVE_INFINITY ? 0 : retryAfterS || 0),
            ).toBe(true);
            expect(decision.delayS <= policy.maxAgeS).toBe(true);
          }
        },
      ),
    );
  });
});
