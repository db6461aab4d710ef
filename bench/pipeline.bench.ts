/** What the platform itself costs: as CPU per call without input and output, and through the local stack beside bare node:http. */
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { type LoadResult, loadWith, type Target } from './load.ts';
import { answer, benchToken, newNote, paths } from './pipeline/endpoints.ts';
import { outputOf, startProgram } from './processes.ts';
import { startStack } from './product.ts';
import { budget, budgetColumns, noBudget, runBench, type Table } from './report.ts';
import { median, spread } from './statistics.ts';

const callsScript = fileURLToPath(new URL('./pipeline/calls-process.ts', import.meta.url));
const application = fileURLToPath(new URL('./pipeline/application.ts', import.meta.url));
const bareServer = fileURLToPath(new URL('./rivals/bare-http.ts', import.meta.url));

const rounds = 3;
const roundSeconds = 3;
const warmUpSeconds = 2;
const cpuMsMax = 0.15;
const shareMin = 0.25;
const extraMsMax = 0.7;

const Cost = z.object({ cpuMs: z.number(), leastMs: z.number(), mostMs: z.number() });
const Costs = z.object({ nothing: Cost, get: Cost, create: Cost });

async function cpuPerCall(): Promise<Table> {
  const rows: Table['rows'] = [];
  for (const build of ['dist', 'source']) {
    const costs = Costs.parse(JSON.parse(await outputOf(callsScript, [build])));
    const cells = ({ cpuMs, leastMs, mostMs }: z.output<typeof Cost>) => ({
      library: build,
      cpu_ms: cpuMs,
      spread: spread([leastMs, mostMs], 3),
    });
    rows.push({ what: 'the library alone', ...cells(costs.nothing), ...noBudget });
    rows.push({
      what: 'GET, parameters and query',
      ...cells(costs.get),
      ...budget(costs.get.cpuMs, '<=', cpuMsMax, 'ms'),
    });
    rows.push({ what: 'POST, 500 bytes', ...cells(costs.create), ...budget(costs.create.cpuMs, '<=', cpuMsMax, 'ms') });
  }
  return {
    title: 'CPU per call, no input or output',
    columns: [
      { key: 'what', title: 'call' },
      { key: 'library', title: 'library' },
      { key: 'cpu_ms', title: 'CPU ms', digits: 3 },
      { key: 'spread', title: 'batches from, to' },
      ...budgetColumns,
    ],
    rows,
  };
}

interface Pair {
  ours: LoadResult;
  bare: LoadResult;
}

/** The two take turns, so that a slow moment of the machine meets both. */
async function takeTurns(connections: number, ours: Target, bare: Target): Promise<Pair[]> {
  const pairs: Pair[] = [];
  for (let round = 0; round < rounds; round++) {
    pairs.push({
      bare: await loadWith(connections, roundSeconds, bare),
      ours: await loadWith(connections, roundSeconds, ours),
    });
  }
  return pairs;
}

async function besideBareHttp(): Promise<Table> {
  const [ours, bare, token] = await Promise.all([
    startStack({ LYCEUM_APPLICATION: application }),
    startProgram(bareServer),
    benchToken(),
  ]);
  const headers = { authorization: `Bearer ${token}` };
  const calls: { name: string; target: Omit<Target, 'url'>; path: string }[] = [
    { name: 'GET', path: paths.get, target: { method: 'GET', headers } },
    { name: 'POST', path: paths.create, target: { method: 'POST', headers, body: newNote } },
  ];
  const rows: Table['rows'] = [];
  for (const { name, path, target } of calls) {
    const targets = { ours: { ...target, url: ours.url + path }, bare: { ...target, url: bare.ready + path } };
    await assertSameAnswer(targets.ours, targets.bare);
    for (const one of [targets.ours, targets.bare]) await loadWith(32, warmUpSeconds, one);
    const busy = await takeTurns(32, targets.ours, targets.bare);
    const alone = await takeTurns(1, targets.ours, targets.bare);
    const share = median(busy.map((pair) => pair.ours.requestsPerS / pair.bare.requestsPerS));
    const extraMs = median(alone.map((pair) => pair.ours.p50Ms - pair.bare.p50Ms));
    rows.push({
      what: `${name}, 32 connections, requests/s`,
      ours: median(busy.map((pair) => pair.ours.requestsPerS)),
      bare: median(busy.map((pair) => pair.bare.requestsPerS)),
      compared: `${(share * 100).toFixed(0)} %`,
      ...budget(share * 100, '>=', shareMin * 100, '%'),
    });
    rows.push({
      what: `${name}, 1 connection, p50 in microseconds`,
      ours: median(alone.map((pair) => pair.ours.p50Ms)) * 1000,
      bare: median(alone.map((pair) => pair.bare.p50Ms)) * 1000,
      compared: `+${extraMs.toFixed(2)} ms`,
      ...budget(extraMs, '<=', extraMsMax, 'ms'),
    });
  }
  await Promise.all([ours.stop(), bare.stop()]);
  return {
    title: 'Through the local stack, beside bare node:http',
    columns: [
      { key: 'what', title: 'measure' },
      { key: 'ours', title: 'Lyceum' },
      { key: 'bare', title: 'node:http' },
      { key: 'compared', title: 'compared' },
      ...budgetColumns,
    ],
    rows,
  };
}

async function assertSameAnswer(...targets: Target[]): Promise<void> {
  for (const { url, method, headers = {}, body } of targets) {
    const response = await fetch(url, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (text !== JSON.stringify(answer)) throw new Error(`${method} ${url}: ${response.status} ${text}`);
  }
}

await runBench('pipeline', async () => [await cpuPerCall(), await besideBareHttp()]);
