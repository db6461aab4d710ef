import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLyceumClient, type LyceumClient } from '../../client/lyceum.ts';
import { smokeTest } from '../../tools/deploy/smoke-test.ts';
import { projectRoot } from '../../tools/run-command.ts';
import { Stack } from '../e2e/stack.ts';
import { type Lab, startLab } from '../http/client.ts';

// The whole product as `npm start` runs it; the test is what a person types.
describe('npm run smoke', () => {
  let stack: Stack;
  let admin: LyceumClient;
  const password = 'four words make one';

  beforeAll(async () => {
    stack = await Stack.create({ MFA_REQUIRED_ROLES: 'configurator' });
    await stack.start();
    admin = await logIn(stack.admin);
    for (const role of ['teacher', 'configurator'] as const) {
      await admin.registerUser({ body: { username: `smoke-${role}`, password, role } });
    }
  }, 60_000);
  afterAll(() => stack.remove());

  async function logIn(body: { username: string; password: string }): Promise<LyceumClient> {
    const tokens = await createLyceumClient({ baseUrl: stack.url }).logIn({ body });
    if (!('access_token' in tokens)) throw new Error('A second factor is asked for.');
    return createLyceumClient({ baseUrl: stack.url, token: () => tokens.access_token });
  }

  function start(account: { username: string; password: string } | undefined, args = ['--url', stack.url]) {
    const { SMOKE_USERNAME: _u, SMOKE_PASSWORD: _p, ...env } = process.env;
    const variables = account && { SMOKE_USERNAME: account.username, SMOKE_PASSWORD: account.password };
    const child: ChildProcess = spawn(process.execPath, [join(projectRoot, 'tools/smoke.ts'), ...args], {
      env: { ...env, ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const result = { child, output: '', status: once(child, 'close').then(([status]) => status as number) };
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        result.output += chunk.toString('utf8');
      });
    }
    return result;
  }

  const coursesOf = async (client: LyceumClient) => (await client.listComponents()).items.map((one) => one.comp_name);
  const studentsOf = async (client: LyceumClient) =>
    (await client.listUsers({ role: 'student' })).items
      .map((one) => one.username)
      .filter((name) => /^smoke-/.test(name));

  test('hands in as a student, finds one outcome that explains itself, and leaves nothing behind', async () => {
    const run = start(stack.admin);
    expect(await run.status, run.output).toBe(0);
    expect(run.output).toMatch(/^handed in and graded in \d+\.\d s: \d+(\.\d)? of 10 by simulator/m);
    expect(await coursesOf(admin)).toEqual([]);
    expect(await studentsOf(admin)).toEqual([]);
  });

  describe('where nobody works off the queue', () => {
    let lab: Lab;
    let options: Omit<Parameters<typeof smokeTest>[0], 'signal'>;
    let root: LyceumClient;
    beforeAll(async () => {
      lab = await startLab({ settings: { LYCEUM_PART: 'api' } });
      const { username, password: rootPassword, token } = lab.root;
      root = createLyceumClient({ baseUrl: lab.app.url, token: () => token });
      options = { url: lab.app.url, username, password: rootPassword, say: () => {}, pollMs: 50, limitMs: 300 };
    });
    afterAll(() => lab.close());

    async function expectNothingLeft() {
      expect(await coursesOf(root)).toEqual([]);
      expect(await studentsOf(root)).toEqual([]);
    }

    test('it removes what it made, and says where the answer stands', async () => {
      const signal = AbortSignal.timeout(30_000);
      await expect(smokeTest({ ...options, signal })).rejects.toThrow(/not graded in \d+ s \(queued\)/);
      await expectNothingLeft();
    });

    test('the next run removes what an interrupted one had to leave', async () => {
      const controller = new AbortController();
      const interrupted = smokeTest({ ...options, limitMs: 60_000, signal: controller.signal });
      interrupted.catch(() => undefined);
      await expect.poll(() => studentsOf(root), { timeout: 10_000 }).toHaveLength(1);
      controller.abort(new Error('Ctrl-C'));
      await expect(interrupted).rejects.toThrow('Ctrl-C');
      expect(await coursesOf(root)).toHaveLength(1);

      await expect(smokeTest({ ...options, signal: AbortSignal.timeout(30_000) })).rejects.toThrow('not graded');
      await expectNothingLeft();
    });
  });

  test('a teacher may run it, again and again, with one student that stays', async () => {
    const teacher = { username: 'smoke-teacher', password };
    for (const _ of [1, 2]) {
      const signal = AbortSignal.timeout(60_000);
      await smokeTest({ url: stack.url, ...teacher, say: () => {}, pollMs: 50, limitMs: 20_000, signal });
    }
    expect(await coursesOf(await logIn(teacher))).toEqual([]);
    expect(await studentsOf(admin)).toHaveLength(1);
  });

  test('says in one sentence what to do where the account needs a second factor, or has another password', async () => {
    const locked = start({ username: 'smoke-configurator', password });
    expect(await locked.status).toBe(1);
    expect(locked.output.trim()).toMatch(/^The account smoke-configurator needs a second factor.*SMOKE_USERNAME.*\.$/);
    const wrong = start({ username: 'smoke-teacher', password: 'another password' });
    expect(await wrong.status).toBe(1);
    expect(wrong.output.trim()).toMatch(/^smoke-teacher cannot log in: .*SMOKE_PASSWORD.*\.$/);
  });

  test('says what is missing on the command line', async () => {
    const cases: [ReturnType<typeof start>, string][] = [
      [start(undefined), 'Say who does it: set SMOKE_USERNAME and SMOKE_PASSWORD.'],
      [start(stack.admin, []), 'Say where: npm run smoke -- --url http://127.0.0.1:7071'],
      [start(stack.admin, ['--url', 'nowhere']), "--url must be a web address, not 'nowhere'."],
      [start(stack.admin, ['--urls', 'x']), "Unknown option '--urls'. See `npm run smoke -- --help`."],
    ];
    for (const [run, said] of cases) {
      expect(await run.status).toBe(1);
      expect(run.output.trim()).toBe(said);
    }
  });
});
