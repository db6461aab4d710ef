import { describe, expect, test } from 'vitest';
import { overFactor, type Scenario, simulate } from '../../bench/rate-limit/simulation.ts';
import { createVirtualTime } from '../../bench/rate-limit/virtual-time.ts';
import { createLogger } from '../../shared/platform/logging.ts';
import { createRateLimiter, type RateDecision } from '../../shared/platform/rate-limit.ts';
import type { Limit } from '../../shared/platform/rate-limit-rules.ts';
import type { RateLimitStore } from '../../shared/platform/rate-limit-store.ts';

const startMs = Date.UTC(2026, 0, 5, 12);
const person: Limit = { capacity: 100, refillPerMs: 10 / 1000 };
const tiny: Limit = { capacity: 5, refillPerMs: 5 / 60_000 };
const minute: Limit = { capacity: 60, refillPerMs: 0, windowMs: 60_000 };
const anything: Limit = { capacity: 1e9, refillPerMs: 1e6 };

/** A store in memory that takes as long as it is told, or fails. */
function createLab() {
  const time = createVirtualTime(startMs);
  const documents = new Map<string, { value: unknown; etag: string }>();
  const state = { delayMs: 5, isBroken: false, operations: [] as string[], writes: [] as string[] };
  let version = 0;

  async function operate<T>(name: string, work: () => T): Promise<T> {
    state.operations.push(name);
    const { isBroken } = state;
    await time.sleep(state.delayMs);
    if (isBroken) throw new Error('broken');
    return work();
  }
  function write(key: string, value: unknown, etag: string | undefined): Promise<string | undefined> {
    return operate(key, () => {
      if (documents.get(key)?.etag !== etag) return undefined;
      version += 1;
      documents.set(key, { value, etag: String(version) });
      state.writes.push(key);
      return String(version);
    });
  }
  const find = <T>(key: string) =>
    operate(key, () => {
      const found = documents.get(key);
      // Written under this key by the same kind of operation.
      return found && { value: found.value as T, etag: found.etag };
    });
  const store: RateLimitStore = {
    async findLevel(key) {
      const found = await find<Parameters<RateLimitStore['writeLevel']>[1]>(key);
      return found && { level: found.value, etag: found.etag };
    },
    writeLevel: (key, level, etag) => write(key, level, etag),
    async findInstances() {
      const found = await find<Record<string, number>>('instances');
      return found && { seenAtMs: found.value, etag: found.etag };
    },
    writeInstances: (seenAtMs, etag) => write('instances', seenAtMs, etag),
  };

  function startInstance(instance: string, { bucketsMax = 100 } = {}) {
    const lines: string[] = [];
    const clock = { aheadMs: 0, now: () => time.now() + clock.aheadMs };
    const limiter = createRateLimiter({
      clock,
      store,
      logger: createLogger({ write: (line) => lines.push(line), clock, level: 'info' }),
      instance,
      everybody: anything,
      bucketsMax,
      random: () => 0.5,
      after: time.after,
    });
    const take = (key: string, limit: Limit, isPersonal = false) => limiter.take([{ key, limit, isPersonal }]);
    const events = () => lines.map((line) => (JSON.parse(line) as { event: string }).event);
    /** How many of so many calls at once are allowed. */
    async function allowedOf(count: number, key: string, limit: Limit): Promise<number> {
      const decisions: (RateDecision | Promise<RateDecision>)[] = [];
      for (let i = 0; i < count; i += 1) decisions.push(take(key, limit));
      const settled = Promise.all(decisions);
      await time.run(time.now() + 3_000);
      return (await settled).filter((decision) => decision.allowed).length;
    }
    return { limiter, take, allowedOf, events, clock };
  }

  /** Instances that answer others too, for long enough to have counted each other. */
  async function startInstances(count: number) {
    const instances = Array.from({ length: count }, (_, i) => startInstance(`i${i}`));
    for (let round = 0; round < 3; round += 1) {
      for (const instance of instances) void instance.take('somebody else', anything);
      await time.run(time.now() + 10_000);
    }
    return instances;
  }
  return { time, state, documents, startInstance, startInstances };
}

function only<T>(list: readonly T[]): T {
  const [first] = list;
  if (first === undefined) throw new Error('There is none.');
  return first;
}

