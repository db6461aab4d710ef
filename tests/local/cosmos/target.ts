import { randomUUID } from 'node:crypto';
import type { Container, ContainerDefinition as SdkDefinition } from '@azure/cosmos';
import { CosmosClient } from '@azure/cosmos';
import type { ContainersFile } from '../../../local/cosmos/definition.ts';
import type { CosmosHandle } from '../../../local/cosmos/server.ts';
import { startCosmos } from '../../../local/cosmos/server.ts';

const everything = {
  indexingMode: 'consistent',
  automatic: true,
  includedPaths: [{ path: '/*' }],
  excludedPaths: [{ path: '/"_etag"/?' }],
};

/** The containers of the conformance tests; `lean` indexes only what it names. */
export const definition: ContainersFile = {
  database: 'conformance',
  containers: [
    {
      id: 'plain',
      partitionKey: { paths: ['/pk'], kind: 'Hash', version: 2 },
      indexingPolicy: {
        ...everything,
        compositeIndexes: [
          [
            { path: '/kind', order: 'ascending' },
            { path: '/rank', order: 'descending' },
          ],
        ],
      },
    },
    {
      id: 'tree',
      partitionKey: { paths: ['/school', '/student'], kind: 'MultiHash', version: 2 },
      indexingPolicy: everything,
    },
    {
      id: 'unique',
      partitionKey: { paths: ['/pk'], kind: 'Hash', version: 2 },
      indexingPolicy: everything,
      uniqueKeyPolicy: { uniqueKeys: [{ paths: ['/email'] }] },
    },
    {
      id: 'expiring',
      partitionKey: { paths: ['/pk'], kind: 'Hash', version: 2 },
      indexingPolicy: everything,
      defaultTtl: 5,
    },
    {
      id: 'expiring-on-demand',
      partitionKey: { paths: ['/pk'], kind: 'Hash', version: 2 },
      indexingPolicy: everything,
      defaultTtl: -1,
    },
    {
      id: 'lean',
      partitionKey: { paths: ['/pk'], kind: 'Hash', version: 2 },
      indexingPolicy: {
        indexingMode: 'consistent',
        automatic: true,
        includedPaths: [{ path: '/kind/?' }],
        excludedPaths: [{ path: '/*' }],
      },
    },
  ],
};

export interface Target {
  client: CosmosClient;
  endpoint: string;
  database: string;
  container(id: string): Container;
  /** Lets time pass: by the injected clock here, by waiting in the cloud. */
  pass(ms: number): Promise<void>;
  /** The stand-in, absent in the cloud: for the few tests of what only it offers. */
  local: CosmosHandle | undefined;
  stop(): Promise<void>;
}

/** The stand-in, or the account that LYCEUM_CONFORMANCE_COSMOS_ENDPOINT and LYCEUM_CONFORMANCE_COSMOS_KEY name. */
export async function startTarget(): Promise<Target> {
  const endpoint = process.env['LYCEUM_CONFORMANCE_COSMOS_ENDPOINT'];
  const key = process.env['LYCEUM_CONFORMANCE_COSMOS_KEY'];
  return endpoint === undefined || key === undefined ? startLocal() : startCloud(endpoint, key);
}

async function startLocal(): Promise<Target> {
  let aheadMs = 0;
  const local = await startCosmos({
    port: 0,
    dataDir: ':memory:',
    definition,
    clock: { now: () => Date.now() + aheadMs },
  });
  const client = new CosmosClient({ endpoint: local.endpoint, key: local.key });
  return {
    client,
    endpoint: local.endpoint,
    database: definition.database,
    container: (id) => client.database(definition.database).container(id),
    pass: async (ms) => {
      aheadMs += ms;
    },
    local,
    stop: async () => {
      client.dispose();
      await local.close();
    },
  };
}

async function startCloud(endpoint: string, key: string): Promise<Target> {
  const client = new CosmosClient({ endpoint, key });
  const name = `${definition.database}-${randomUUID()}`;
  const { database } = await client.databases.create({ id: name });
  // The shape of the definition file is the shape of the service; the SDK only types its words as enums.
  for (const container of definition.containers)
    await database.containers.create(container as unknown as SdkDefinition);
  return {
    client,
    endpoint,
    database: name,
    container: (id) => database.container(id),
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    local: undefined,
    stop: async () => {
      await database.delete();
      client.dispose();
    },
  };
}

/** What a refused call answered. */
export async function refusal(call: Promise<unknown>): Promise<{ status: number; message: string }> {
  try {
    await call;
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    if (typeof cause === 'object' && cause !== null && 'code' in cause) {
      return { status: Number(cause.code), message: 'message' in cause ? String(cause.message) : '' };
    }
    throw error;
  }
  throw new Error('The call was not refused.');
}
