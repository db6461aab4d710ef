/** `npm run stack`: only what stands in for Azure, for an application that runs elsewhere (`func start`, a debugger). */
import { join } from 'node:path';
import { describeStack, type LocalStack, startLocalStack } from './local-stack.ts';
import { readOptions, StartError } from './options.ts';
import { LogFile, takeScreen } from './screen.ts';
import { stopOnSignal } from './stop-signals.ts';

const root = join(import.meta.dirname, '..');

async function main(): Promise<void> {
  const options = await readOptions(process.argv.slice(2), 'stack');
  if ('help' in options) {
    console.log(options.help);
    return;
  }
  const screen = takeScreen(new LogFile(join(options.dataDir, 'logs', 'stack.log')));
  let stack: LocalStack | undefined;
  const fail = (error: unknown) => {
    screen.restore();
    console.error(error);
    process.exit(1);
  };
  try {
    // Its connection values are printed, so they must be the stack's own whatever is set in this shell.
    stack = await startLocalStack({
      ...options,
      environment: {},
      localSettingsPath: join(root, 'no-local-settings'),
      hasFunctions: false,
      onFailure: fail,
    });
    const running = stack;
    stopOnSignal(() => running.close());
    await Promise.all([stack.ready, stack.blobReady]);
  } catch (error) {
    screen.restore();
    await stack?.close();
    throw error;
  }
  for (const line of describeStack(options, stack)) screen.say(line);
  screen.say('\nlocal.settings.json for `func start`:\n');
  screen.say(JSON.stringify({ IsEncrypted: false, Values: stack.settings }, undefined, 2));
  screen.say('\nready\nCtrl-C stops everything.');
}

try {
  await main();
} catch (error) {
  console.error(error instanceof StartError ? error.message : error);
  process.exit(1);
}
