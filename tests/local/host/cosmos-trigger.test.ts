import { type Container, CosmosClient } from '@azure/cosmos';
import { app, type FunctionResult, type InvocationContext } from '@azure/functions';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type CosmosHandle, startCosmos } from '../../../local/cosmos/server.ts';
import { type Host, startHost } from '../../../local/host/start-host.ts';

interface Change {
  readonly id: string;
  readonly v: number;
}

const indexingPolicy = {
  automatic: true,
  indexingMode: 'consistent',
  includedPaths: [{ path: '/*' }],
  excludedPaths: [],
};
const definition = {
  database: 'db',
  containers: [
    { id: 'things', partitionKey: { paths: ['/pk'] }, indexingPolicy },
    { id: 'leases', partitionKey: { paths: ['/id'] }, indexingPolicy },
  ],
};

let cosmos: CosmosHandle;
let client: CosmosClient;
let things: Container;
let host: Host | undefined;
let batches: Change[][] = [];
let lines: string[] = [];
let isSetUp = false;

beforeEach(async () => {
  cosmos = await startCosmos({ port: 0, dataDir: ':memory:', definition });
  client = new CosmosClient({ endpoint: cosmos.endpoint, key: cosmos.key });
  things = client.database('db').container('things');
  batches = [];
  lines = [];
});

afterEach(async () => {
  await host?.close({ drainMs: 0 });
  host = undefined;
  client.dispose();
  await cosmos.close();
});

type Follow = (changes: Change[], context: InvocationContext) => FunctionResult;
const binding = {
  connection: 'Cosmos',
  databaseName: 'db',
  containerName: '%THINGS%',
  leaseContainerName: 'leases',
  leaseContainerPrefix: 'follow-',
  maxItemsPerInvocation: 2,
  feedPollDelay: 50,
  startFromBeginning: true,
};

async function start(follow: Follow = () => {}, options: object = {}, more: () => void = () => {}): Promise<void> {
  host = await startHost({
    port: 0,
    hostJson: {},
    settings: { Cosmos: `AccountEndpoint=${cosmos.endpoint};AccountKey=${cosmos.key};`, THINGS: 'things' },
    log: (line) => lines.push(line),
    load: async () => {
      if (!isSetUp) app.setup({ enableHttpStream: true });
      isSetUp = true;
      app.cosmosDB('follow', {
        ...binding,
        ...options,
        handler: (documents: unknown[], context: InvocationContext) => {
          const changes = documents.map((one) => {
            const id: unknown = Reflect.get(Object(one), 'id');
            return { id: String(id), v: Number(Reflect.get(Object(one), 'v')) };
          });
          batches.push(changes);
          return follow(changes, context);
        },
      });
      more();
    },
  });
}

const put = (id: string, v = 1) => things.items.upsert({ id, pk: 'p', v });
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const seen = () => batches.flat().map((one) => `${one.id}${one.v}`);

async function until(isSo: () => boolean, ms = 10_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!isSo()) {
    if (Date.now() > deadline)
      throw new Error(`It did not happen in time. ${JSON.stringify(batches)} ${lines.join('\n')}`);
    await pause(20);
  }
}

test('every change arrives, in order, in batches of at most maxItemsPerInvocation', async () => {
  for (const id of ['a', 'b', 'c', 'd', 'e']) await put(id);
  await start();
  await until(() => seen().length === 5);
  await put('a', 2);
  await until(() => seen().length === 6);
  expect(seen()).toEqual(['a1', 'b1', 'c1', 'd1', 'e1', 'a2']);
  expect(Math.max(...batches.map((one) => one.length))).toBe(2);
});

test('a host that starts again goes on where the last one stopped', async () => {
  await put('a');
  await start();
  await until(() => seen().length === 1);
  await pause(200);
  await host?.close();
  await put('b');
  await start();
  await until(() => seen().length === 2);
  await pause(200);
  expect(seen()).toEqual(['a1', 'b1']);
});

test('without startFromBeginning only what changed after the first start arrives, even what changed while no host ran', async () => {
  await put('old');
  await start(undefined, { startFromBeginning: false });
  await pause(500);
  await host?.close();
  await put('new');
  await start(undefined, { startFromBeginning: false });
  await until(() => seen().length === 1);
  expect(seen()).toEqual(['new1']);
});

test('a batch whose handler throws comes again, and nothing after it is skipped', async () => {
  let failures = 0;
  await put('a');
  await start(
    (changes) => {
      if (changes.some((one) => one.id === 'a') && failures++ < 2) throw new Error('not yet');
    },
    { maxItemsPerInvocation: 1 },
  );
  await put('b');
  await until(() => seen().at(-1) === 'b1');
  expect(seen().filter((one) => one === 'a1')).toHaveLength(3);
  expect(lines.some((line) => line.includes('skipped on Azure'))).toBe(true);
});

test('a retry policy that is used up skips the batch, as on Azure', async () => {
  await put('a');
  await start(
    (changes, context) => {
      expect(context.retryContext?.maxRetryCount).toBe(2);
      if (changes.some((one) => one.id === 'a')) throw new Error('never');
    },
    {
      retry: { strategy: 'fixedDelay', maxRetryCount: 2, delayInterval: { milliseconds: 1 } },
      maxItemsPerInvocation: 1,
    },
  );
  await put('b');
  await until(() => seen().at(-1) === 'b1');
  await pause(200);
  expect(seen()).toEqual(['a1', 'a1', 'a1', 'b1']);
});

test('a batch that was under way when the host went away comes again', async () => {
  await put('a');
  await start(() => new Promise(() => {}));
  await until(() => seen().length === 1);
  await host?.close({ drainMs: 0 });
  await start();
  await until(() => seen().length === 2);
  expect(seen()).toEqual(['a1', 'a1']);
});

test('two functions on one container each see every change when their prefixes differ', async () => {
  const other: unknown[] = [];
  await start(undefined, {}, () => {
    const handler = (documents: unknown[]) => void other.push(...documents);
    app.cosmosDB('other', { ...binding, leaseContainerPrefix: 'other-', handler });
  });
  await put('a');
  await until(() => seen().length === 1 && other.length === 1);
});

test('two functions with one lease are refused at load', async () => {
  const more = () => app.cosmosDB('other', { ...binding, handler: () => {} });
  await expect(start(undefined, {}, more)).rejects.toThrow(/leaseContainerPrefix/);
});

test('a database that went away is only a pause', async () => {
  await put('a');
  await start();
  await until(() => seen().length === 1);
  const { port } = cosmos;
  await cosmos.close();
  await pause(300);
  cosmos = await startCosmos({ port, dataDir: ':memory:', definition });
  await put('b');
  await until(() => seen().includes('b1'), 20_000);
}, 40_000);
