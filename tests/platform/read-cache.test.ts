import { beforeEach, describe, expect, test } from 'vitest';
import { createReadCache, type ReadCache } from '../../shared/platform/read-cache.ts';

/** What can be read, and how often it was; reads wait until they are let go. */
function source(cacheMs = 1000, room: { foundMax?: number; missingMax?: number } = {}) {
  const values = new Map<string, number>();
  const reads: string[] = [];
  const waiting: (() => void)[] = [];
  let nowMs = 0;
  let isOpen = true;
  const cache: ReadCache<number> = createReadCache<number>({
    clock: { now: () => nowMs },
    cacheMs,
    foundMax: 10,
    missingMax: 10,
    ...room,
    async read(key) {
      reads.push(key);
      const value = values.get(key);
      if (!isOpen) await new Promise<void>((resolve) => waiting.push(resolve));
      if (value === -1) throw new Error('out of reach');
      return value;
    },
  });
  return {
    cache,
    values,
    reads,
    moveMs: (ms: number) => {
      nowMs += ms;
    },
    hold: () => {
      isOpen = false;
    },
    letGo: () => {
      isOpen = true;
      for (const go of waiting.splice(0)) go();
    },
  };
}

let one: ReturnType<typeof source>;
beforeEach(() => {
  one = source();
  one.values.set('a', 1);
});

describe('a read', () => {
  test('is remembered for its time, and not a moment longer', async () => {
    await one.cache.of('a');
    one.values.set('a', 2);
    one.moveMs(999);
    expect(await one.cache.of('a')).toBe(1);
    one.moveMs(1);
    expect([await one.cache.of('a'), one.reads]).toEqual([2, ['a', 'a']]);
  });

  test('of nothing is remembered too, and something that comes takes its place', async () => {
    expect([await one.cache.of('b'), await one.cache.of('b')]).toEqual([undefined, undefined]);
    expect(one.reads).toEqual(['b']);
    one.values.set('b', 2);
    one.moveMs(1000);
    expect([await one.cache.of('b'), await one.cache.of('b'), one.reads]).toEqual([2, 2, ['b', 'b']]);
    one.values.delete('b');
    one.moveMs(1000);
    expect([await one.cache.of('b'), await one.cache.of('b'), one.reads.length]).toEqual([undefined, undefined, 3]);
  });

  test('is not kept alive by a clock that runs back', async () => {
    await one.cache.of('a');
    one.moveMs(-5000);
    await one.cache.of('a');
    expect(one.reads).toEqual(['a', 'a']);
  });

  test('that fails is told to all who wait, and not remembered', async () => {
    one.values.set('a', -1);
    one.hold();
    const both = Promise.allSettled([one.cache.of('a'), one.cache.of('a')]);
    one.letGo();
    expect((await both).map((result) => result.status)).toEqual(['rejected', 'rejected']);
    expect(one.reads).toEqual(['a']);
    one.values.set('a', 3);
    expect(await one.cache.of('a')).toBe(3);
  });

  test('is made once for all who ask at the same time', async () => {
    one.hold();
    const asked = Promise.all(Array.from({ length: 20 }, () => one.cache.of('a')));
    one.letGo();
    expect([await asked, one.reads]).toEqual([Array.from({ length: 20 }, () => 1), ['a']]);
  });
});

describe('what is forgotten', () => {
  test('is read again', async () => {
    await one.cache.of('a');
    await one.cache.of('b');
    one.cache.forget('a');
    one.cache.forget('b');
    one.values.set('a', 2).set('b', 3);
    expect([await one.cache.of('a'), await one.cache.of('b')]).toEqual([2, 3]);
  });

  test('is not brought back by a read that was under way', async () => {
    one.hold();
    const early = one.cache.of('a');
    one.values.set('a', 2);
    one.cache.forget('a');
    const late = one.cache.of('a');
    one.letGo();
    expect([await early, await late, await one.cache.of('a')]).toEqual([1, 2, 2]);
    expect(one.reads).toEqual(['a', 'a']);
  });
});

describe('room', () => {
  test('is bounded, and what is not there pushes out nothing that is', async () => {
    const small = source(1000, { foundMax: 2, missingMax: 3 });
    for (const key of ['a', 'b', 'c']) small.values.set(key, 1);
    await small.cache.of('a');
    for (let i = 0; i < 100; i += 1) await small.cache.of(`unknown ${i}`);
    await small.cache.of('a');
    expect(small.reads.filter((key) => key === 'a')).toHaveLength(1);
    await small.cache.of('b');
    await small.cache.of('c');
    await small.cache.of('a');
    expect(small.reads.filter((key) => key === 'a')).toHaveLength(2);
    await small.cache.of('unknown 0');
    expect(small.reads.filter((key) => key === 'unknown 0')).toHaveLength(2);
  });
});

test('without a time everybody reads for themselves', async () => {
  const none = source(0);
  none.values.set('a', 1);
  none.hold();
  const both = Promise.all([none.cache.of('a'), none.cache.of('a')]);
  none.letGo();
  await both;
  await none.cache.of('a');
  expect(none.reads).toEqual(['a', 'a', 'a']);
});
