import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createBackground } from '../../shared/platform/background.ts';
import { createLogger } from '../../shared/platform/logging.ts';
import { currentMeter, withMeter } from '../../shared/platform/meter.ts';

function start(work: (isLast: boolean) => Promise<boolean>, everyMs = 5) {
  const log: string[] = [];
  const logger = createLogger({ write: (line) => log.push(line), clock: { now: () => 0 }, level: 'debug' });
  return { log, background: createBackground({ name: 'some-work', everyMs, logger, work }) };
}

describe('work in the background', () => {
  test('is done once for all who asked in the interval, and not again without being asked', async () => {
    let times = 0;
    const { background } = start(async () => {
      times += 1;
      return false;
    }, 20);
    for (let i = 0; i < 10; i += 1) background.wake();
    expect(times).toBe(0);
    await expect.poll(() => times).toBe(1);
    await setTimeout(60);
    expect(times).toBe(1);
    background.wake();
    await expect.poll(() => times).toBe(2);
  });

  test('goes on while it says that there is more', async () => {
    let left = 3;
    const { background } = start(async () => {
      left -= 1;
      return left > 0;
    });
    background.wake();
    await expect.poll(() => left).toBe(0);
  });

  test('that fails is told and tried again', async () => {
    let times = 0;
    const { background, log } = start(async () => {
      times += 1;
      if (times === 1) throw new Error('busy');
      return false;
    });
    background.wake();
    await expect.poll(() => times).toBe(2);
    expect(JSON.parse(log[0] ?? '')).toMatchObject({ event: 'background_failed', operation: 'some-work' });
  });

  test('is on nobody else’s account', async () => {
    let isCounted = false;
    const { background } = start(async () => {
      const meter = currentMeter();
      if (meter !== undefined) meter.cosmos_calls += 1;
      isCounted = true;
      return false;
    });
    const counters = await withMeter(async (own) => {
      background.wake();
      await expect.poll(() => isCounted).toBe(true);
      return own;
    });
    expect(counters.cosmos_calls).toBe(0);
  });

  test('is done a last time when it is closed, and told so; nothing is done afterwards', async () => {
    const calls: boolean[] = [];
    const { background } = start(async (isLast) => {
      calls.push(isLast);
      return true;
    }, 3_600_000);
    background.wake();
    await background.close();
    background.wake();
    expect(calls).toEqual([true]);
  });
});
