import { createHmac, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CosmosClient } from '@azure/cosmos';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCosmos } from '../../../local/cosmos/server.ts';
import type { Target } from './target.ts';
import { definition, refusal, startTarget } from './target.ts';

let target: Target;
beforeAll(async () => {
  target = await startTarget();
});
afterAll(() => target.stop());

test('a wrong key is refused with 401', async () => {
  const client = new CosmosClient({ endpoint: target.endpoint, key: Buffer.from('not the key').toString('base64') });
  const call = client.database(target.database).container('plain').item('a', 'a').read();
  expect(await refusal(call)).toMatchObject({ status: 401 });
  client.dispose();
});

test('databases and containers are read as they were defined', async () => {
  const database = target.client.database(target.database);
  expect((await database.read()).resource).toMatchObject({ id: target.database });
  const { resource } = await database.container('tree').read();
  expect(resource).toMatchObject({ id: 'tree', partitionKey: { paths: ['/school', '/student'], kind: 'MultiHash' } });
  expect((await database.container('expiring').read()).resource?.defaultTtl).toBe(5);
  const { resources } = await database.containers.readAll().fetchAll();
  expect(resources.map((each) => each.id).sort()).toEqual(definition.containers.map((each) => each.id).sort());
  const existing = await database.containers.createIfNotExists({ id: 'plain', partitionKey: '/pk' });
  expect(existing.statusCode).toBe(200);
  expect(await refusal(database.container('none').read())).toMatchObject({ status: 404 });
  expect(
    await refusal(database.container('none').items.query('SELECT * FROM c', { partitionKey: 'x' }).fetchAll()),
  ).toMatchObject({ status: 404 });
});

