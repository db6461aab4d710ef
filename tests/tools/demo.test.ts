import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { projectRoot } from '../../tools/run-command.ts';
import { freePortBase } from '../free-ports.ts';

// The product as a newcomer meets it: `npm start` with everything real, graded by the simulator.
describe('the demo course of a first start', () => {
  let folder: string;
  let child: ChildProcess | undefined;

  async function start(): Promise<string> {
    const { ANTHROPIC_API_KEY: _a, OPENAI_API_KEY: _o, ...env } = process.env;
    const args = [join(projectRoot, 'local/start.ts'), '--port-base', String(await freePortBase()), '--data', folder];
    const running = spawn(process.execPath, args, { cwd: projectRoot, env, stdio: ['ignore', 'pipe', 'pipe'] });
    child = running;
    let output = '';
    for (const stream of [running.stdout, running.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString('utf8');
      });
    }
    while (!output.includes('Ctrl-C stops everything') && running.exitCode === null) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    running.kill('SIGTERM');
    if (running.exitCode === null) await once(running, 'exit');
    return output;
  }

  let first = '';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lyceum demo '));
    first = await start();
  }, 120_000);

  afterAll(async () => {
    child?.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  const rowOf = (student: string) => new RegExp(`^ +${student} .*$`, 'm').exec(first)?.[0] ?? '';
  const scoreOf = (student: string) => Number(/ done +(\d+\.\d) /.exec(rowOf(student))?.[1]);

  test('grades a complete answer high, a half-right one between and an empty one nothing', () => {
    expect(scoreOf('demo-ana'), first).toBeGreaterThanOrEqual(7);
    expect(scoreOf('demo-ben')).toBeGreaterThan(1);
    expect(scoreOf('demo-ben')).toBeLessThan(scoreOf('demo-ana') - 2);
    expect(scoreOf('demo-cleo')).toBe(0);
  });

  test('gives an answer that orders full marks nothing, and flags it for a person', () => {
    expect(scoreOf('demo-dan'), first).toBe(0);
    expect(rowOf('demo-dan')).toContain('to review');
  });

  test('is there once: the next start of the same folder does not hand in again', async () => {
    const second = await start();
    expect(second).toMatch(/^ready /m);
    expect(second).not.toContain('demo-ana');
  }, 60_000);
});
