import type { NamedLimit, Principal, RateLimitPolicy, RateTier } from './define-endpoint.ts';
import type { Limit } from './rate-limit-rules.ts';

/** One bucket that a call is counted in. */
export interface BucketRequest {
  /** What is limited, and for whom. */
  key: string;
  limit: Limit;
  /** It belongs to one person, who alone pays for coming back too early. */
  isPersonal: boolean;
}

/** Capacity, and calls that come back in a minute. */
type Numbers = readonly [capacity: number, perMinute: number];

/** All that one person calls, times the tier; what reads has no further limit. */
const person: Numbers = [100, 600];

/** All that is called without an account from one address, where a whole school may stand behind one. */
const address: Numbers = [600, 1200];

/** Wrong credentials from one address; tokens that have run out are among them, a school's all at the same time. */
const refused: Numbers = [1200, 1200];

/** All calls of the installation together. */
const everybody: Numbers = [10_000, 60_000];

/** What is counted beside, by the kind of the operation. */
const byPolicy: Partial<Record<RateLimitPolicy, Numbers>> = {
  write: [60, 120],
  grade: [20, 20],
  login: [300, 300],
  register: [10, 10 / 60],
  email: [30, 1],
};

const tiers: Readonly<Record<RateTier, number>> = { free: 1, basic: 2, premium: 5, enterprise: 10 };

/** Whoever reviews the work of a class makes more calls than who hands in. */
const staffTier = tiers.premium;

/** Guards something other than this application: models that cost money, mailboxes. No limit of a key replaces it. */
const costly: ReadonlySet<RateLimitPolicy> = new Set(['grade', 'email']);

/** By address whoever calls: these are the ways to an account. */
const byAddress: ReadonlySet<RateLimitPolicy> = new Set(['login', 'register']);

function scaled([capacity, perMinute]: Numbers, factor: number): Limit {
  return { capacity: Math.max(1, Math.floor(capacity * factor)), refillPerMs: (perMinute * factor) / 60_000 };
}

function factorOf(user: Principal): number {
  const factor = tiers[user.tier];
  return user.permissions.has('submission:review') ? Math.max(factor, staffTier) : factor;
}

function windowOf(limit: NamedLimit): Limit {
  return { capacity: limit.max_calls, refillPerMs: 0, windowMs: limit.window_s * 1000 };
}

export interface RatePlan {
  everybody: Limit;
  /** The buckets of a call; `network` stands for the address. */
  bucketsFor(policy: RateLimitPolicy, user: Principal | undefined, network: string): BucketRequest[];
  /** The buckets of a call whose credential is wrong. */
  bucketsForRefused(network: string): BucketRequest[];
}

/** Which buckets a call takes from. `scale` multiplies all limits but those that a key was given. */
export function createRatePlan(scale: number): RatePlan {
  if (!(Number.isFinite(scale) && scale > 0)) throw new RangeError('The scale of rate limits must be above 0.');
  const made = new Map<Numbers, Map<number, Limit>>();

  function limitOf(numbers: Numbers, factor = 1): Limit {
    const known = made.get(numbers) ?? new Map<number, Limit>();
    made.set(numbers, known);
    const limit = known.get(factor) ?? scaled(numbers, scale * factor);
    known.set(factor, limit);
    return limit;
  }

  function ofAddress(network: string, policy: RateLimitPolicy): BucketRequest[] {
    const numbers = byPolicy[policy];
    if (numbers === undefined) return [];
    return [{ key: `${policy}|address:${network}`, limit: limitOf(numbers), isPersonal: false }];
  }

  function ofPerson(user: Principal, policy: RateLimitPolicy): BucketRequest[] {
    const numbers = byPolicy[policy];
    if (numbers === undefined) return [];
    return [{ key: `${policy}|user:${user.user_id}`, limit: limitOf(numbers, factorOf(user)), isPersonal: true }];
  }

  return {
    everybody: scaled(everybody, scale),
    bucketsFor(policy, user, network) {
      if (user === undefined) {
        const all = { key: `all|address:${network}`, limit: limitOf(address), isPersonal: false };
        return [all, ...ofAddress(network, policy)];
      }
      // Accounts that staff make for a class are their work, not registrations.
      const counted = policy === 'register' && user.permissions.has('account:create') ? 'write' : policy;
      const beside = byAddress.has(counted) ? ofAddress(network, counted) : ofPerson(user, counted);
      const { via } = user;
      if (via.kind === 'api_key' && via.limits.length > 0) {
        const own = via.limits.map((limit) => ({
          key: `${limit.name}|key:${via.key_id}`,
          limit: windowOf(limit),
          isPersonal: false,
        }));
        return costly.has(counted) || byAddress.has(counted) ? [...own, ...beside] : own;
      }
      const all = { key: `all|user:${user.user_id}`, limit: limitOf(person, factorOf(user)), isPersonal: true };
      return [all, ...beside];
    },
    bucketsForRefused: (network) => [{ key: `refused|address:${network}`, limit: limitOf(refused), isPersonal: false }],
  };
}
