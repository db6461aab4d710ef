/**
 * `npm start`: the whole product on this machine. The stand-ins for Azure run in threads of this process and the
 * functions in its main thread, so that nothing is left behind however it ends.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import hostJson from '../host.json' with { type: 'json' };
import type { Host } from './host/start-host.ts';
import { describeStack, type LocalStack, shortPath, startLocalStack } from './local-stack.ts';
import { createMailbox } from './mailbox.ts';
import { readOptions, StartError, type StartOptions } from './options.ts';
import { LogFile, type Screen, takeScreen } from './screen.ts';
import { stopOnSignal } from './stop-signals.ts';

const root = join(import.meta.dirname, '..');

interface Run {
  stack?: LocalStack;
  host?: Host;
}

/** Functions first, so that what they still do finds everything it needs. */
async function stop(run: Run): Promise<void> {
  await run.host?.close();
  await run.stack?.close();
}

async function waitForHealth(url: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  let last = 'no answer';
  while (Date.now() < deadline) {
    try {
      const answer = await fetch(`${url}/health`);
      if (answer.status === 200) return;
      last = `status ${answer.status}`;
    } catch (error) {
      last = String(error);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new StartError(`The functions started, but ${url}/health does not answer 200 (${last}).`);
}

async function start(options: StartOptions, run: Run, screen: Screen, log: LogFile): Promise<void> {
  const stack = await startLocalStack({
    ...options,
    environment: process.env,
    localSettingsPath: join(root, 'local.settings.json'),
    hasFunctions: true,
    onFailure: (error) => void fail(error, run, screen),
  });
  run.stack = stack;
  stack.blobReady.catch((error: unknown) => screen.say(`! Blob Storage did not start: ${String(error)}`));
  const { settings, folder } = stack;
  // The product reads its settings from the environment, as it does in Azure.
  Object.assign(process.env, settings);
  // A test may run another application on the same stack.
  const entry = process.env['LYCEUM_APPLICATION'] ?? join(root, 'functions', 'main.ts');
  const { startHost } = await import('./host/start-host.ts');
  run.host = await startHost({
    port: options.ports.functions,
    // Loading the application takes about as long as starting the stand-ins; its triggers need both.
    load: () => Promise.all([import(pathToFileURL(entry).href), stack.ready]),
    hostJson,
    settings,
    localPages: createMailbox(settings['EMAIL_FOLDER'] ?? ''),
    log: (line) => console.log(line),
  });
  const { url } = run.host;
  await waitForHealth(url);

  screen.say('');
  screen.say(`  ${'API'.padEnd(14)} ${url}        documentation: ${url}/docs`);
  screen.say(`  ${'Mailbox'.padEnd(14)} ${url}/dev/mailbox        e-mails land here`);
  for (const line of describeStack(options, stack)) screen.say(line);
  screen.say(`  ${'Log'.padEnd(14)} ${shortPath(log.path)}`);
  screen.say(`  ${'Administrator'.padEnd(14)} ${administrator(settings, stack)}`);
  screen.say('');
  screen.say(`ready ${url}`);
  if (options.hasDemo && !folder.isDone('demo')) {
    const { runDemo } = await import('./demo.ts');
    await runDemo({ url, settings, folder, say: screen.say });
  }
  screen.say('Ctrl-C stops everything.');
}

function administrator(settings: Record<string, string>, stack: LocalStack): string {
  const name = settings['BOOTSTRAP_ADMIN_USERNAME'] ?? '';
  if (settings['BOOTSTRAP_ADMIN_PASSWORD'] !== stack.folder.secrets.admin_password) return name;
  const file = shortPath(join(stack.folder.path, 'secrets.json'));
  return stack.folder.isNew
    ? `${name}, password ${stack.folder.secrets.admin_password} (made now, shown once, kept in ${file})`
    : `${name}, password in ${file}`;
}

let isFailing = false;

async function fail(error: unknown, run: Run, screen?: Screen): Promise<void> {
  if (isFailing) return;
  isFailing = true;
  screen?.restore();
  const isKnown = error instanceof StartError || (error instanceof Error && error.name === 'ConfigError');
  console.error(isKnown ? error.message : error);
  await stop(run).catch(() => undefined);
  process.exit(1);
}

async function main(): Promise<void> {
  const run: Run = {};
  let screen: Screen | undefined;
  try {
    const options = await readOptions(process.argv.slice(2), 'start');
    if ('help' in options) {
      console.log(options.help);
      return;
    }
    console.log('Lyceum is starting ...');
    const log = new LogFile(join(options.dataDir, 'logs', 'functions.log'));
    const taken = takeScreen(log);
    screen = taken;
    stopOnSignal(async () => {
      taken.say('Stopping ...');
      await stop(run);
    });
    await start(options, run, taken, log);
  } catch (error) {
    await fail(error, run, screen);
  }
}

await main();
