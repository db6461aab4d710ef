import { LRUCache } from 'lru-cache';
import type { Clock } from './clock.ts';

export interface RateLimitPolicy {
  /** Calls that a key may make at once after a rest. */
  capacity: number;
  /** Calls that come back in a minute. */
  refillPerMinute: number;
}

export interface RateLimitDecision {
  allowed: boolean;
  /** The scaled capacity, in whole calls. */
  limit: number;
  /** Whole calls that may follow at once. */
  remaining: number;
  /** Whole seconds after which one call will be allowed; 0 when this one is. */
  retryAfterS: number;
  /** Whole seconds after which the full capacity is back. */
  resetS: number;
}

export interface RateLimiter<Name extends string> {
  take(policy: Name, key: string): RateLimitDecision;
}

export interface RateLimiterOptions<Name extends string> {
  policies: Readonly<Record<Name, RateLimitPolicy>>;
  /** Multiplies the capacity and the refill of every policy; more than 0. */
  scale: number;
  clock: Clock;
  /** Keys remembered over all policies; beyond it the key that was used longest ago is forgotten, and so starts with a full bucket. */
  maxKeys: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

interface ScaledPolicy {
  capacity: number;
  refillPerMs: number;
}

const MS_PER_MINUTE = 60_000;

// Refills are sums of fractions: a bucket that holds 0.9999999 of a call holds one.
const ROUNDING = 1e-9;

function scaled(name: string, { capacity, refillPerMinute }: RateLimitPolicy, scale: number): ScaledPolicy {
  const policy = {
    capacity: Math.max(1, Math.floor(capacity * scale)),
    refillPerMs: (refillPerMinute * scale) / MS_PER_MINUTE,
  };
  if (!(Number.isFinite(policy.capacity) && Number.isFinite(policy.refillPerMs) && policy.refillPerMs > 0)) {
    throw new RangeError(`Rate limit policy ${name} needs a positive capacity, refill and scale.`);
  }
  return policy;
}

/**
 * Token buckets in the memory of this instance. In any span of t minutes a key is allowed at most capacity + refillPerMinute * t calls
 * (both scaled) by one instance, as long as it is among the remembered keys.
 */
export function createRateLimiter<Name extends string>(options: RateLimiterOptions<Name>): RateLimiter<Name> {
  const { clock, scale, maxKeys } = options;
  const policies = new Map<string, ScaledPolicy>();
  for (const name of Object.keys(options.policies)) {
    // Object.keys of a Record<Name, ...> yields its names; TypeScript types them as plain strings.
    policies.set(name, scaled(name, options.policies[name as Name], scale));
  }
  const buckets = new LRUCache<string, Bucket>({ max: maxKeys });

  function refilled(policyName: string, key: string, policy: ScaledPolicy): Bucket {
    const nowMs = clock.now();
    const id = `${policyName}\n${key}`;
    const bucket = buckets.get(id);
    if (bucket === undefined) {
      const fresh = { tokens: policy.capacity, atMs: nowMs };
      buckets.set(id, fresh);
      return fresh;
    }
    // A clock that jumps back gives nothing and takes nothing, and time counts again from where the clock stands now: otherwise a key
    // would wait out the whole jump, or be given the same minute twice.
    if (nowMs > bucket.atMs) {
      bucket.tokens = Math.min(policy.capacity, bucket.tokens + (nowMs - bucket.atMs) * policy.refillPerMs);
    }
    bucket.atMs = nowMs;
    return bucket;
  }

  return {
    take(policyName, key) {
      const policy = policies.get(policyName);
      if (policy === undefined) throw new RangeError(`There is no rate limit policy ${policyName}.`);
      const bucket = refilled(policyName, key, policy);
      const allowed = bucket.tokens >= 1 - ROUNDING;
      if (allowed) bucket.tokens = Math.max(0, bucket.tokens - 1);
      const secondsUntil = (tokens: number) =>
        Math.max(0, Math.ceil((tokens - bucket.tokens) / policy.refillPerMs / 1_000 - ROUNDING));
      return {
        allowed,
        limit: policy.capacity,
        remaining: Math.floor(bucket.tokens + ROUNDING),
        retryAfterS: allowed ? 0 : Math.max(1, secondsUntil(1)),
        resetS: secondsUntil(policy.capacity),
      };
    },
  };
}
