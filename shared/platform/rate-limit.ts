import { LRUCache } from 'lru-cache';
import type { Clock } from './clock.ts';
import type { Logger } from './logging.ts';
import { withMeter } from './meter.ts';
import { Bucket } from './rate-limit-bucket.ts';
import type { BucketHost, BucketOptions } from './rate-limit-host.ts';
import { createInstances } from './rate-limit-instances.ts';
import type { BucketRequest } from './rate-limit-policy-rules.ts';
import { type Limit, wholeCalls } from './rate-limit-rules.ts';
import type { RateLimitStore } from './rate-limit-store.ts';

/** What a call is told about its limits: about the one that is nearest. */
export interface RateDecision {
  allowed: boolean;
  limit: number;
  /** Whole calls that may follow at once, as far as this instance knows. */
  remaining: number;
  /** Whole seconds after which one call will be allowed; 0 when this one is. */
  retryAfterS: number;
  /** Whole seconds after which all of it is back. */
  resetS: number;
}

export interface RateLimiter {
  /**
   * Takes one call from every bucket, or from none when one is empty. At once as a rule; a promise when the shared bucket
   * must be asked.
   */
  take(requests: readonly BucketRequest[]): RateDecision | Promise<RateDecision>;
  /** Ends what goes on in the background. */
  close(): Promise<void>;
}

/** Runs `work` after so many milliseconds; never keeps the process alive. Returns how to call it off. */
export type After = (ms: number, work: () => void) => () => void;

export interface RateLimiterOptions {
  clock: Clock;
  store: RateLimitStore;
  logger: Logger;
  /** The name of this instance among all. */
  instance: string;
  /** The limit of all calls together. */
  everybody: Limit;
  /** Buckets remembered; beyond it the one that was used longest ago is forgotten with its own part. */
  bucketsMax: number;
  random: () => number;
  after?: After;
}

/** A settlement takes a few milliseconds; one that takes longer than this counts as no answer. */
const storeTimeoutMs = 1_000;
/** How long limits are the instance's own after the store gave no answer, before it is asked again. */
const probeMs = 5_000;
/** Who came while a settlement was under way may need the next one too, of the one bucket and then of the other. */
const roundsMax = 3;
/** Who has waited so long waits for nothing more, and is let through on account if there seem to be tokens. */
const waitedMaxMs = 500;

const systemAfter: After = (ms, work) => {
  const timer = setTimeout(work, ms).unref();
  return () => clearTimeout(timer);
};

const everySecond = () => 1_000;
/** The bucket of all calls must not be written more often the more instances there are: some twenty times a second. */
const twentyASecond = (instances: number) => Math.max(1, Math.ceil(instances / 20)) * 1_000;

/** Rejects when the work takes too long; the work goes on. */
function within(ms: number, work: Promise<void>, after: After): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const callOff = after(ms, () => reject(new Error(`The shared limits gave no answer within ${ms} ms.`)));
  work.then(resolve, reject).finally(callOff);
  return promise;
}

/** The store as this instance reaches it: with a time limit, and left alone for a while after it failed. */
function createReach(logger: Logger, nowMs: () => number, after: After) {
  let lostAtMs: number | undefined;
  let probedAtMs = 0;

  function lost(error: unknown): void {
    // Once, and not with every call that finds out.
    if (lostAtMs === undefined) logger.warn('rate_limit_store_lost', { error });
    lostAtMs ??= nowMs();
    probedAtMs = nowMs();
  }

  return {
    isAlone: () => lostAtMs !== undefined,
    mayProbe() {
      const now = nowMs();
      if (lostAtMs === undefined || Math.abs(now - probedAtMs) < probeMs) return false;
      probedAtMs = now;
      return true;
    },
    async reach(work: () => Promise<void>): Promise<boolean> {
      const wasLost = lostAtMs !== undefined;
      try {
        await within(storeTimeoutMs, work(), after);
      } catch (error) {
        lost(error);
        return false;
      }
      // An answer to what was asked before the store was lost does not say that it is back.
      if (wasLost && lostAtMs !== undefined) {
        logger.info('rate_limit_store_back', { lost_ms: nowMs() - lostAtMs });
        lostAtMs = undefined;
      }
      return true;
    },
  };
}