describe('n instances together', () => {
  const base = { seed: 11, seconds: 60, load: 3, traffic: 'even', instances: 2, limit: person } as const;
  const scenarios: Scenario[] = [1, 2, 10, 50].flatMap((instances) => [
    { ...base, instances },
    { ...base, instances, traffic: 'skewed' },
    { ...base, instances, traffic: 'coming and going', load: 1 },
    { ...base, instances, traffic: 'wandering', limit: minute, seconds: 120 },
    { ...base, instances, traffic: 'bursts', load: 0.5 },
    { ...base, instances, traffic: 'even', limit: tiny, seconds: 300 },
  ]);

  test.each(scenarios)(
    '$instances, $traffic, load $load: within 10 % of the limit, a write a second each',
    async (scenario) => {
      const outcome = await simulate(scenario);
      expect(outcome.overFactor).toBeLessThanOrEqual(1.1);
      // All of a bucket at once over fifty instances is the one case in which some wait for what others give back.
      expect(outcome.useShare).toBeGreaterThanOrEqual(
        scenario.traffic === 'bursts' && scenario.instances > 10 ? 0.7 : 0.9,
      );
      expect(outcome.writesPerSecondMax).toBeLessThanOrEqual(1);
      expect(outcome.waitMaxMs).toBeLessThanOrEqual(2_000);
    },
  );

  test('of which nobody is over the limit, none is refused', async () => {
    for (const instances of [1, 2, 10, 50]) {
      const outcome = await simulate({ ...base, instances, load: 0.5 });
      expect(outcome.allowed).toBe(outcome.asked);
    }
  });

  test('the measure of the simulation tells what is over from what is not', () => {
    const times = (count: number, everyMs: number) => Array.from({ length: count }, (_, i) => startMs + i * everyMs);
    expect(overFactor(person, times(100, 0))).toBeCloseTo(1, 3);
    expect(overFactor(person, times(120, 0))).toBeCloseTo(1.2, 3);
    expect(overFactor(minute, times(66, 10))).toBeCloseTo(1.1, 3);
    expect(overFactor(person, times(5000, 50))).toBeGreaterThan(1.4);
  });
});

describe('one instance', () => {
  test('allows exactly the limit and tells how long to wait, and what comes then', async () => {
    const lab = createLab();
    const { take, allowedOf } = only(await lab.startInstances(1));
    expect(await allowedOf(130, 'a', tiny)).toBe(5);
    const refused = await take('a', tiny);
    expect(refused).toMatchObject({ allowed: false, limit: 5, remaining: 0 });
    await lab.time.run(lab.time.now() + refused.retryAfterS * 1000);
    expect(await allowedOf(2, 'a', tiny)).toBe(1);
  });

  test('whose people call now and then asks the store for nothing', async () => {
    const lab = createLab();
    const [first, second] = await lab.startInstances(2);
    lab.state.operations.length = 0;
    for (let i = 0; i < 60; i += 1) {
      const decision = (i % 2 === 0 ? first : second)?.take('a', person);
      expect(decision).not.toBeInstanceOf(Promise);
      await lab.time.run(lab.time.now() + 2_000);
    }
    expect(lab.state.operations.filter((key) => key === 'a')).toEqual([]);
  });

  test('gives back what it leased and did not need', async () => {
    const lab = createLab();
    const [first] = await lab.startInstances(2);
    expect(await first?.allowedOf(20, 'a', person)).toBe(20);
    await lab.time.run(lab.time.now() + 10_000);
    expect(lab.documents.get('a')?.value).toMatchObject({ leases: {} });
    const writes = lab.state.writes.filter((key) => key === 'a').length;
    await lab.time.run(lab.time.now() + 60_000);
    expect(lab.state.writes.filter((key) => key === 'a')).toHaveLength(writes);
  });

  test('cannot spend what it is just giving back', async () => {
    const lab = createLab();
    const [first, second] = await lab.startInstances(2);
    const once: Limit = { capacity: 100, refillPerMs: 1e-9 };
    const decisions = Array.from({ length: 20 }, () => first?.take('a', once));
    await lab.time.run(lab.time.now() + 100);
    // The lease ends, and writing that takes a while.
    lab.state.delayMs = 400;
    await lab.time.run(lab.time.now() + 1_100);
    for (let i = 0; i < 60; i += 1) decisions.push(first?.take('a', once));
    await lab.time.run(lab.time.now() + 500);
    lab.state.delayMs = 5;
    for (let round = 0; round < 5; round += 1) {
      for (let i = 0; i < 60; i += 1) decisions.push(second?.take('a', once), first?.take('a', once));
      await lab.time.run(lab.time.now() + 3_000);
    }
    const allowed = (await Promise.all(decisions)).filter((decision) => decision?.allowed);
    expect(allowed.length).toBeLessThanOrEqual(100);
    expect(allowed.length).toBeGreaterThanOrEqual(90);
  });

  test('keeps the buckets of different subjects apart', async () => {
    const { allowedOf } = only(await createLab().startInstances(1));
    expect(await allowedOf(10, 'a', tiny)).toBe(5);
    expect(await allowedOf(10, 'b', tiny)).toBe(5);
  });

  test('takes a call from all of its buckets or from none', async () => {
    const lab = createLab();
    const { limiter, take } = only(await lab.startInstances(1));
    const both = [
      { key: 'wide', limit: person, isPersonal: false },
      { key: 'narrow', limit: tiny, isPersonal: false },
    ];
    const decisions = Promise.all(Array.from({ length: 50 }, () => limiter.take(both)));
    await lab.time.run(lab.time.now() + 2_000);
    expect((await decisions).filter((decision) => decision.allowed)).toHaveLength(5);
    expect((await decisions).at(-1)).toMatchObject({ allowed: false, limit: 5 });
    expect((await take('wide', person)).remaining).toBeGreaterThanOrEqual(94);
  });

  test('counts at another tier from its next call on, and what was spent stays spent', async () => {
    const lab = createLab();
    const { allowedOf } = only(await lab.startInstances(1));
    expect(await allowedOf(10, 'a', tiny)).toBe(5);
    const better: Limit = { capacity: 50, refillPerMs: 50 / 60_000 };
    expect(await allowedOf(20, 'a', better)).toBeLessThanOrEqual(3);
    await lab.time.run(lab.time.now() + 12_000);
    expect(await allowedOf(20, 'a', better)).toBeGreaterThanOrEqual(9);
  });

  test('forgets the bucket that was used longest ago when there are too many, and not what others know of it', async () => {
    const lab = createLab();
    const { take, allowedOf } = lab.startInstance('small', { bucketsMax: 2 });
    expect(await allowedOf(9, 'a', tiny)).toBe(5);
    for (const key of ['b', 'c', 'd']) void take(key, anything);
    expect(await allowedOf(9, 'a', tiny)).toBe(0);
  });

  test('neither gives calls nor locks anybody out when its clock jumps back', async () => {
    const lab = createLab();
    const { allowedOf, clock } = only(await lab.startInstances(1));
    expect(await allowedOf(9, 'a', tiny)).toBe(5);
    clock.aheadMs = -3_600_000;
    expect(await allowedOf(9, 'a', tiny)).toBe(0);
    // Time counts again from when the store is seen with the new clock.
    await lab.time.run(lab.time.now() + 12_000);
    await allowedOf(1, 'a', tiny);
    await lab.time.run(lab.time.now() + 12_000);
    expect(await allowedOf(9, 'a', tiny)).toBe(1);
  });
});

