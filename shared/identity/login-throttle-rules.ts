/** Log-ins that failed, as they are remembered under one name, address or device. */
export interface FailureCount {
  failures: number;
  failed_at_ms: number;
}

export interface ThrottlePolicy {
  /** So many failures cost nothing. */
  free: number;
  /** After so long without a failure one of them is forgiven. */
  forgiveMs: number;
}

const firstDelayMs = 1_000;
/** Nobody waits longer than this, whatever an attacker does. */
export const delayMaxMs = 300_000;
/** Failures after which the delay does not grow any more; more are not counted, so that they do not take longer to forgive. */
const growingFailures = Math.ceil(Math.log2(delayMaxMs / firstDelayMs));

/** How long the next try must wait after so many failures: a second, doubling to five minutes. */
export function delayMs(failures: number, { free }: Pick<ThrottlePolicy, 'free'>): number {
  return failures < free ? 0 : Math.min(delayMaxMs, firstDelayMs * 2 ** Math.min(failures - free, growingFailures));
}

/** The failures that are not forgiven yet. */
export function failuresNow(count: FailureCount | undefined, nowMs: number, policy: ThrottlePolicy): number {
  if (count === undefined) return 0;
  // A clock that jumped back forgives nothing.
  const forgiven = Math.floor(Math.max(0, nowMs - count.failed_at_ms) / policy.forgiveMs);
  return Math.max(0, count.failures - forgiven);
}

/** How long to wait until the next try; 0 when it may be made now. */
export function waitMs(count: FailureCount | undefined, nowMs: number, policy: ThrottlePolicy): number {
  if (count === undefined) return 0;
  const delay = delayMs(count.failures, policy);
  return Math.max(0, Math.min(delay, count.failed_at_ms + delay - nowMs));
}

export function afterFailure(count: FailureCount | undefined, nowMs: number, policy: ThrottlePolicy): FailureCount {
  const failures = Math.min(failuresNow(count, nowMs, policy) + 1, policy.free + growingFailures);
  return { failures, failed_at_ms: nowMs };
}

/** After so long nothing of it counts any more. */
export function lifetimeMs({ failures }: Pick<FailureCount, 'failures'>, policy: ThrottlePolicy): number {
  return Math.max(failures * policy.forgiveMs, delayMs(failures, policy));
}

/**
 * How many tries may be made at the same time: no more than may fail. Otherwise a thousand guesses that arrive at once
 * would all be made before the first has failed.
 */
export function triesAtOnce(failures: number, { free }: Pick<ThrottlePolicy, 'free'>): number {
  return Math.max(1, free - failures);
}
