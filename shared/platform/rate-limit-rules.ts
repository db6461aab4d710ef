/**
 * The arithmetic of limits that several instances share: pure decisions about tokens, time and leases. One token is one
 * call. How the parts work together is told in docs/rate-limits.md.
 */

/** A token bucket; with `windowMs` it refills all at once when a new window of that length begins (UTC). */
export interface Limit {
  /** Calls at once after a rest; of a window, the calls in it. */
  capacity: number;
  /** Calls that come back in a millisecond; 0 for a window. */
  refillPerMs: number;
  windowMs?: number;
}

/** How full a bucket was when. */
export interface Level {
  tokens: number;
  atMs: number;
}

/** Tokens that an instance took out of the shared bucket and may spend until then. */
export type Lease = readonly [tokens: number, untilMs: number];

/** The shared bucket as it is stored. */
export interface SharedLevel extends Level {
  leases: Readonly<Record<string, Lease>>;
}

/** Refills are sums of fractions: a bucket that holds 0.9999999 of a call holds one. */
const rounding = 1e-6;

/** How much of a limit the instances may spend without telling each other. */
const ownShare = 0.1;

/** A stored time that lies further ahead than this was written by a broken clock and must not stop the refill. */
const clockSkewMaxMs = 10_000;

/** How long a lease lasts at least while more than half of the bucket is left. */
const ampleMs = 2_000;

/** The time in which a lease is given back after its end, before the others take it for spent. */
const leaseGraceMs = 1_000;

export function holdsCalls(tokens: number, calls = 1): boolean {
  return tokens >= calls - rounding;
}

export function wholeCalls(tokens: number): number {
  return Math.max(0, Math.floor(tokens + rounding));
}

const windowOf = (limit: Limit, ms: number) => (limit.windowMs === undefined ? 0 : Math.floor(ms / limit.windowMs));

/**
 * The level now. A time in the future gives and takes nothing: either it is the small difference between two clocks, and
 * this one catches up, or a clock was wrong and time counts again from here. With a smaller `capacity` it fills up to
 * that only.
 */
export function refilled(limit: Limit, level: Level, nowMs: number, capacity = limit.capacity): Level {
  if (nowMs <= level.atMs) return level.atMs - nowMs > clockSkewMaxMs ? { tokens: level.tokens, atMs: nowMs } : level;
  if (limit.windowMs !== undefined) {
    return windowOf(limit, nowMs) > windowOf(limit, level.atMs)
      ? { tokens: limit.capacity, atMs: nowMs }
      : { tokens: level.tokens, atMs: nowMs };
  }
  const more = Math.min(capacity, level.tokens + (nowMs - level.atMs) * limit.refillPerMs);
  return { tokens: Math.max(level.tokens, more), atMs: nowMs };
}

export function fullLevel(limit: Limit, nowMs: number): Level {
  return { tokens: limit.capacity, atMs: nowMs };
}

/** Milliseconds until a bucket that holds so much holds `wanted`; more than it can hold is never. */
export function msUntil(limit: Limit, tokens: number, wanted: number, nowMs: number): number {
  if (holdsCalls(tokens, wanted)) return 0;
  if (wanted > limit.capacity + rounding) return Number.POSITIVE_INFINITY;
  if (limit.windowMs !== undefined) return (windowOf(limit, nowMs) + 1) * limit.windowMs - nowMs;
  // Whole milliseconds, as clocks count them; the rounding must not add one to a time that is whole already.
  return Math.ceil((wanted - tokens) / limit.refillPerMs - rounding);
}

/**
 * A limit in two: what each of `instances` spends alone, a tenth of the limit over all of them, and what they lease from
 * the shared bucket. A limit whose tenth is not one call for each has the shared part only, so that small ones are exact.
 */
export function partsOf(limit: Limit, instances: number): { own: Limit; shared: Limit } {
  const capacity = Math.floor((limit.capacity * ownShare) / instances + rounding);
  if (capacity === 0) return { own: { ...limit, capacity: 0, refillPerMs: 0 }, shared: limit };
  const refillPerMs = (limit.refillPerMs * ownShare) / instances;
  return {
    own: { ...limit, capacity, refillPerMs },
    shared: {
      ...limit,
      capacity: limit.capacity - capacity * instances,
      refillPerMs: limit.refillPerMs - refillPerMs * instances,
    },
  };
}

