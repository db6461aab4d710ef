/** What happens before the first answer: size and loading of the bundle for Azure, and `npm start` on a laptop. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { bundle } from '../tools/bundle.ts';
import { bareSettings, workerModule } from '../tools/function-manifest.ts';
import { outputOf, startProgram, temporaryFolder } from './processes.ts';
import { budget, budgetColumns, runBench } from './report.ts';
import { median, spread } from './statistics.ts';

const root = join(import.meta.dirname, '..');
const loads = 11;
const starts = 5;
const megabytesMax = 3.5;
const loadMsMax = 400;
const startMsMax = 3000;

/** A process with nothing but Node and the module that the Functions worker supplies. */
const loader = `${workerModule}
const startedMs = performance.now();
require(process.argv[2]);
const ms = performance.now() - startedMs;
console.log(JSON.stringify({ ms, functions: registrations.length, rss_mb: process.memoryUsage().rss / 1e6 }));
process.exit(0);
`;

const Loaded = z.object({ ms: z.number(), functions: z.int().min(1), rss_mb: z.number() });

async function loadBundle(folder: string, file: string) {
  const script = join(folder, 'load.cjs');
  writeFileSync(script, loader);
  const results: z.output<typeof Loaded>[] = [];
  // The first one brings the file into the cache of the system, where a deployed app's file is too.
  for (let run = 0; run <= loads; run++) {
    results.push(Loaded.parse(JSON.parse(await outputOf(script, [file], { ...bareSettings, NODE_OPTIONS: '' }))));
  }
  return results.slice(1);
}

/** From the command to the first answer, each time with an empty data folder. */
async function timeStart(): Promise<number> {
  const startedMs = performance.now();
  const program = await startProgram(join(root, 'tools', 'run.mjs'), {
    args: ['start', '--no-demo', '--port-base', '0', '--data', temporaryFolder()],
    env: { NODE_OPTIONS: '' },
  });
  const response = await fetch(`${program.ready}/health`);
  const ms = performance.now() - startedMs;
  if (response.status !== 200) throw new Error(`/health answered ${response.status}.`);
  await program.stop();
  return ms;
}

await runBench('cold-start', async () => {
  const folder = temporaryFolder();
  const { file } = await bundle(join(root, 'functions', 'main.ts'), join(folder, 'bundle'));
  const megabytes = readFileSync(file).length / 1e6;
  const loaded = await loadBundle(folder, file);
  const loadTimes = loaded.map((one) => one.ms);
  const startTimes: number[] = [];
  for (let run = 0; run < starts; run++) startTimes.push(await timeStart());
  const [loadMs, startMs] = [median(loadTimes), median(startTimes)];
  return [
    {
      title: 'Before the first answer',
      columns: [
        { key: 'what', title: 'measure' },
        { key: 'value', title: 'value', digits: 2 },
        { key: 'note', title: 'note' },
        ...budgetColumns,
      ],
      rows: [
        {
          what: 'bundle, MB',
          value: megabytes,
          note: `one file, ${loaded[0]?.functions} registrations`,
          ...budget(megabytes, '<=', megabytesMax, 'MB'),
        },
        {
          what: 'loading the bundle, median ms',
          value: loadMs,
          note: `${loads} processes, ${spread(loadTimes, 0)}; ${median(loaded.map((one) => one.rss_mb)).toFixed(0)} MB resident`,
          ...budget(loadMs, '<=', loadMsMax, 'ms'),
        },
        {
          what: 'start to first answer, median ms',
          value: startMs,
          note: `${starts} starts, ${spread(startTimes, 0)}`,
          ...budget(startMs, '<=', startMsMax, 'ms'),
        },
      ],
    },
  ];
});
