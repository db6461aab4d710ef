import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ChangeFeedStartFrom, CosmosClient } from '@azure/cosmos';
import { expect, test } from 'vitest';
import { startCosmos } from '../../../local/cosmos/server.ts';
import { definition } from './target.ts';

// Local only: nobody can kill the service's processes.
async function withDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'lyceum-cosmos-'));
  try {
    await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function startProcess(directory: string) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'durable-process.ts'), directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface(child.stdout), 'line');
  return { child, address: JSON.parse(String(line)) as { endpoint: string; key: string } };
}

function connect(address: { endpoint: string; key: string }) {
  const client = new CosmosClient({ ...address, connectionPolicy: { enableBackgroundEndpointRefreshing: false } });
  return { client, plain: client.database(definition.database).container('plain') };
}

test('every write that was acknowledged before kill -9 is there after a restart, and no batch is there by half', async () => {
  await withDirectory(async (directory) => {
    const acknowledged: string[] = [];
    for (let round = 0; round < 3; round += 1) {
      const { child, address } = await startProcess(directory);
      const { client, plain } = connect(address);
      let isAlive = true;
      const exited = once(child, 'exit');
      const writer = async (name: string) => {
        for (let n = 0; isAlive; n += 1) {
          const id = `${round}-${name}-${n}`;
          const pair = [`${id}-a`, `${id}-b`].map((each) => ({
            operationType: 'Create' as const,
            resourceBody: { id: each, pk: 'k' },
          }));
          const ids = n % 2 === 0 ? [id] : [`${id}-a`, `${id}-b`];
          const call = n % 2 === 0 ? plain.items.create({ id, pk: 'k' }) : plain.items.batch(pair, 'k');
          if (
            (await call.then(
              () => true,
              () => false,
            )) &&
            isAlive
          )
            acknowledged.push(...ids);
        }
      };
      const writers = ['x', 'y', 'z'].map(writer);
      while (acknowledged.length < (round + 1) * 60) await new Promise((resolve) => setTimeout(resolve, 5));
      child.kill('SIGKILL');
      await exited;
      isAlive = false;
      client.dispose();
      await Promise.all(writers);
    }
    const cosmos = await startCosmos({ port: 0, dataDir: directory, definition });
    const { client, plain } = connect(cosmos);
    const stored = new Set<string>(
      (await plain.items.query('SELECT VALUE c.id FROM c', { partitionKey: 'k' }).fetchAll()).resources,
    );
    expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
    for (const id of stored) if (id.endsWith('-a')) expect(stored).toContain(id.replace(/-a$/, '-b'));
    client.dispose();
    await cosmos.close();
  });
});

test('ETags, continuation and the position in the change feed outlive a restart, also after the last item is deleted', async () => {
  await withDirectory(async (directory) => {
    const first = await startCosmos({ port: 0, dataDir: directory, definition });
    const before = connect(first);
    const { etag } = await before.plain.items.create({ id: 'a', pk: 'k' });
    const { etag: deleted } = await before.plain.items.create({ id: 'b', pk: 'k' });
    const position = await before.plain.items
      .getChangeFeedIterator({ changeFeedStartFrom: ChangeFeedStartFrom.Beginning('k') })
      .readNext();
    await before.plain.item('b', 'k').delete();
    before.client.dispose();
    await first.close();

    const second = await startCosmos({ port: 0, dataDir: directory, definition });
    const after = connect(second);
    expect((await after.plain.item('a', 'k').read()).etag).toBe(etag);
    const again = await after.plain.items.create({ id: 'b', pk: 'k' });
    expect(again.etag).not.toBe(deleted);
    const feed = await after.plain.items
      .getChangeFeedIterator({ changeFeedStartFrom: ChangeFeedStartFrom.Continuation(position.continuationToken) })
      .readNext();
    expect(feed.result.map((item: { id: string }) => item.id)).toEqual(['b']);
    after.client.dispose();
    await second.close();
  });
});

test('a container whose partition key was changed in the definition is not opened', async () => {
  await withDirectory(async (directory) => {
    await (await startCosmos({ port: 0, dataDir: directory, definition })).close();
    const [container] = definition.containers;
    if (container === undefined) throw new Error('The definition has no container.');
    const changed = { ...definition, containers: [{ ...container, partitionKey: { paths: ['/other'] } }] };
    await expect(startCosmos({ port: 0, dataDir: directory, definition: changed })).rejects.toThrow('cannot change');
  });
});
