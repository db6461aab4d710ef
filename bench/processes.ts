/** Every program that is measured runs in a process of its own; whatever happens, none outlives the benchmark. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const stopMs = 15_000;
const children = new Set<ChildProcess>();
const folders = new Set<string>();

process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

/** A folder that is gone when the benchmark ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lyceum-bench-'));
  folders.add(folder);
  return folder;
}

export interface Program {
  /** What the `ready` pattern found. */
  readonly ready: string;
  readonly child: ChildProcess;
  /** The end of what it has printed so far. */
  output(): string;
  /** Asks it to end and waits until it has. */
  stop(): Promise<void>;
}

export interface ProgramOptions {
  args?: readonly string[];
  /** For Node itself. */
  nodeArgs?: readonly string[];
  /** Added to this process's own environment. */
  env?: Record<string, string>;
  /** The program runs as soon as its output matches; its first group is `ready`. */
  ready?: RegExp;
  readyWithinMs?: number;
  /** Lets the two processes send each other messages. */
  hasMessages?: boolean;
}

/** @throws Error with its output when the program ends, or says nothing, before it is ready. */
export async function startProgram(script: string, options: ProgramOptions = {}): Promise<Program> {
  const { args = [], nodeArgs = [], env = {}, ready = /^ready (\S+)$/m, readyWithinMs = 60_000 } = options;
  const child = spawn(process.execPath, [...nodeArgs, script, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', ...(options.hasMessages ? (['ipc'] as const) : [])],
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  let output = '';
  const found = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output = `${output}${chunk.toString('utf8')}`.slice(-100_000);
      const match = ready.exec(output);
      if (match) found.resolve(match[1] ?? match[0]);
    });
  }
  const fail = (reason: string) => found.reject(new Error(`${script}: ${reason}\n${output}`));
  child.once('error', (error) => fail(error.message));
  child.once('exit', (code) => fail(`ended with code ${code}`));
  const limit = setTimeout(() => fail(`not ready within ${readyWithinMs} ms`), readyWithinMs);
  try {
    const word = await found.promise;
    return { ready: word, child, output: () => output, stop: () => stopChild(child) };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    clearTimeout(limit);
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const limit = setTimeout(() => child.kill('SIGKILL'), stopMs);
  await ended;
  clearTimeout(limit);
}

/** Runs a program to its end and answers what it printed on standard output. @throws Error when it fails. */
export async function outputOf(script: string, args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [script, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.add(child);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  children.delete(child);
  if (code !== 0) throw new Error(`${script} ended with code ${code}.`);
  return Buffer.concat(chunks).toString('utf8');
}

const ticksPerS = 100;

/**
 * Milliseconds of processor time that a process has used, all its threads together; undefined where there is no `/proc`.
 * Unlike a clock on the wall, this hardly changes when others use the machine.
 */
export function cpuMsOf(pid: number | undefined): number | undefined {
  const path = `/proc/${pid}/stat`;
  if (!existsSync(path)) return undefined;
  // The name of the program comes in brackets and may hold anything; user and system time are fields 14 and 15.
  const fields = readFileSync(path, 'utf8').split(') ').pop()?.split(' ') ?? [];
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerS;
}