test('every answer carries a request charge, an activity id and a session token that advances with writes', async () => {
  const plain = target.container('plain');
  const first = await plain.items.create({ id: 'a', pk: randomUUID() });
  const second = await plain.items.create({ id: 'b', pk: randomUUID() });
  expect(first.requestCharge).toBeGreaterThan(0);
  expect(first.activityId).not.toBe(second.activityId);
  const lsn = (token: unknown) => Number(/#(\d+)/.exec(String(token))?.[1]);
  expect(lsn(second.headers['x-ms-session-token'])).toBeGreaterThan(lsn(first.headers['x-ms-session-token']));
  const read = await plain.item('a', 'missing').read({ sessionToken: String(second.headers['x-ms-session-token']) });
  expect(read.statusCode).toBe(404);
  expect(read.requestCharge).toBeGreaterThan(0);
});

test('readAll lists a container', async () => {
  const pk = randomUUID();
  await target.container('tree').items.create({ id: pk, school: pk, student: pk });
  const { resources } = await target.container('tree').items.readAll().fetchAll();
  expect(resources.map((item) => item.id)).toContain(pk);
});

// The service throttles by load and creates what it is told to: these rules are the stand-in's alone.
describe('only the stand-in', () => {
  test('nothing is created or deleted at run time', async () => {
    if (target.local === undefined) return;
    const database = target.client.database(target.database);
    expect(await refusal(target.client.databases.create({ id: 'new' }))).toMatchObject({ status: 403 });
    expect(await refusal(database.containers.createIfNotExists({ id: 'new', partitionKey: '/pk' }))).toMatchObject({
      status: 403,
    });
    expect(await refusal(database.container('plain').delete())).toMatchObject({ status: 403 });
  });

  test('throttled requests answer 429, and the SDK waits as told and succeeds', async () => {
    if (target.local === undefined) return;
    target.local.throttleNext(2, 60);
    const before = Date.now();
    const created = await target.container('plain').items.create({ id: 'a', pk: randomUUID() });
    expect(created.statusCode).toBe(201);
    expect(created.headers['x-ms-throttle-retry-count']).toBe(2);
    expect(Date.now() - before).toBeGreaterThanOrEqual(115);
  });

  test('a client that may not retry sees the 429 with its delay', async () => {
    if (target.local === undefined) return;
    const { endpoint, key } = target.local;
    const client = new CosmosClient({
      endpoint,
      key,
      connectionPolicy: {
        retryOptions: { maxRetryAttemptCount: 0, fixedRetryIntervalInMilliseconds: 0, maxWaitTimeInSeconds: 1 },
      },
    });
    const plain = client.database(target.database).container('plain');
    await plain.items.query('SELECT * FROM c', { partitionKey: 'x' }).fetchAll();
    target.local.throttleNext(1, 1234);
    const call = plain.items.query('SELECT * FROM c', { partitionKey: 'x' }).fetchAll();
    await expect(call).rejects.toMatchObject({ code: 429, retryAfterInMs: 1234 });
    client.dispose();
  });

  test('a signed request with a broken body, path or header is refused, never a 500', async () => {
    if (target.local === undefined) return;
    const { endpoint, key } = target.local;
    const link = `dbs/${target.database}/colls/plain`;
    const send = async (method: string, isFeed: boolean, headers: Record<string, string>, body?: string) => {
      const date = new Date().toUTCString();
      const resource = isFeed ? link : `${link}/docs/a`;
      const text = `${method.toLowerCase()}\ndocs\n${resource}\n${date.toLowerCase()}\n\n`;
      const signature = createHmac('sha256', Buffer.from(key, 'base64')).update(text).digest('base64');
      const authorization = encodeURIComponent(`type=master&ver=1.0&sig=${signature}`);
      const all = { 'x-ms-date': date, authorization, 'x-ms-documentdb-partitionkey': '["a"]', ...headers };
      const answer = await fetch(`${endpoint}/${link}/docs${isFeed ? '' : '/a'}`, {
        method,
        headers: all,
        ...(body === undefined ? {} : { body }),
      });
      return answer.status;
    };
    const query = { 'x-ms-documentdb-isquery': 'true' };
    const batch = { 'x-ms-cosmos-is-batch-request': 'true', 'x-ms-cosmos-batch-atomic': 'true' };
    expect(await send('POST', true, {}, '{"id":"a","pk":"a"}')).toBe(201);
    expect(await send('GET', false, {})).toBe(200);
    for (const body of ['', '{"broken', 'null', '[]', '"text"', '{"id":7,"pk":"a"}']) {
      expect(await send('POST', true, {}, body)).toBe(400);
      expect(await send('PUT', false, {}, body)).toBe(400);
      expect(await send('PATCH', false, {}, body)).toBe(400);
      expect(await send('POST', true, query, body)).toBe(400);
      expect(await send('POST', true, batch, body)).toBe(400);
    }
    for (const pk of ['', '{', '[]', '["a","b"]', '[["a"]]', '[{"odd":1}]']) {
      expect(await send('GET', false, { 'x-ms-documentdb-partitionkey': pk })).toBe(400);
    }
    expect(await send('POST', true, query, '{"query":"SELECT * FROM c","parameters":7}')).toBe(400);
    expect(await send('POST', true, query, '{"query":"SELECT * FROM c","parameters":[{"name":"x"}]}')).toBe(400);
    expect(await send('POST', true, { ...query, 'x-ms-max-item-count': 'many' }, '{"query":"SELECT * FROM c"}')).toBe(
      400,
    );
    expect(await send('GET', true, { 'a-im': 'Incremental feed', 'if-none-match': 'odd' })).toBe(400);
    expect(await send('POST', true, {}, `{"id":"deep","pk":"a","x":${'['.repeat(2000)}${']'.repeat(2000)}}`)).toBe(400);
    const long = `SELECT * FROM c WHERE ${Array.from({ length: 3000 }, (_value, n) => `c.n = ${n}`).join(' OR ')}`;
    expect(await send('POST', true, query, JSON.stringify({ query: long }))).toBe(200);
    const sum = `SELECT * FROM c WHERE c.n = ${Array.from({ length: 3000 }, (_value, n) => n).join(' + ')}`;
    expect(await send('POST', true, query, JSON.stringify({ query: sum }))).toBe(400);
    const nested = `SELECT * FROM c WHERE ${'('.repeat(5000)}true${')'.repeat(5000)}`;
    expect(await send('POST', true, query, JSON.stringify({ query: nested }))).toBe(400);
    const list = `SELECT * FROM c WHERE c.n IN (${Array.from({ length: 3000 }, (_value, n) => n).join(', ')})`;
    expect(await send('POST', true, query, JSON.stringify({ query: list }))).toBe(200);
    expect((await fetch(`${endpoint}/dbs/%ZZ`)).status).toBe(400);
    expect((await fetch(`${endpoint}/dbs/x`)).status).toBe(401);
  });

  test('a second process cannot open the same data', async () => {
    if (target.local === undefined) return;
    const dataDir = await mkdtemp(join(tmpdir(), 'lyceum-cosmos-'));
    const first = await startCosmos({ port: 0, dataDir, definition });
    await expect(startCosmos({ port: 0, dataDir, definition })).rejects.toThrow('locked');
    await first.close();
    await rm(dataDir, { recursive: true });
  });
});
