/** `npm run destroy -- --env dev`: deletes an environment and everything in it, once its name was typed again. */
import { Az } from './deploy/az.ts';
import { destroy, readDestroyOptions } from './deploy/remove.ts';
import { usualPace } from './deploy/run.ts';
import { Screen, type Terminal } from './deploy/screen.ts';
import { abortOnSignal, conclude, ownTerminal } from './deploy/terminal.ts';

export interface DestroySurroundings {
  env: Readonly<Record<string, string | undefined>>;
  terminal: Terminal;
  signal: AbortSignal;
  pollMs: number;
}

/** @returns the exit code. */
export async function runDestroy(
  args: readonly string[],
  { env, terminal, signal, pollMs }: DestroySurroundings,
): Promise<number> {
  try {
    const options = readDestroyOptions(args);
    if ('help' in options) {
      terminal.write(`${options.help}\n`);
      return 0;
    }
    const az = new Az({ env: { ...env }, signal, retryMs: pollMs });
    await destroy({ options, az, screen: new Screen(terminal), signal, canAsk: terminal.ask !== undefined, pollMs });
    return 0;
  } catch (error) {
    return conclude(
      error,
      terminal.write,
      'Run the same command again to go on; a deletion that has begun goes on in Azure meanwhile.',
    );
  }
}

if (import.meta.main) {
  const { signal } = abortOnSignal();
  const surroundings = { env: process.env, terminal: ownTerminal(signal), signal, pollMs: usualPace.pollMs };
  process.exitCode = await runDestroy(process.argv.slice(2), surroundings);
}
