import { once } from 'node:events';
import { createServer, request as forward } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCosmos } from '../../../local/cosmos/server.ts';
import { createCosmos } from '../../../shared/adapters/cosmos/client.ts';
import { defineQuery } from '../../../shared/adapters/cosmos/container.ts';
import { currentMeter } from '../../../shared/platform/meter.ts';

const indexingPolicy = {
  indexingMode: 'consistent',
  automatic: true,
  includedPaths: [{ path: '/*' }],
  excludedPaths: [],
};
const definition = {
  database: 'd',
  containers: [{ id: 'things', partitionKey: { paths: ['/pk'], kind: 'Hash', version: 2 }, indexingPolicy }],
};

/** Every request for documents that reached the database, by what it asked for. */
const seen: ('plan' | 'query')[] = [];
let cosmos: ReturnType<typeof createCosmos>;
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  const server = await startCosmos({ port: 0, dataDir: ':memory:', definition });
  const wire = createServer((incoming, answer) => {
    if (incoming.headers['x-ms-cosmos-is-query-plan-request'] !== undefined) seen.push('plan');
    else if (incoming.headers['x-ms-documentdb-isquery'] !== undefined) seen.push('query');
    const { method, url, headers } = incoming;
    const onwards = forward(new URL(url ?? '/', server.endpoint), { method, headers }, (reply) => {
      answer.writeHead(reply.statusCode ?? 500, reply.headers);
      reply.pipe(answer);
    });
    incoming.pipe(onwards);
  }).listen(0, '127.0.0.1');
  await once(wire, 'listening');
  const { port } = wire.address() as AddressInfo;
  const endpoint = `http://127.0.0.1:${port}/`;
  cosmos = createCosmos({
    endpoint,
    key: server.key,
    database: 'd',
    meter: currentMeter,
  });
  for (const pk of ['a', 'b']) await cosmos.container('things').create({ id: pk, pk }, pk);
  closing.push(
    () => cosmos.close(),
    () => wire.close(),
    () => wire.closeAllConnections(),
    () => server.close(),
  );
});

afterAll(async () => {
  for (const close of closing) await close();
});

const ordered = (scope: 'partition' | 'cross-partition') =>
  defineQuery({ name: scope, container: 'things', scope, text: 'SELECT * FROM c ORDER BY c.id', index: 'id' });

test('a query in one partition is one request: the plan that the client would drop is not asked for', async () => {
  seen.length = 0;
  const found = await cosmos
    .container('things')
    .query<{ id: string }>(ordered('partition'), { pk: 'a', parameters: [] });
  expect(found.map((one) => one.id)).toEqual(['a']);
  expect(seen).toEqual(['query']);
});

test('a query over all partitions is planned, and sorts over all of them', async () => {
  seen.length = 0;
  const options = { pk: 'cross-partition' as const, parameters: [] };
  const found = await cosmos.container('things').query<{ id: string }>(ordered('cross-partition'), options);
  expect(found.map((one) => one.id)).toEqual(['a', 'b']);
  expect(seen).toContain('plan');
});
