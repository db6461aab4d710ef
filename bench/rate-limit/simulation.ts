/** Many instances of the real limiter before one shared store, in virtual time. */
import { createLogger } from '../../shared/platform/logging.ts';
import { createRateLimiter, type RateLimiter } from '../../shared/platform/rate-limit.ts';
import type { BucketRequest } from '../../shared/platform/rate-limit-policy-rules.ts';
import { fullLevel, holdsCalls, type Level, type Limit, refilled } from '../../shared/platform/rate-limit-rules.ts';
import type { RateLimitStore } from '../../shared/platform/rate-limit-store.ts';
import { createChance, createVirtualTime, type VirtualTime } from './virtual-time.ts';

/** Who gets the calls: all the same, some far more than others, one at a time for a while, or ever new instances. */
export type Traffic = 'even' | 'skewed' | 'bursts' | 'wandering' | 'coming and going';

export interface Scenario {
  limit: Limit;
  instances: number;
  traffic: Traffic;
  /** Calls that come, in multiples of what the limit allows. */
  load: number;
  seconds: number;
  seed: number;
  /** The limit of everybody together, with its slower pace, in place of that of one subject. */
  isEverybody?: boolean;
}

export interface Outcome {
  asked: number;
  allowed: number;
  /** What one bucket in one place would have allowed of the same calls. */
  ideal: number;
  /** The least factor by which the limit would have to be larger for all windows of time to be within it. */
  overFactor: number;
  /** Allowed, of what is ideal. */
  useShare: number;
  /** Successful writes of the bucket in any second by one instance. */
  writesPerSecondMax: number;
  /** By all instances together, in the mean. */
  writesPerS: number;
  conflictShare: number;
  /** Calls that had to wait for the store. */
  awaitedShare: number;
  waitMaxMs: number;
}

const startMs = Date.UTC(2026, 0, 5, 8);
/** Long enough for all to have counted each other. */
const warmUpMs = 40_000;
const skewMs = 50;
const subject = 'subject';

interface Stored<T> {
  value: T;
  etag: string;
  goneAtMs: number;
}

/** A store that takes 4 to 24 ms for each operation, and knows who wrote how often. */
function createStore(time: VirtualTime, chance: () => number, counts: Counts) {
  const documents = new Map<string, Stored<unknown>>();
  let version = 0;
  const pause = () => time.sleep(2 + chance() * 10);

  async function find<T>(key: string): Promise<(Stored<T> & { value: T }) | undefined> {
    await pause();
    const found = documents.get(key);
    await pause();
    // Written under this key by the same kind of operation.
    return found !== undefined && found.goneAtMs > time.now() ? (found as Stored<T>) : undefined;
  }

  async function write(key: string, value: unknown, etag: string | undefined, keptS: number, instance: string) {
    await pause();
    const found = documents.get(key);
    const current = found !== undefined && found.goneAtMs > time.now() ? found.etag : undefined;
    const isWritten = current === etag;
    if (isWritten) {
      version += 1;
      documents.set(key, { value, etag: `v${version}`, goneAtMs: time.now() + keptS * 1000 });
    }
    counts.note(key, instance, isWritten, time.now());
    const written = `v${version}`;
    await pause();
    return isWritten ? written : undefined;
  }

  return (instance: string): RateLimitStore => ({
    async findLevel(key) {
      const found = await find<Parameters<RateLimitStore['writeLevel']>[1]>(key);
      return found && { level: found.value, etag: found.etag };
    },
    writeLevel: (key, level, etag, keptS) => write(key, level, etag, keptS, instance),
    async findInstances() {
      const found = await find<Record<string, number>>('instances');
      return found && { seenAtMs: found.value, etag: found.etag };
    },
    writeInstances: (seenAtMs, etag) => write('instances', seenAtMs, etag, 3600, instance),
  });
}

/** Counts the writes of the one bucket that is looked at. */
class Counts {
  readonly #bucket: string;
  readonly #writtenAtMs = new Map<string, number[]>();
  written = 0;
  conflicts = 0;

  constructor(bucket: string) {
    this.#bucket = bucket;
  }

