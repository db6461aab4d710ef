/** `transient` passes by itself, `permanent` does not, `unknown` may be either. */
export type FailureKind = 'transient' | 'permanent' | 'unknown';

export interface RetryPolicy {
  /** Seconds before the second attempt, before jitter. */
  baseS: number;
  /** Most seconds between two attempts, unless the provider asks for more. */
  capS: number;
  /** Seconds after the first queueing beyond which no attempt is planned. */
  maxAgeS: number;
  /** Attempts that may end without a usable verdict, or for a reason nobody knows, before a person must look. */
  maxBadOutputs: number;
}

export interface Failure {
  kind: FailureKind;
  /** Stable code of the error, for people and for statistics. */
  code: string;
  /** Attempts made so far, this one included; from 1. */
  attempts: number;
  /** Of those, how many ended without a usable verdict or for an unknown reason; all of them when not counted. */
  badOutputs?: number | undefined;
  /** Milliseconds since the epoch. */
  firstQueuedAtMs: number;
  nowMs: number;
  /** Seconds that the provider asked to wait. */
  retryAfterS?: number | undefined;
  /** A random number from 0 to 1, drawn by the caller. */
  jitter01: number;
  policy: RetryPolicy;
}

export type FailureDecision =
  | { next: 'retry'; delayS: number }
  | { next: 'needs_attention'; reason: 'permanent' | 'too_old' | 'too_many_bad_outputs' };

/** A finite number that is not negative; anything else counts as 0. */
function atLeastZero(value: number | undefined): number {
  return value !== undefined && value >= 0 && value !== Number.POSITIVE_INFINITY ? value : 0;
}

/**
 * Seconds before the next attempt: base x 2^(attempts - 1), at most `capS`, with equal jitter (the second half of the
 * delay is random), after "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. Equal, not full, jitter: a
 * delay that may be 0 would ask a provider again while it is still down. A wait that the provider asks for is a
 * minimum, also above the cap.
 */
export function retryDelayS(failure: Pick<Failure, 'attempts' | 'retryAfterS' | 'jitter01' | 'policy'>): number {
  // 2^1023 is the largest power that is finite; larger exponents would only reach the cap as well.
  const attempts = Number.isNaN(failure.attempts) ? Number.POSITIVE_INFINITY : failure.attempts;
  const exponent = Math.min(Math.max(Math.floor(attempts) - 1, 0), 1023);
  const full = Math.min(atLeastZero(failure.policy.baseS) * 2 ** exponent, atLeastZero(failure.policy.capS));
  const jitter = Math.min(atLeastZero(failure.jitter01), 1);
  return Math.max(full / 2 + (full / 2) * jitter, atLeastZero(failure.retryAfterS));
}

/**
 * What happens to a submission whose grading attempt failed. Permanent failures go to a person at once. Unknown
 * failures and unusable verdicts (`kind: 'unknown'`) are tried again `maxBadOutputs` times in all, transient ones until
 * the next attempt would begin later than `maxAgeS` after the first queueing. A clock that jumped back counts as no
 * time passed. Never a score: an outage is not a grade.
 */
export function decideAfterFailure(failure: Failure): FailureDecision {
  if (failure.kind === 'permanent') return { next: 'needs_attention', reason: 'permanent' };
  const badOutputs = failure.badOutputs ?? failure.attempts;
  // Written so that a count that is not a number ends in front of a person rather than in an endless loop.
  if (failure.kind === 'unknown' && !(badOutputs < failure.policy.maxBadOutputs)) {
    return { next: 'needs_attention', reason: 'too_many_bad_outputs' };
  }
  const delayS = retryDelayS(failure);
  const ageS = Math.max(0, failure.nowMs - failure.firstQueuedAtMs) / 1000;
  if (!(ageS + delayS <= failure.policy.maxAgeS)) return { next: 'needs_attention', reason: 'too_old' };
  return { next: 'retry', delayS };
}
