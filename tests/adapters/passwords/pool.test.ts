import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { compareSync, getRounds, hashSync } from 'bcryptjs';
import { build } from 'esbuild';
import { afterAll, describe, expect, test } from 'vitest';
import type { PasswordJob } from '../../../shared/adapters/passwords/password-worker.ts';
import { createPasswords } from '../../../shared/adapters/passwords/pool.ts';
import { startPasswordThread } from '../../../shared/adapters/passwords/start-thread.ts';
import { inlineWorkers } from '../../../tools/inline-workers.ts';
import { cpuMsOf } from '../../cpu-time.ts';

const POOL = join(import.meta.dirname, '../../../shared/adapters/passwords/pool.ts');
const cheap = createPasswords({ cost: 4, threads: 2 });
const dear = createPasswords({ cost: 12, threads: 2 });

afterAll(() => Promise.all([cheap.close(), dear.close()]));

describe('passwords', () => {
  test('the right one is right, every other is wrong', async () => {
    const hash = await cheap.hash('corrêct horse');
    expect(await cheap.verify('corrêct horse', hash)).toBe(true);
    for (const wrong of ['correct horse', 'corrêct horse ', 'Corrêct horse', ''])
      expect(await cheap.verify(wrong, hash)).toBe(false);
  });

  test('the hash is plain bcrypt of the given cost with a salt of its own', async () => {
    const [first, second] = await Promise.all([cheap.hash('same'), cheap.hash('same')]);
    expect(first).not.toBe(second);
    expect(first).toMatch(/^\$2[aby]\$04\$/);
    expect(compareSync('same', first)).toBe(true);
    expect(await cheap.verify('old', hashSync('old', 5))).toBe(true);
    expect(getRounds(await dear.hash('x'))).toBe(12);
  });

  test('no byte of a long password is ignored', async () => {
    const long = 'ü'.repeat(36);
    expect(compareSync(long, await cheap.hash(long))).toBe(true);
    const longer = await cheap.hash(`${long}a`);
    expect(await cheap.verify(`${long}a`, longer)).toBe(true);
    expect(await cheap.verify(`${long}b`, longer)).toBe(false);
    expect(await cheap.verify(long, longer)).toBe(false);
    const huge = await cheap.hash('x'.repeat(1_000_000));
    expect(await cheap.verify(`${'x'.repeat(999_999)}y`, huge)).toBe(false);
  });

  test('a hash of a lower cost is known, and refusing one costs what refusing a new one costs', async () => {
    const jobs: PasswordJob[] = [];
    const pool = createPasswords({
      cost: 8,
      threads: 1,
      startThread: () => {
        const worker = startPasswordThread();
        const post = worker.postMessage.bind(worker);
        worker.postMessage = (job: PasswordJob) => {
          jobs.push(job);
          post(job);
        };
        return worker;
      },
    });
    const roundsOf = (job: PasswordJob) => 2 ** (job.kind === 'verify' ? getRounds(job.hash) : 0);
    for (const cost of [5, 7, 8]) {
      const hash = hashSync('right', cost);
      expect([cost, pool.needsRehash(hash)]).toEqual([cost, cost < 8]);
      jobs.length = 0;
      expect(await pool.verify('wrong', hash)).toBe(false);
      expect(jobs.map(roundsOf).reduce((sum, rounds) => sum + rounds)).toBe(2 ** 8);
      jobs.length = 0;
      expect(await pool.verify('right', hash)).toBe(true);
      expect(jobs).toHaveLength(1);
    }
    expect([pool.needsRehash('no hash at all'), pool.needsRehash(hashSync('x', 9))]).toEqual([true, false]);
    await pool.close();
  });

  test('a name that nobody has costs as much as a wrong password, and is never right', async () => {
    const hash = await dear.hash('secret');
    const costOf = (work: () => Promise<boolean>) => cpuMsOf(async () => expect(await work()).toBe(false));
    const dummyMs: number[] = [];
    const wrongMs: number[] = [];
    for (let i = 0; i < 3; i += 1) {
      dummyMs.push(await costOf(() => dear.verifyDummy('wrong')));
      wrongMs.push(await costOf(() => dear.verify('wrong', hash)));
    }
    const ratio = Math.min(...dummyMs) / Math.min(...wrongMs);
    expect(ratio).toBeGreaterThan(0.5);
    expect(ratio).toBeLessThan(2);
  });

  test('a stored hash that is none is never right', async () => {
    for (const broken of ['', 'x', '$2b$12$short', 'y'.repeat(60)]) {
      expect(await cheap.verify('x', broken).catch(() => false)).toBe(false);
    }
    expect(await cheap.verify('x', await cheap.hash('x'))).toBe(true);
  });
});

