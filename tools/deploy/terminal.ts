import { createInterface } from 'node:readline/promises';
import { DeployError, Interrupted, messageOf } from './failure.ts';
import type { Terminal } from './screen.ts';
import { Declined } from './what-if.ts';

/** The terminal of this process. */
export function ownTerminal(signal: AbortSignal): Terminal {
  const ask = async (question: string) => {
    const lines = createInterface({ input: process.stdin, output: process.stdout });
    // Without this, Ctrl-C at the question would end the lines and not the run.
    lines.on('SIGINT', () => process.emit('SIGINT'));
    try {
      return await lines.question(question, { signal });
    } catch {
      throw new Interrupted();
    } finally {
      lines.close();
    }
  };
  const isThere = process.stdin.isTTY === true && process.stdout.isTTY === true;
  return {
    write: (text) => process.stdout.write(text),
    ask: isThere ? ask : undefined,
    isLive: process.stdout.isTTY === true,
  };
}

/** Aborts at the first Ctrl-C; a second one ends the process at once. (A launcher passes the same one on: two within a moment are one.) */
export function abortOnSignal(): AbortController {
  const controller = new AbortController();
  let firstMs: number | undefined;
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (firstMs !== undefined && performance.now() - firstMs > 1000) process.exit(130);
      firstMs ??= performance.now();
      controller.abort(new Interrupted());
    });
  }
  return controller;
}

/** Says how it ended; answers the exit code. */
export function conclude(error: unknown, write: (text: string) => void, advice: string): number {
  if (error instanceof Declined) {
    write('Nothing was deployed.\n');
    return 1;
  }
  if (error instanceof Interrupted) {
    write(`Stopped. ${advice}\n`);
    return 130;
  }
  const isExpected = error instanceof DeployError;
  write(
    `\n${isExpected ? error.message : `This should not happen: ${error instanceof Error ? error.stack : messageOf(error)}`}\n`,
  );
  return 1;
}
