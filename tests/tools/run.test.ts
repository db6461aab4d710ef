import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { projectRoot } from '../../tools/run-command.ts';

const script = `import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
const [what, ...rest] = process.argv.slice(2);
// Listens before it says anything: who reads the line may ask it to stop at once.
if (what === 'wait') {
  process.on('SIGTERM', () => { console.log('asked to stop'); process.exit(3); });
  setInterval(() => {}, 1000);
}
console.log(JSON.stringify({ args: [what, ...rest], dep: createRequire(import.meta.url)('dep') }));
if (what === 'fail') process.exit(7);
`;

/** A project of its own with one dependency that is a folder, so that npm installs for real and needs no network. */
async function writeProject(root: string): Promise<void> {
  const dependencies = { dep: 'file:dep' };
  const files: Record<string, string> = {
    'package.json': JSON.stringify({ name: 'probe', version: '1.0.0', type: 'module', dependencies }),
    'package-lock.json': JSON.stringify({
      name: 'probe',
      version: '1.0.0',
      lockfileVersion: 3,
      requires: true,
      packages: {
        '': { name: 'probe', version: '1.0.0', dependencies },
        dep: { version: '1.0.0' },
        'node_modules/dep': { resolved: 'dep', link: true },
      },
    }),
    'dep/package.json': JSON.stringify({ name: 'dep', version: '1.0.0', main: 'index.cjs' }),
    'dep/index.cjs': "module.exports = 'installed';\n",
    'local/start.ts': script,
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  await cp(join(projectRoot, 'tools/run.mjs'), join(root, 'tools/run.mjs'));
}

describe('tools/run.mjs', () => {
  let folder: string;
  let root: string;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lyceum run '));
    root = join(folder, 'a project');
    await writeProject(root);
  });

  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  function run(args: readonly string[], env: Record<string, string> = {}) {
    const child = spawn(process.execPath, [join(root, 'tools/run.mjs'), ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    const result = { child, output: '', status: once(child, 'close').then(([status]) => status as number | null) };
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        result.output += chunk.toString('utf8');
      });
    }
    return result;
  }

  test('installs what is missing, once, and then only runs the task', async () => {
    const first = run(['start', 'go']);
    expect(await first.status, first.output).toBe(0);
    expect(first.output).toContain('Installing packages');
    expect(first.output).toContain('"dep":"installed"');
    const second = run(['start', 'go']);
    expect(await second.status).toBe(0);
    expect(second.output).not.toContain('Installing');
  });

  test('installs again when the lock file has changed', async () => {
    await run(['start', 'go']).status;
    const lockPath = join(root, 'package-lock.json');
    const lock = await readFile(lockPath, 'utf8');
    await writeFile(lockPath, lock.replaceAll('"version":"1.0.0"', '"version":"1.0.1"'));
    await writeFile(
      join(root, 'package.json'),
      (await readFile(join(root, 'package.json'), 'utf8')).replace('1.0.0', '1.0.1'),
    );
    await writeFile(
      join(root, 'dep/package.json'),
      JSON.stringify({ name: 'dep', version: '1.0.1', main: 'index.cjs' }),
    );
    const again = run(['start', 'go']);
    expect(await again.status, again.output).toBe(0);
    expect(again.output).toContain('Installing packages');
  });

  test('two runs at the same time install once, and both do their task', async () => {
    const both = [run(['start', 'one']), run(['start', 'two'])];
    expect(await Promise.all(both.map((one) => one.status))).toEqual([0, 0]);
    const outputs = both.map((one) => one.output);
    expect(outputs.filter((text) => text.includes('Installing packages'))).toHaveLength(1);
    expect(outputs.every((text) => text.includes('"dep":"installed"'))).toBe(true);
  });

  test('hands on arguments with spaces, and the exit code of the task', async () => {
    const result = run(['start', 'fail', 'two words', '--flag']);
    expect(await result.status).toBe(7);
    expect(result.output).toContain('"args":["fail","two words","--flag"]');
  });

  test('hands on a signal and ends with the exit code that the task chose', async () => {
    const result = run(['start', 'wait']);
    while (!result.output.includes('"args"')) await new Promise((resolve) => setTimeout(resolve, 20));
    result.child.kill('SIGTERM');
    expect(await result.status).toBe(3);
    expect(result.output).toContain('asked to stop');
  });

  test('says that the registry does not answer, and starts nothing', async () => {
    const dependencies = { 'far-away': '1.0.0' };
    await writeFile(
      join(root, 'package.json'),
      JSON.stringify({ name: 'probe', version: '1.0.0', type: 'module', dependencies }),
    );
    const integrity = `sha512-${Buffer.alloc(64, Math.random() * 256).toString('base64')}`;
    const packages = {
      '': { name: 'probe', version: '1.0.0', dependencies },
      'node_modules/far-away': { version: '1.0.0', integrity },
    };
    await writeFile(
      join(root, 'package-lock.json'),
      JSON.stringify({ name: 'probe', version: '1.0.0', lockfileVersion: 3, packages }),
    );
    // Nothing listens on port 9 of this machine.
    const result = run(['start', 'go'], {
      npm_config_registry: 'http://127.0.0.1:9/',
      npm_config_cache: join(folder, 'cache'),
    });
    expect(await result.status).toBe(1);
    expect(result.output).toContain('The npm registry does not answer');
    expect(result.output).not.toContain('"args"');
  });

  test('names the tasks when it is asked for one that does not exist', async () => {
    const result = run(['strat']);
    expect(await result.status).toBe(1);
    expect(result.output).toMatch(/Tasks: start, stack, dev, test/);
  });
});