describe('threads', () => {
  test('the event loop stays free while many passwords are hashed', async () => {
    await dear.hash('warm');
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    await Promise.all(Array.from({ length: 8 }, (_, i) => dear.hash(`password ${i}`)));
    delay.disable();
    // A hash takes some 250 ms: on this thread each would show as a delay of that length.
    expect(delay.percentile(90) / 1e6).toBeLessThan(50);
  });

  test('a thread that dies fails its job, and another one does the jobs that waited', async () => {
    let started = 0;
    const startThread = () => {
      started += 1;
      const dies = "require('node:worker_threads').parentPort.once('message', () => { throw new Error('dead'); })";
      return started === 1 ? new Worker(dies, { eval: true }) : startPasswordThread();
    };
    const passwords = createPasswords({ cost: 4, threads: 1, startThread });
    const [first, second, third] = await Promise.allSettled([
      passwords.hash('a'),
      passwords.hash('b'),
      passwords.hash('c'),
    ]);
    expect(first).toMatchObject({ status: 'rejected', reason: { cause: { message: 'dead' } } });
    expect([second?.status, third?.status]).toEqual(['fulfilled', 'fulfilled']);
    expect(started).toBe(2);
    await passwords.close();
  });

  test('a thread that leaves without a word fails its job too', async () => {
    const leaves = "require('node:worker_threads').parentPort.once('message', () => process.exit(0))";
    const passwords = createPasswords({ cost: 4, threads: 1, startThread: () => new Worker(leaves, { eval: true }) });
    await expect(passwords.hash('a')).rejects.toThrow(/ended/);
    await passwords.close();
  });

  test('no more threads than asked for are started, and none before the first job', async () => {
    let started = 0;
    const startThread = () => {
      started += 1;
      return startPasswordThread();
    };
    const passwords = createPasswords({ cost: 4, threads: 2, startThread });
    expect(started).toBe(0);
    await passwords.hash('a');
    expect(started).toBe(1);
    await Promise.all(Array.from({ length: 6 }, () => passwords.hash('b')));
    expect(started).toBe(2);
    await passwords.close();
  });

  test('when too many wait the next is told to come back later', async () => {
    const passwords = createPasswords({ cost: 8, threads: 1, waitingMax: 3 });
    const jobs = Array.from({ length: 4 }, () => passwords.hash('a'));
    await expect(passwords.hash('b')).rejects.toMatchObject({ code: 'unavailable', status: 503, retryAfterS: 2 });
    await Promise.all(jobs);
    await expect(passwords.hash('c')).resolves.toMatch(/^\$2/);
    await passwords.close();
  });

  test('closing fails what is under way and what comes after', async () => {
    const passwords = createPasswords({ cost: 12, threads: 1 });
    const jobs = Promise.allSettled([passwords.hash('a'), passwords.hash('b')]);
    await passwords.close();
    for (const job of await jobs) expect(job.status).toBe('rejected');
    await expect(passwords.hash('c')).rejects.toThrow(/closed/);
  });
});

describe('a process', () => {
  const program = `
    import { createPasswords } from ${JSON.stringify(POOL)};
    const passwords = createPasswords({ cost: 5, threads: 2 });
    void passwords.hash('a').then(async (hash) => {
      console.log(JSON.stringify([await passwords.verify('a', hash), await passwords.verify('b', hash)]));
    });`;

  async function inFolder(work: (folder: string) => Promise<void>) {
    const folder = await mkdtemp(join(tmpdir(), 'lyceum-passwords-'));
    try {
      await work(folder);
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  const run = async (file: string) =>
    (await promisify(execFile)(process.execPath, [file], { timeout: 20_000 })).stdout.trim();

  test('of the sources hashes, and idle threads do not keep it alive', () =>
    inFolder(async (folder) => {
      const entry = join(folder, 'entry.mts');
      await writeFile(entry, program);
      expect(await run(entry)).toBe('[true,false]');
    }));

  test('of one bundled CommonJS file, with no packages beside it, does the same', () =>
    inFolder(async (folder) => {
      const entry = join(folder, 'entry.mts');
      await writeFile(entry, program);
      const { define } = await inlineWorkers();
      const outfile = join(folder, 'main.cjs');
      const common = { bundle: true, platform: 'node', format: 'cjs', minify: true, logLevel: 'silent' } as const;
      await build({ ...common, entryPoints: [entry], outfile, define: { 'import.meta.url': '__filename', ...define } });
      await rm(entry);
      expect(await run(outfile)).toBe('[true,false]');
    }));
});