/** What one instance allows by itself while the shared bucket is out of reach: never less than one call. */
export function shareOf(limit: Limit, instances: number): Limit {
  return { ...limit, capacity: Math.max(1, limit.capacity / instances), refillPerMs: limit.refillPerMs / instances };
}

export interface SettleRequest {
  /** Who settles. */
  instance: string;
  nowMs: number;
  /** How many instances there are, as far as this one knows. */
  instances: number;
  /** Calls that wait for the answer. */
  waiting: number;
  /** What this instance can spend beside its lease. */
  own: number;
  /** What is left of the lease that it holds. */
  held: number;
  /**
   * The shared bucket as this instance followed it, when nobody else wrote since it settled: it knows when it spent its
   * lease, which nobody else can know.
   */
  followed: Level | undefined;
  /** What it let through while the shared bucket was out of reach. */
  owed: number;
  /** Calls a second since it settled last; undefined when that is too long ago to tell. */
  callsPerS: number | undefined;
  /** How long a lease lasts; longer while more than half of the bucket is left. */
  leaseMs: number;
}

export interface Settlement {
  /** What to store; undefined when nothing changed. */
  stored: SharedLevel | undefined;
  /** What this instance holds from now on, and for how long. */
  lease: { tokens: number; untilMs: number; periodMs: number };
  /** What is left in the shared bucket. */
  level: Level;
  /** What others hold, some of which may come back. */
  lent: number;
}

/** What is still leased to the others. An end that was missed is a lease that was spent. */
function leasesOfOthers({ leases }: SharedLevel, instance: string, nowMs: number): [string, Lease][] {
  return Object.entries(leases).filter(([holder, [, untilMs]]) => holder !== instance && untilMs > nowMs);
}

/**
 * The shared bucket now. What is leased is still in the bucket as far as its capacity goes, as long as it can be spent:
 * or a bucket that fills up beside a lease would give both at once.
 */
function refilledBeside(limit: Limit, before: SharedLevel, nowMs: number): Level {
  if (limit.windowMs !== undefined || nowMs <= before.atMs) return refilled(limit, before, nowMs);
  let level: Level = { tokens: before.tokens, atMs: before.atMs };
  const leases = Object.values(before.leases).filter(([, untilMs]) => untilMs > level.atMs);
  let lent = leases.reduce((sum, [tokens]) => sum + tokens, 0);
  for (const [tokens, untilMs] of leases.toSorted(([, a], [, b]) => a - b)) {
    if (untilMs >= nowMs) break;
    level = refilled(limit, level, untilMs, limit.capacity - lent);
    lent -= tokens;
  }
  return refilled(limit, level, nowMs, limit.capacity - lent);
}

/**
 * How many tokens of `pool` an instance gets: the calls that wait, and then what the next period is likely to need, from
 * the upper half of the bucket freely, from the lower half its share. Who is not known yet to need more gets half of the
 * rest, less where others hold leases too, so that there is always something for the next to come. Beyond what is needed
 * only whole calls: parts of one, here and there, would serve nobody.
 */
function leaseSize(pool: number, capacity: number, request: SettleRequest, holders: number, spare: number): number {
  const served = Math.min(request.waiting, wholeCalls(request.own + pool));
  const needed = Math.min(pool, Math.max(0, served - request.own));
  const rest = pool - needed;
  if (request.callsPerS === undefined) {
    const isAlone = request.instances === 1 && holders === 0;
    return needed + wholeCalls(Math.min(spare, rest / (isAlone ? 1 : holders + 2)));
  }
  const plenty = Math.max(0, rest - capacity / 2);
  return needed + wholeCalls(Math.min(spare, Math.max(rest / (holders + 1), plenty)));
}

function nextLease(pool: number, limit: Limit, request: SettleRequest, holders: number) {
  const { callsPerS, waiting, held, nowMs, leaseMs } = request;
  const untilWindowEndMs = limit.windowMs === undefined ? Number.POSITIVE_INFINITY : msUntil(limit, 0, 1, nowMs);
  const lease = (tokens: number, periodMs: number) => ({
    tokens,
    periodMs,
    untilMs: nowMs + Math.min(periodMs + leaseGraceMs, untilWindowEndMs),
  });
  // Nobody asks any more: all goes back.
  if (callsPerS === 0 && waiting === 0) return lease(0, leaseMs);
  if (callsPerS === undefined) {
    // Calls that nobody waits for any more ask for nothing.
    const spare = waiting === 0 && held === 0 ? 0 : pool;
    return lease(leaseSize(pool, limit.capacity, request, holders, spare), leaseMs);
  }
  const longMs = Math.max(ampleMs, leaseMs);
  // Whoever called once may open a page next: a tenth of the bucket, shared among those who call, is at hand for that.
  const atHand = (limit.capacity * ownShare) / (holders + 1);
  const ample = leaseSize(pool, limit.capacity, request, holders, Math.max((2 * callsPerS * longMs) / 1000, atHand));
  if (pool - ample >= limit.capacity / 2) return lease(ample, longMs);
  return lease(leaseSize(pool, limit.capacity, request, holders, (2 * callsPerS * leaseMs) / 1000), leaseMs);
}

