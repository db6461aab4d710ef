import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readOptions } from '../../local/options.ts';
import { projectRoot } from '../../tools/run-command.ts';
import { freePortBase } from '../free-ports.ts';

class Program {
  readonly child: ChildProcess;
  output = '';

  constructor(script: string, args: readonly string[], env: Record<string, string>) {
    const { CosmosConnection: _, ...inherited } = process.env;
    const application = join(projectRoot, 'tests/tools/fixtures/small-application.ts');
    this.child = spawn(process.execPath, [join(projectRoot, script), ...args], {
      cwd: projectRoot,
      env: { ...inherited, LYCEUM_APPLICATION: application, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk.toString('utf8');
      });
    }
  }

  /** The first group of the pattern as soon as it is printed. */
  async says(pattern: RegExp): Promise<string> {
    const deadline = Date.now() + 25_000;
    while (Date.now() < deadline) {
      const match = pattern.exec(this.output);
      if (match) return match[1] ?? match[0];
      if (this.child.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`It did not say ${pattern}, but:\n${this.output}`);
  }

  async exitCode(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit');
    return this.child.exitCode;
  }
}

describe('npm start', () => {
  let folder: string;
  const programs: Program[] = [];
  let portBase: number;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lyceum start '));
    portBase = await freePortBase();
  });

  afterEach(async () => {
    for (const { child } of programs.splice(0)) child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  function run(args: readonly string[] = [], env: Record<string, string> = {}, script = 'local/start.ts'): Program {
    const ports = args.includes('--port-base') ? [] : ['--port-base', String(portBase + 5 * programs.length)];
    const program = new Program(script, [...ports, '--data', folder, ...args], env);
    programs.push(program);
    return program;
  }

  const start = (args: readonly string[] = [], env: Record<string, string> = {}) => run(['--no-demo', ...args], env);

  test('says ready when health answers, and Ctrl-C stops everything with code 0', async () => {
    const program = start();
    const url = await program.says(/^ready (http:\/\/127\.0\.0\.1:\d+)$/m);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    // Its folder is made by the first e-mail.
    const mailbox = await fetch(await program.says(/^ {2}Mailbox +(\S+)/m));
    expect([mailbox.status, await mailbox.text()]).toEqual([200, expect.stringContaining('No e-mails yet.')]);
    program.child.kill('SIGINT');
    expect(await program.exitCode()).toBe(0);
    await expect(fetch(`${url}/health`)).rejects.toThrow();
  });

  test('a request that is being answered when Ctrl-C comes is answered to its end', async () => {
    const program = start();
    const url = await program.says(/^ready (\S+)$/m);
    const answer = fetch(`${url}/slow`).then((response) => response.text());
    await new Promise((resolve) => setTimeout(resolve, 200));
    // A terminal signals the whole group and the launcher passes it on, so it comes twice.
    program.child.kill('SIGINT');
    program.child.kill('SIGINT');
    expect(await answer).toBe('done');
    expect(await program.exitCode()).toBe(0);
  });

  test('a second start on the same data folder is refused, and the first goes on', async () => {
    const first = start();
    const url = await first.says(/^ready (\S+)$/m);
    const second = start();
    expect(await second.exitCode()).toBe(1);
    expect(second.output).toContain(`Another Lyceum (process ${first.child.pid}) uses the data folder`);
    expect((await fetch(`${url}/health`)).status).toBe(200);
  });

  test('a data folder whose process was killed can be used again, with the same secrets', async () => {
    const first = start();
    const settingsOf = async (program: Program) => {
      const response = await fetch(`${await program.says(/^ready (\S+)$/m)}/settings`);
      // The fixture answers its environment, which holds only strings.
      return (await response.json()) as Record<string, string>;
    };
    const before = await settingsOf(first);
    first.child.kill('SIGKILL');
    await first.exitCode();
    const second = start();
    const after = await settingsOf(second);
    expect(before['JWT_SECRET']?.length).toBeGreaterThanOrEqual(32);
    expect(after['JWT_SECRET']).toBe(before['JWT_SECRET']);
    expect(after['BOOTSTRAP_ADMIN_PASSWORD']).toBe(before['BOOTSTRAP_ADMIN_PASSWORD']);
    expect(first.output).toContain(before['BOOTSTRAP_ADMIN_PASSWORD']);
    expect(second.output).not.toContain(before['BOOTSTRAP_ADMIN_PASSWORD']);
    expect(statSync(join(folder, 'secrets.json')).mode & 0o077).toBe(0);
  });

  test('a port that is taken is named in one sentence', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const program = start(['--port-base', String(port)]);
    expect(await program.exitCode()).toBe(1);
    expect(program.output).toContain(`Port ${port}, for the API, is in use`);
    expect(program.output).not.toContain('    at ');
    server.close();
  });

  test('a setting of the environment goes before the one that the stack would choose', async () => {
    const program = start([], {
      CORS_ORIGINS: 'https://school.example.org',
      AzureWebJobsStorage: 'UseDevelopmentStorage=true',
    });
    const response = await fetch(`${await program.says(/^ready (\S+)$/m)}/settings`);
    const settings = (await response.json()) as Record<string, string>;
    expect(settings['CORS_ORIGINS']).toBe('https://school.example.org');
    // A connection to this machine names another run's port, so the stack's own is used.
    expect(settings['AzureWebJobsStorage']).toContain('BlobEndpoint=http://127.0.0.1:');
  });

  test('what functions print goes to the log file; of errors the terminal has a short line', async () => {
    const program = start();
    await fetch(`${await program.says(/^ready (\S+)$/m)}/loud`);
    await program.says(/^! get-loudly: broken/m);
    expect(program.output).not.toContain('quiet');
    expect(readFileSync(join(folder, 'logs', 'functions.log'), 'utf8')).toContain('"event":"quiet"');
  });

  test('takes ports that nobody has where the base is 0, a different one for each part', async () => {
    const options = await readOptions(['--port-base', '0'], 'start');
    const ports = 'ports' in options ? options.ports : undefined;
    const numbers = Object.values(ports ?? {});
    expect(numbers).toHaveLength(5);
    expect(new Set(numbers).size).toBe(5);
    expect(Math.min(...numbers)).toBeGreaterThan(1023);
  });

  test('an unknown switch is refused with the list of those that exist', async () => {
    const program = start(['--prot-base']);
    expect(await program.exitCode()).toBe(1);
    expect(program.output).toContain('--port-base N');
    expect(existsSync(join(folder, 'secrets.json'))).toBe(false);
  });

  test('npm run stack prints settings under which its stand-ins are found', async () => {
    const program = run([], {}, 'local/stack.ts');
    await program.says(/^ready$/m);
    const json = /^\{\n[\s\S]*^\}$/m.exec(program.output)?.[0] ?? '';
    const { Values } = JSON.parse(json) as { Values: Record<string, string> };
    const endpoint = /AccountEndpoint=([^;]+)/.exec(Values['CosmosConnection'] ?? '')?.[1] ?? '';
    // Without a signature it is refused, which is an answer.
    expect((await fetch(endpoint)).status).toBe(401);
    program.child.kill('SIGTERM');
    expect(await program.exitCode()).toBe(0);
  });
});