describe('without the store', () => {
  test('each instance allows its share, says so once, and goes on', async () => {
    const lab = createLab();
    const instances = await lab.startInstances(4);
    lab.state.isBroken = true;
    let together = 0;
    for (const instance of instances) {
      const allowed = await instance.allowedOf(60, 'a', { capacity: 100, refillPerMs: 1e-9 });
      expect(allowed).toBeGreaterThanOrEqual(25);
      together += allowed;
      expect(await instance.allowedOf(60, 'b', { capacity: 100, refillPerMs: 1e-9 })).toBe(25);
      expect(instance.events()).toEqual(['rate_limit_store_lost']);
    }
    expect(together).toBeLessThanOrEqual(110);
  });

  test('that answers too slowly nobody waits longer than a second', async () => {
    const lab = createLab();
    const { take, events } = only(await lab.startInstances(1));
    lab.state.delayMs = 60_000;
    for (let i = 0; i < 10; i += 1) void take('a', person);
    const asked = Promise.resolve(take('a', person));
    let isAnswered = false;
    void asked.then(() => {
      isAnswered = true;
    });
    await lab.time.run(lab.time.now() + 1_100);
    expect(isAnswered).toBe(true);
    expect((await asked).allowed).toBe(true);
    expect(take('b', person)).not.toBeInstanceOf(Promise);
    expect(events()).toEqual(['rate_limit_store_lost']);
  });

  test('a late answer to an earlier question does not count as its return', async () => {
    const lab = createLab();
    const { take, allowedOf, events } = only(await lab.startInstances(1));
    for (let i = 0; i < 20; i += 1) void take('a', person);
    // The bucket is read at once and written after a long while.
    lab.state.delayMs = 900;
    await lab.time.run(lab.time.now() + 10);
    lab.state.delayMs = 1;
    lab.state.isBroken = true;
    await allowedOf(20, 'b', person);
    expect(events()).toEqual(['rate_limit_store_lost']);
  });

  test('and with it again, what was let through meanwhile is counted', async () => {
    const lab = createLab();
    const { allowedOf, take, events } = only(await lab.startInstances(1));
    const slow: Limit = { capacity: 100, refillPerMs: 1e-9 };
    lab.state.isBroken = true;
    expect(await allowedOf(80, 'a', slow)).toBe(80);
    lab.state.isBroken = false;
    await lab.time.run(lab.time.now() + 6_000);
    void take('a', slow);
    await lab.time.run(lab.time.now() + 2_000);
    expect(events()).toEqual(['rate_limit_store_lost', 'rate_limit_store_back']);
    const allowed = await allowedOf(80, 'a', slow);
    expect(allowed).toBeGreaterThan(0);
    expect(allowed).toBeLessThanOrEqual(30);
  });
});

test('nothing goes on after the end', async () => {
  const lab = createLab();
  const instances = await lab.startInstances(2);
  for (const { take } of instances) for (let i = 0; i < 30; i += 1) void take('a', person);
  await lab.time.run(lab.time.now() + 100);
  const closed = Promise.all(instances.map(({ limiter }) => limiter.close()));
  await lab.time.run(lab.time.now() + 100);
  await closed;
  lab.state.operations.length = 0;
  await lab.time.run(lab.time.now() + 60_000);
  expect(lab.state.operations).toEqual([]);
});
