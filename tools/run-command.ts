import { spawn } from 'node:child_process';
import { join } from 'node:path';

export const projectRoot = join(import.meta.dirname, '..');

export interface CommandResult {
  /** 0 is success; a command that was ended by a signal or could not start counts as 1. */
  status: number;
  /** Standard output and standard error as they came. */
  output: string;
  ms: number;
}

/** Runs a script of this project or of one of its packages with the Node that runs this; no shell is involved, so paths may hold anything. */
export function runNodeScript(
  script: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const startedMs = performance.now();
    const chunks: Buffer[] = [];
    const child = spawn(process.execPath, [join(projectRoot, script), ...args], {
      cwd: projectRoot,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const finish = (status: number, extra = '') =>
      resolve({ status, output: Buffer.concat(chunks).toString('utf8') + extra, ms: performance.now() - startedMs });
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', (error) => finish(1, error.message));
    child.on('close', (status) => finish(status ?? 1));
  });
}

/** The same with this terminal for input and output; answers the exit code. */
export function runNodeScriptHere(script: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(projectRoot, script), ...args], { cwd: projectRoot, stdio: 'inherit' });
    const pass = (signal: NodeJS.Signals) => child.kill(signal);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, pass);
    child.on('error', () => resolve(1));
    child.on('close', (status) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, pass);
      resolve(status ?? 1);
    });
  });
}