/**
 * Settles with the shared bucket: gives back what is left of the last lease and takes the next one. What the bucket and
 * all leases hold together is never more than the limit, so that what is spent in any time t is at most
 * capacity + refill * t.
 */
export function settle(limit: Limit, found: SharedLevel | undefined, request: SettleRequest): Settlement {
  const { instance, nowMs, held, owed } = request;
  const before: SharedLevel = found ?? { ...fullLevel(limit, nowMs), leases: {} };
  const others = leasesOfOthers(before, instance, nowMs);
  const lent = others.reduce((sum, [, [tokens]]) => sum + tokens, 0);
  const level = request.followed ?? refilledBeside(limit, before, nowMs);
  // With what this instance holds already, which it keeps or gives back.
  const pool = Math.max(0, Math.min(level.tokens + held, limit.capacity - lent) - owed);
  const lease = nextLease(pool, limit, request, others.length);
  const rest: Level = { tokens: Math.max(0, pool - lease.tokens), atMs: level.atMs };
  // A time that a wrong clock wrote must be put right, or it would stop the refill for ever.
  const isRight = level.atMs >= before.atMs;
  const isUnchanged = lease.tokens <= rounding && held <= rounding && owed === 0 && isRight;
  const own: [string, Lease][] = lease.tokens > rounding ? [[instance, [lease.tokens, lease.untilMs]]] : [];
  return {
    stored: isUnchanged ? undefined : { ...rest, leases: Object.fromEntries([...others, ...own]) },
    lease,
    level: rest,
    lent,
  };
}

/** Seconds after which a stored bucket is as good as none, because it is full again. */
export function keptS(limit: Limit, nowMs: number): number {
  const untilFullMs =
    limit.windowMs === undefined ? limit.capacity / limit.refillPerMs : msUntil(limit, 0, limit.capacity, nowMs);
  return Math.ceil(untilFullMs / 1000) + 60;
}

/** What somebody has earned who does not wait as long as told. */
export interface Patience {
  /** When the wait that was told last ends. */
  toldUntilMs: number;
  /** Calls since, that came too early. */
  ignored: number;
  /** How often the wait was doubled. */
  doublings: number;
  /** When it was doubled last. */
  doubledAtMs: number;
  /** Until then nothing is allowed; 0 as long as the wait is that of the bucket. */
  refusedUntilMs: number;
}

export const patient: Patience = { toldUntilMs: 0, ignored: 0, doublings: 0, doubledAtMs: 0, refusedUntilMs: 0 };

const patienceRules = { ignoredMax: 20, forgottenMs: 300_000, waitMaxMs: 60_000 } as const;

/**
 * After a refusal: who comes back too early again and again waits twice as long each time, up to a minute; five minutes
 * without that and all is forgotten. The calls that a page had under way when the first was refused are no such thing.
 */
export function afterRefusal(before: Patience, waitMs: number, nowMs: number): Patience {
  const told = nowMs + waitMs;
  if (nowMs >= before.toldUntilMs) return { ...before, toldUntilMs: told, ignored: 0, refusedUntilMs: 0 };
  const ignored = before.ignored + 1;
  if (ignored <= patienceRules.ignoredMax) return { ...before, ignored };
  const doublings = nowMs - before.doubledAtMs < patienceRules.forgottenMs ? before.doublings + 1 : 1;
  const longerMs = Math.min(patienceRules.waitMaxMs, Math.max(1_000, waitMs) * 2 ** Math.min(doublings, 10));
  const untilMs = Math.max(told, nowMs + longerMs);
  return { toldUntilMs: untilMs, ignored: 0, doublings, doubledAtMs: nowMs, refusedUntilMs: untilMs };
}