/** Timers and work beside the requests, all of which end with the application. */
function createSideWork(after: After) {
  const waiting = new Set<() => void>();
  const running = new Set<Promise<unknown>>();
  let isClosed = false;

  return {
    after(ms: number, work: () => void): void {
      if (isClosed) {
        work();
        return;
      }
      // The request that this timer began with has long been answered when it ends.
      const callOff = withMeter(() =>
        after(ms, () => {
          waiting.delete(end);
          work();
        }),
      );
      const end = () => {
        callOff();
        work();
      };
      waiting.add(end);
    },
    run(work: () => Promise<unknown>): void {
      if (isClosed) return;
      const done = withMeter(work)
        .catch(() => undefined)
        .finally(() => running.delete(done));
      running.add(done);
    },
    async close(): Promise<void> {
      isClosed = true;
      for (const end of waiting) end();
      waiting.clear();
      await Promise.all(running);
    },
  };
}

/**
 * Token buckets that n instances share: most calls are counted in the memory of the instance, and what it needs beyond its
 * own part it leases from a document in Cosmos. docs/rate-limits.md says how, and how far it can be wrong.
 */
export function createRateLimiter(options: RateLimiterOptions): RateLimiter {
  const { clock, store, instance, after = systemAfter } = options;
  const nowMs = () => clock.now();
  const background = createSideWork(after);
  const reach = createReach(options.logger, nowMs, after);
  const instances = createInstances({
    store,
    instance,
    nowMs,
    inBackground: (work) => background.run(() => reach.reach(work)),
  });
  const host: BucketHost = {
    store,
    instance,
    nowMs,
    instances: instances.assumed,
    sharers: instances.lastKnown,
    isAlone: reach.isAlone,
    mayProbe: reach.mayProbe,
    reach: reach.reach,
    inBackground: background.run,
    random: options.random,
    after: background.after,
  };
  const buckets = new LRUCache<string, Bucket>({ max: options.bucketsMax });
  const everybodyOptions: BucketOptions = { limit: options.everybody, isPersonal: false, leaseMs: twentyASecond };
  const everybody = new Bucket(host, 'everybody', everybodyOptions);

  function bucketOf({ key, limit, isPersonal }: BucketRequest): Bucket {
    const known = buckets.get(key);
    if (known === undefined) {
      const bucket = new Bucket(host, key, { limit, isPersonal, leaseMs: everySecond });
      buckets.set(key, bucket);
      return bucket;
    }
    if (known.limit.capacity !== limit.capacity || known.limit.windowMs !== limit.windowMs) known.changeLimit(limit);
    return known;
  }

  function allowed(taken: readonly Bucket[], now: number): RateDecision {
    for (const bucket of taken) bucket.spend();
    // What all calls together have left is nobody's business.
    const own = taken.slice(0, -1);
    const nearest = own.reduce((a, b) => (b.remaining() < a.remaining() ? b : a), own[0] ?? everybody);
    return decision(nearest, { allowed: true, retryAfterS: 0 }, now);
  }

  function decision(bucket: Bucket, told: Pick<RateDecision, 'allowed' | 'retryAfterS'>, now: number): RateDecision {
    return {
      ...told,
      limit: wholeCalls(bucket.limit.capacity),
      remaining: told.allowed ? bucket.remaining() : 0,
      resetS: Math.max(told.retryAfterS, Math.ceil(bucket.msUntilFull(now) / 1000)),
    };
  }

  function refused(bucket: Bucket, now: number): RateDecision {
    const retryAfterS = Math.max(1, Math.ceil(bucket.refuse(now) / 1000));
    return decision(bucket, { allowed: false, retryAfterS }, now);
  }

  function attempt(taken: readonly Bucket[], beganMs: number, round: number): RateDecision | Promise<RateDecision> {
    const now = clock.now();
    let pending: Promise<void>[] | undefined;
    for (const bucket of taken) {
      const ready = bucket.ready(now);
      if (ready === true) continue;
      if (ready === false) return refused(bucket, now);
      // There seem to be tokens, and the store is slow to say so: nobody is refused for that.
      if (round === roundsMax || now - beganMs > waitedMaxMs) continue;
      pending ??= [];
      pending.push(ready);
    }
    if (pending === undefined) return allowed(taken, now);
    return Promise.all(pending).then(() => attempt(taken, beganMs, round + 1));
  }

  return {
    take(requests) {
      const taken = [...requests.map(bucketOf), everybody];
      for (const bucket of taken) bucket.count();
      return attempt(taken, clock.now(), 0);
    },
    async close() {
      await background.close();
    },
  };
}
