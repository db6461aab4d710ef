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

/** What is counted beside that, by the kind of the operation, for one person. */
const ofPeople: Partial<Record<RateLimitPolicy, Numbers>> = {
  write: [60, 120],
  grade: [20, 20],
  email: [30, 1],
  // Who is signed in and proves it again.
  login: [20, 20],
};

/** The same for an address. */
const ofAddresses: Partial<Record<RateLimitPolicy, Numbers>> = {
  write: [60, 120],
  grade: [20, 20],
  email: [30, 1],
  login: [300, 300],
  register: [10, 10 / 60],
};

const tiers: Readonly<Record<RateTier, number>> = { free: 1, basic: 2, premium: 5, enterprise: 10 };

/** Whoever reviews the work of a class makes more calls than who hands in. */
const staffTier = tiers.premium;

/** Guards something other than this application, or the ways to an account: no limit of a key replaces it. */
const guarded: ReadonlySet<RateLimitPolicy> = new Set(['grade', 'email', 'login', 'register']);

function scaled([capacity, perMinute]: Numbers, factor: number): Limit {
  return { capacity: Math.max(1, Math.floor(capacity * factor)), refillPerMs: (perMinute * factor) / 60_000 };
}

function factorOf(user: Principal): number {
  const factor = tiers[user.tier];
  return user.permissions.has('submission:review') ? Math.max(factor, staffTier) : factor;
}

/** The buckets of a key that has limits of its own, wherever it is shown. */
export function keyBuckets(keyId: string, limits: readonly NamedLimit[]): BucketRequest[] {
  return limits.map(({ name, window_s, max_calls }) => ({
    key: `${name}|key:${keyId}`,
    limit: { capacity: max_calls, refillPerMs: 0, windowMs: window_s * 1000 },
    isPersonal: false,
  }));
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
    const numbers = ofAddresses[policy];
    if (numbers === undefined) return [];
    return [{ key: `${policy}|address:${network}`, limit: limitOf(numbers), isPersonal: false }];
  }

  function ofPerson(user: Principal, policy: RateLimitPolicy): BucketRequest[] {
    const numbers = ofPeople[policy];
    if (numbers === undefined) return [];
    // Nobody needs to prove more often who they are because they may do more.
    const limit = limitOf(numbers, policy === 'login' ? 1 : factorOf(user));
    return [{ key: `${policy}|user:${user.user_id}`, limit, isPersonal: true }];
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
      const beside = counted === 'register' ? ofAddress(network, counted) : ofPerson(user, counted);
      const { via } = user;
      if (via.kind === 'api_key' && via.limits.length > 0) {
        return [...keyBuckets(via.key_id, via.limits), ...(guarded.has(counted) ? beside : [])];
      }
      const all = { key: `all|user:${user.user_id}`, limit: limitOf(person, factorOf(user)), isPersonal: true };
      return [all, ...beside];
    },
    bucketsForRefused: (network) => [{ key: `refused|address:${network}`, limit: limitOf(refused), isPersonal: false }],
  };
}
