import { app, type Timer } from '@azure/functions';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Host, startHost } from '../../../local/host/start-host.ts';

interface Run {
  readonly name: string;
  readonly timer: Timer;
}

const runs: Run[] = [];
const lines: string[] = [];
let host: Host;
let skewMs = 0;
let finish: () => void = () => {};
let active = 0;
let activeMax = 0;
let failures = 0;

beforeAll(async () => {
  const note = (name: string) => (timer: Timer) => void runs.push({ name, timer });
  host = await startHost({
    port: 0,
    hostJson: {},
    settings: { EVERY: '*/1 * * * * *' },
    clock: { now: () => Date.now() + skewMs },
    log: (line) => lines.push(line),
    load: async () => {
      app.setup({ enableHttpStream: true });
      app.timer('every-second', { schedule: '%EVERY%', handler: note('every-second') });
      app.timer('at-start', { schedule: '0 0 0 1 1 *', runOnStartup: true, handler: note('at-start') });
      app.timer('yearly', { schedule: '0 30 2 1 1 *', handler: note('yearly') });
      app.timer('unmonitored', { schedule: '0 0 0 1 1 *', useMonitor: false, handler: note('unmonitored') });
      app.timer('slow', {
        schedule: '0 0 0 1 1 *',
        handler: async () => {
          activeMax = Math.max(activeMax, ++active);
          await new Promise<void>((resolve) => {
            finish = resolve;
          });
          active--;
        },
      });
      app.timer('fails-twice', {
        schedule: '0 0 0 1 1 *',
        retry: { strategy: 'fixedDelay', maxRetryCount: 3, delayInterval: { milliseconds: 1 } },
        handler: (_, context) => {
          if (failures++ < 2) throw new Error('again');
          runs.push({
            name: `fails-twice ${context.retryContext?.retryCount}/${context.retryContext?.maxRetryCount}`,
            timer: _,
          });
        },
      });
    },
  });
});

afterAll(() => host.close({ drainMs: 0 }));

const of = (name: string) => runs.filter((run) => run.name.startsWith(name));
const runNow = async (name: string) => (await fetch(`${host.url}/admin/functions/${name}`, { method: 'POST' })).status;

async function until(isSo: () => boolean, ms = 5_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error('It did not happen in time.');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('a timer runs on its schedule of six fields, which may come from a setting', async () => {
  await until(() => of('every-second').length >= 3);
  const { timer } = of('every-second')[2] ?? {};
  expect(timer?.isPastDue).toBe(false);
  const { last, next } = timer?.scheduleStatus ?? { last: '', next: '' };
  expect(Date.parse(next) - Date.parse(last)).toBeGreaterThan(500);
  expect(Date.parse(next) % 1000).toBe(0);
});

test('only runOnStartup runs a timer at start', () => {
  expect(of('at-start')).toHaveLength(1);
  expect(of('yearly')).toHaveLength(0);
});

test('POST to the admin page runs a timer at once and answers 202; the schedule is in UTC', async () => {
  expect(await runNow('yearly')).toBe(202);
  await until(() => of('yearly').length === 1);
  const { timer } = of('yearly')[0] ?? {};
  expect(timer?.scheduleStatus.next).toMatch(/^\d{4}-01-01T02:30:00/);
  expect(timer?.schedule).toEqual({ adjustForDST: true });
  expect(await runNow('nobody')).toBe(404);
});

test('an unmonitored timer knows nothing of its schedule', async () => {
  await runNow('unmonitored');
  await until(() => of('unmonitored').length === 1);
  expect(of('unmonitored')[0]?.timer.scheduleStatus).toBeNull();
});

test('runs of one timer never overlap: the second waits for the first', async () => {
  await Promise.all([runNow('slow'), runNow('slow')]);
  await until(() => active === 1);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const first = finish;
  first();
  await until(() => finish !== first);
  finish();
  await until(() => active === 0);
  expect(activeMax).toBe(1);
});

test('a retry policy runs a failed timer again', async () => {
  await runNow('fails-twice');
  await until(() => of('fails-twice').length === 1);
  expect(of('fails-twice')[0]?.name).toBe('fails-twice 2/3');
});

test('a run that starts well after its time is past due', async () => {
  const before = of('every-second').length;
  skewMs = 60_000;
  await until(() => of('every-second').length > before);
  expect(of('every-second')[before]?.timer.isPastDue).toBe(true);
});
