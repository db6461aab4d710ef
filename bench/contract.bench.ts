/** The three calls that clients of the assessment contract make most, beside a small Fastify service that does the same. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { rubric } from './grading/essay.ts';
import { type LoadResult, loadWith, type Target } from './load.ts';
import { startProgram, temporaryFolder } from './processes.ts';
import { type Product, startProduct } from './product.ts';
import { runBench, type Table } from './report.ts';
import { median } from './statistics.ts';

const rivalScript = fileURLToPath(new URL('./rivals/fastify.ts', import.meta.url));
const componentCount = 25;
const entryCount = 20;
const rounds = 3;
const roundSeconds = 2;
const warmUpSeconds = 2;
const connectionCounts = [1, 32, 256];

interface Component {
  comp_id: string;
}
interface Entry {
  entry_id: string;
}

function newEntry(compId: string) {
  return {
    flex_age_comp_id: compId,
    entry_title: 'Photosynthesis',
    instructions: '<p>Explain how plants make <b>sugar</b> from light.</p>',
    rubric_definition: rubric,
  };
}

/** Components and entries of one member of staff, made through the API, and the same data for the rival. */
async function makeCourses(product: Product, folder: string) {
  const staff = await product.register('bench-staff', 'configurator');
  const components: Component[] = [];
  for (let number = 1; number <= componentCount; number++) {
    const body = { comp_name: `Course ${number}`, general_instructions: '<p>Read before you write.</p>' };
    components.push(await product.call('POST', '/api/configure/flexagecomps/', staff.token, body));
  }
  const compId = components[0]?.comp_id ?? '';
  const entries: Entry[] = [];
  for (let number = 1; number <= entryCount; number++) {
    entries.push(await product.call('POST', '/api/configure/entries/', staff.token, newEntry(compId)));
  }
  const seedFile = join(folder, 'seed.json');
  const accounts = [{ user_id: staff.user_id, username: staff.username, role: staff.role }];
  writeFileSync(seedFile, JSON.stringify({ accounts, components, entries }));
  return { staff, compId, entryId: entries[0]?.entry_id ?? '', seedFile };
}

async function answerOf({ url, method, headers = {}, body }: Target): Promise<{ status: number; value: unknown }> {
  const response = await fetch(url, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, value: await response.json() };
}

const madeAnew = new Set(['entry_id', 'created_at', 'updated_at']);

function withoutNew(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([key]) => !madeAnew.has(key)));
}

/** A rival that answers something else, or refuses the token, would be measured at something else. */
async function assertSame(ours: Target, theirs: Target): Promise<void> {
  const [a, b] = await Promise.all([answerOf(ours), answerOf(theirs)]);
  const isCreate = ours.method === 'POST';
  const same = isCreate ? isDeepStrictEqual(withoutNew(a.value), withoutNew(b.value)) : isDeepStrictEqual(a, b);
  if (!same || a.status !== b.status) {
    throw new Error(`The answers differ:\n${JSON.stringify(a)}\n${JSON.stringify(b)}`);
  }
  const stranger = await answerOf({ ...theirs, headers: {} });
  if (stranger.status !== 401) throw new Error(`The rival answers ${stranger.status} without a token.`);
}

interface Pair {
  ours: LoadResult;
  theirs: LoadResult;
}

function rowOf(name: string, connections: number, pairs: readonly Pair[]): Table['rows'][number] {
  const of = (side: keyof Pair, field: keyof LoadResult) => median(pairs.map((pair) => pair[side][field]));
  return {
    what: name,
    connections,
    ours: of('ours', 'requestsPerS'),
    ours_p50: of('ours', 'p50Ms'),
    ours_p99: of('ours', 'p99Ms'),
    theirs: of('theirs', 'requestsPerS'),
    theirs_p50: of('theirs', 'p50Ms'),
    theirs_p99: of('theirs', 'p99Ms'),
    share: `${(median(pairs.map((pair) => pair.ours.requestsPerS / pair.theirs.requestsPerS)) * 100).toFixed(0)} %`,
  };
}

await runBench('contract', async () => {
  const folder = temporaryFolder();
  const product = await startProduct();
  const { staff, compId, entryId, seedFile } = await makeCourses(product, folder);
  const files = [seedFile, join(folder, 'rival.sqlite'), join(folder, 'rival.log')];
  const rival = await startProgram(rivalScript, { args: files });
  const headers = { authorization: `Bearer ${staff.token}` };
  const calls: { name: string; path: string; target: Omit<Target, 'url'> }[] = [
    { name: 'list components', path: '/api/configure/flexagecomps/', target: { method: 'GET', headers } },
    { name: 'get an entry', path: `/api/configure/entries/${entryId}`, target: { method: 'GET', headers } },
    {
      name: 'create an entry',
      path: '/api/configure/entries/',
      target: { method: 'POST', headers, body: newEntry(compId) },
    },
  ];
  const rows: Table['rows'] = [];
  for (const { name, path, target } of calls) {
    const ours = { ...target, url: product.url + path };
    const theirs = { ...target, url: rival.ready + path };
    await assertSame(ours, theirs);
    for (const one of [ours, theirs]) await loadWith(32, warmUpSeconds, one);
    for (const connections of connectionCounts) {
      const pairs: Pair[] = [];
      for (let round = 0; round < rounds; round++) {
        pairs.push({
          theirs: await loadWith(connections, roundSeconds, theirs),
          ours: await loadWith(connections, roundSeconds, ours),
        });
      }
      rows.push(rowOf(name, connections, pairs));
    }
  }
  await Promise.all([product.stop(), rival.stop()]);
  return [
    {
      title: 'Calls of the assessment contract, beside Fastify on node:sqlite',
      columns: [
        { key: 'what', title: 'call' },
        { key: 'connections', title: 'connections' },
        { key: 'ours', title: 'Lyceum req/s' },
        { key: 'ours_p50', title: 'p50 ms', digits: 1 },
        { key: 'ours_p99', title: 'p99 ms', digits: 1 },
        { key: 'theirs', title: 'Fastify req/s' },
        { key: 'theirs_p50', title: 'p50 ms', digits: 1 },
        { key: 'theirs_p99', title: 'p99 ms', digits: 1 },
        { key: 'share', title: 'compared' },
      ],
      rows,
    },
  ];
});
