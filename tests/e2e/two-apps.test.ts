import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import secretFile from '../../infra/secrets.json' with { type: 'json' };
import { type Lab, startLab } from '../http/client.ts';
import { expectSettled, resultOf, untilStatus } from '../workers/fixture.ts';

/** Both apps of a deployment on the same database and queues, each a process of its own. */
describe('two apps of one package', () => {
  let lab: Lab;
  let worker: ChildProcess | undefined;

  beforeAll(async () => {
    lab = await startLab({ settings: { LYCEUM_PART: 'api' } });
  });

  afterAll(async () => {
    if (worker !== undefined && worker.exitCode === null) {
      worker.kill('SIGKILL');
      await once(worker, 'exit');
    }
    await lab.close();
  });

  /** Resolves to the address of its front end. */
  async function startWorker(): Promise<string> {
    // Without the secrets that the vault does not show it.
    const hidden = secretFile.secrets
      .filter(({ readers }) => !readers.includes('worker'))
      .map(({ setting }) => setting);
    const held = Object.entries(lab.app.settings).filter(
      ([name]) => !hidden.includes(name) && !/^BOOTSTRAP_/.test(name),
    );
    const settings = { ...Object.fromEntries(held), LYCEUM_PART: 'worker' };
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, 'worker-app-process.ts'), JSON.stringify(settings)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    worker = child;
    const ready = Promise.withResolvers<string>();
    child.stdout.on('data', (chunk) => {
      const url = /ready (\S+)/.exec(String(chunk))?.[1];
      if (url !== undefined) ready.resolve(url);
    });
    child.once('exit', () => ready.reject(new Error('The worker ended before it was ready.')));
    return ready.promise;
  }

  test('the API takes a submission and never grades; the worker grades it once and answers nobody', async () => {
    const course = await lab.makeCourse();
    const { submission_id: id } = await lab.submit(course.student, course.entryId);
    // A process with everything in it would have begun by now.
    await sleep(1500);
    expect((await resultOf(lab, id)).status).toBe('queued');
    expect(lab.app.lines().filter((line) => line.operation === 'grade-submission')).toEqual([]);

    const url = await startWorker();
    await untilStatus(lab, id, 'done');
    await expectSettled(lab, 1);
    expect((await fetch(`${url}/health`)).status).toBe(404);
    expect((await fetch(`${lab.app.url}/health`)).status).toBe(200);
  });
});