  note(key: string, instance: string, isWritten: boolean, atMs: number): void {
    if (key !== this.#bucket) return;
    if (!isWritten) {
      this.conflicts += 1;
      return;
    }
    this.written += 1;
    const times = this.#writtenAtMs.get(instance) ?? [];
    times.push(atMs);
    this.#writtenAtMs.set(instance, times);
  }

  /** Store and network take a while, so two writes that began a second apart may arrive a little closer. */
  perSecondMax(): number {
    let most = 0;
    for (const times of this.#writtenAtMs.values()) {
      for (const [index, atMs] of times.entries()) {
        const inSecond = times.slice(index).findIndex((other) => other >= atMs + 900);
        most = Math.max(most, inSecond === -1 ? times.length - index : inSecond);
      }
    }
    return most;
  }
}

/** The least factor for which the calls fit the limit: from everywhere to anywhere at most factor * (capacity + refill * t). */
export function overFactor(limit: Limit, allowedAtMs: readonly number[]): number {
  const fits = (factor: number) => {
    let level = 0;
    let lastMs = Number.NEGATIVE_INFINITY;
    let window = -1;
    for (const atMs of allowedAtMs) {
      if (limit.windowMs === undefined) {
        level = Math.max(0, level - (atMs - lastMs) * limit.refillPerMs * factor);
      } else if (Math.floor(atMs / limit.windowMs) !== window) {
        window = Math.floor(atMs / limit.windowMs);
        level = 0;
      }
      lastMs = atMs;
      level += 1;
      if (level > limit.capacity * factor + 1e-6) return false;
    }
    return true;
  };
  let [low, high] = [0, 10];
  for (let i = 0; i < 24; i += 1) {
    const middle = (low + high) / 2;
    if (fits(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** What one bucket in one place allows of these calls. */
function idealCount(limit: Limit, askedAtMs: readonly number[]): number {
  let level: Level = fullLevel(limit, startMs);
  let count = 0;
  for (const atMs of askedAtMs) {
    level = refilled(limit, level, atMs);
    if (!holdsCalls(level.tokens)) continue;
    level = { ...level, tokens: level.tokens - 1 };
    count += 1;
  }
  return count;
}

interface Running {
  limiter: RateLimiter;
  isGone: boolean;
}

/** Which of the instances gets the next call. */
function chooser(traffic: Traffic, chance: () => number, time: VirtualTime) {
  return (running: readonly Running[]): Running | undefined => {
    const present = running.filter((one) => !one.isGone);
    if (traffic === 'wandering') return present[Math.floor(time.now() / 3_000) % present.length];
    // Half of all calls go to the first tenth.
    if (traffic === 'skewed' && chance() < 0.5) return present[Math.floor(chance() * Math.ceil(present.length / 10))];
    return present[Math.floor(chance() * present.length)];
  };
}

/** When the calls come: at random with the same mean, or all of a rested bucket at once every 20 seconds. */
function callTimes({ limit, load, seconds, traffic }: Scenario, chance: () => number): number[] {
  const perMs = limit.windowMs === undefined ? limit.refillPerMs : limit.capacity / limit.windowMs;
  const from = startMs + warmUpMs;
  const times: number[] = [];
  const meanMs = 1 / (perMs * load);
  let atMs = from;
  while (atMs < from + seconds * 1000) {
    times.push(atMs);
    atMs += -Math.log(1 - chance()) * meanMs;
  }
  if (traffic === 'bursts') {
    for (let burst = from; burst < from + seconds * 1000; burst += 20_000) {
      for (let i = 0; i < limit.capacity; i += 1) times.push(burst + chance() * 200);
    }
  }
  return times.sort((a, b) => a - b);
}

const silent = () => createLogger({ write: () => undefined, clock: { now: () => startMs }, level: 'error' });
const anything: Limit = { capacity: 1e9, refillPerMs: 1e6 };

export async function simulate(scenario: Scenario): Promise<Outcome> {
  const chance = createChance(scenario.seed);
  const time = createVirtualTime(startMs);
  const { limit, instances, traffic, isEverybody = false } = scenario;
  const counts = new Counts(isEverybody ? 'everybody' : subject);
  const storeOf = createStore(time, chance, counts);
  const running: Running[] = [];

  function join(): void {
    const instance = `i${running.length}`;
    const aheadMs = Math.round((chance() * 2 - 1) * skewMs);
    const limiter = createRateLimiter({
      clock: { now: () => time.now() + aheadMs },
      store: storeOf(instance),
      logger: silent(),
      instance,
      everybody: isEverybody ? limit : anything,
      bucketsMax: 1000,
      random: chance,
      after: time.after,
    });
    const one: Running = { limiter, isGone: false };
    running.push(one);
    // Other people's calls, which every instance has.
    const others = () => {
      if (one.isGone) return;
      void limiter.take([{ key: `others of ${instance}`, limit: anything, isPersonal: false }]);
      time.after(1_000, others);
    };
    others();
  }

  /** The one that is there longest ends without a word, and another begins. */
  function replaceOne(): void {
    const oldest = running.find((one) => !one.isGone);
    if (oldest !== undefined) oldest.isGone = true;
    join();
    time.after(15_000, replaceOne);
  }

  for (let i = 0; i < instances; i += 1) time.after(chance() * 5_000, join);
  if (traffic === 'coming and going') time.after(warmUpMs, replaceOne);

  const requests: BucketRequest[] = isEverybody ? [] : [{ key: subject, limit, isPersonal: false }];
  const choose = chooser(traffic, chance, time);
  const askedAtMs = callTimes(scenario, chance);
  const allowedAtMs: number[] = [];
  let awaited = 0;
  let waitMaxMs = 0;

  async function call(): Promise<void> {
    const limiter = choose(running)?.limiter;
    if (limiter === undefined) return;
    const beganMs = time.now();
    const taken = limiter.take(requests);
    if (taken instanceof Promise) awaited += 1;
    const { allowed } = taken instanceof Promise ? await taken : taken;
    waitMaxMs = Math.max(waitMaxMs, time.now() - beganMs);
    if (allowed) allowedAtMs.push(time.now());
  }
  for (const atMs of askedAtMs) time.after(atMs - startMs, () => void call());
  await time.run(startMs + warmUpMs + scenario.seconds * 1000 + 10_000);
  for (const one of running) one.isGone = true;
  const closed = Promise.all(running.map((one) => one.limiter.close()));
  await time.run(time.now() + 60_000);
  await closed;

  const ideal = idealCount(limit, askedAtMs);
  return {
    asked: askedAtMs.length,
    allowed: allowedAtMs.length,
    ideal,
    overFactor: overFactor(limit, allowedAtMs),
    useShare: allowedAtMs.length / ideal,
    writesPerSecondMax: counts.perSecondMax(),
    writesPerS: counts.written / scenario.seconds,
    conflictShare: counts.conflicts / Math.max(1, counts.written + counts.conflicts),
    awaitedShare: awaited / askedAtMs.length,
    waitMaxMs,
  };
}
