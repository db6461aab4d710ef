import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import hostJson from '../../host.json' with { type: 'json' };
import { startHost } from '../../local/host/start-host.ts';

/** The app that works off the queues, as Azure runs it: its own process, told by its settings which part it is. */
const settings = JSON.parse(process.argv[2] ?? '') as Record<string, string>;
Object.assign(process.env, settings);
const entry = join(import.meta.dirname, '..', '..', 'functions', 'main.ts');
const host = await startHost({
  port: 0,
  hostJson,
  settings,
  load: () => import(pathToFileURL(entry).href),
  log: () => undefined,
});
process.stdout.write(`ready ${host.url}\n`);
