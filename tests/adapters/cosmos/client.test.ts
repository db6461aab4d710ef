import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCosmos } from '../../../local/cosmos/server.ts';
import { createCosmos } from '../../../shared/adapters/cosmos/client.ts';
import { defineQuery } from '../../../shared/adapters/cosmos/container.ts';
import { CosmosError } from '../../../shared/adapters/cosmos/errors.ts';
import type { CosmosCall } from '../../../shared/adapters/cosmos/metering.ts';
import { currentMeter, withMeter } from '../../../shared/platform/meter.ts';

const indexingPolicy = {
  indexingMode: 'consistent',
  automatic: true,
  includedPaths: [{ path: '/*' }],
  excludedPaths: [],
};
const definition = {
  database: 'd',
  containers: [
    { id: 'platform', partitionKey: { paths: ['/pk'], kind: 'Hash', version: 2 }, indexingPolicy },
    { id: 'work', partitionKey: { paths: ['/course', '/student'], kind: 'MultiHash', version: 2 }, indexingPolicy },
  ],
};

interface Thing {
  id: string;
  pk: string;
  n: number;
  tags?: string[];
}

let server: Awaited<ReturnType<typeof startCosmos>>;
let cosmos: ReturnType<typeof createCosmos>;
const calls: CosmosCall[] = [];

beforeAll(async () => {
  server = await startCosmos({ port: 0, dataDir: ':memory:', definition });
  cosmos = createCosmos({ ...server, database: 'd', meter: currentMeter, onCall: (call) => calls.push(call) });
});

afterAll(async () => {
  await cosmos.close();
  await server.close();
});

const things = () => cosmos.container('platform');
const work = () => cosmos.container('work');
const thing = (id: string, pk: string, n = 0): Thing => ({ id, pk, n });

const inOrder = defineQuery({
  name: 'in-order',
  container: 'platform',
  scope: 'partition',
  text: 'SELECT * FROM c WHERE c.n >= @from ORDER BY c.n',
  index: 'n',
});
const everything = defineQuery({
  name: 'everything',
  container: 'work',
  scope: 'prefix',
  text: 'SELECT * FROM c',
  index: 'none',
});

describe('point operations', () => {
  test('what was created is read back with its ETag and nothing of the service', async () => {
    const { etag } = await things().create(thing('a', 'point', 1), 'point');
    expect(await things().read<Thing>('a', 'point')).toEqual({ id: 'a', pk: 'point', n: 1, _etag: etag });
  });

  test('nothing is read for an unknown id and for the wrong partition', async () => {
    await things().create(thing('here', 'p1'), 'p1');
    expect(await things().read('nope', 'p1')).toBeUndefined();
    expect(await things().read('here', 'p2')).toBeUndefined();
  });

  test('a missing container is a failure and never a missing document', async () => {
    const nowhere = cosmos.container('nowhere');
    const failure = { name: 'CosmosError', status: 503 };
    await expect(nowhere.read('a', 'p')).rejects.toMatchObject(failure);
    await expect(nowhere.remove('a', 'p')).rejects.toMatchObject(failure);
    await expect(nowhere.create(thing('a', 'p'), 'p')).rejects.toMatchObject(failure);
    await expect(nowhere.tryBatch('p', [{ op: 'remove', id: 'a' }])).rejects.toMatchObject(failure);
    await expect(nowhere.query(inOrder, { pk: 'p', parameters: [] })).rejects.toMatchObject(failure);
    await expect(cosmos.ping('nowhere')).rejects.toMatchObject(failure);
  });

  test('an id that is taken is 409', async () => {
    await things().create(thing('twice', 'p'), 'p');
    await expect(things().create(thing('twice', 'p', 2), 'p')).rejects.toMatchObject({
      name: 'CosmosError',
      status: 409,
    });
    expect(await things().read('twice', 'p')).toMatchObject({ n: 0 });
  });

  test('of two writers with one ETag the second gets 412', async () => {
    await things().create(thing('race', 'p'), 'p');
    const read = await things().read<Thing>('race', 'p');
    if (read === undefined) throw new Error('not there');
    const { etag } = await things().replace({ ...read, n: 1 }, 'p', read._etag);
    expect(etag).not.toBe(read._etag);
    await expect(things().replace({ ...read, n: 2 }, 'p', read._etag)).rejects.toMatchObject({ status: 412 });
    await expect(things().remove('race', 'p', read._etag)).rejects.toMatchObject({ status: 412 });
    expect(await things().read('race', 'p')).toMatchObject({ n: 1, _etag: etag });
    await expect(things().replace(thing('never', 'p'), 'p', etag)).rejects.toMatchObject({ status: 404 });
  });

  test('upsert creates and overwrites', async () => {
    await things().upsert(thing('up', 'p', 1), 'p');
    const { etag } = await things().upsert(thing('up', 'p', 2), 'p');
    expect(await things().read('up', 'p')).toMatchObject({ n: 2, _etag: etag });
  });

  test('remove tells whether there was something to remove', async () => {
    await things().create(thing('bye', 'p'), 'p');
    expect(await things().remove('bye', 'p')).toBe(true);
    expect(await things().remove('bye', 'p')).toBe(false);
    expect(await things().read('bye', 'p')).toBeUndefined();
  });

  test('a patch changes fields when its condition and ETag hold, and nothing otherwise', async () => {
    const { etag } = await things().create({ ...thing('patch', 'p', 1), tags: ['x'] }, 'p');
    const patched = await things().patch(
      'patch',
      'p',
      [
        { op: 'incr', path: '/n', value: 4 },
        { op: 'add', path: '/tags/-', value: 'y' },
        { op: 'set', path: '/extra', value: { deep: true } },
      ],
      { condition: 'from c where c.n = 1', etag },
    );
    expect(await things().read('patch', 'p')).toMatchObject({
      n: 5,
      tags: ['x', 'y'],
      extra: { deep: true },
      _etag: patched.etag,
    });
    const remove = [{ op: 'remove', path: '/extra' }] as const;
    await expect(things().patch('patch', 'p', remove, { condition: 'from c where c.n = 1' })).rejects.toMatchObject({
      status: 412,
    });
    await expect(things().patch('patch', 'p', remove, { etag })).rejects.toMatchObject({ status: 412 });
    await expect(things().patch('missing', 'p', remove)).rejects.toMatchObject({ status: 404 });
    expect(await things().read('patch', 'p')).toMatchObject({ n: 5, extra: { deep: true } });
  });

  test('a document over 2 MB is 413', async () => {
    const large = { ...thing('large', 'p'), tags: ['x'.repeat(2_200_000)] };
    await expect(things().create(large, 'p')).rejects.toMatchObject({ name: 'CosmosError', status: 413 });
  });
});

describe('batches', () => {
  test('all operations take place together', async () => {
    await things().create(thing('old', 'batch'), 'batch');
    await things().create(thing('out', 'batch'), 'batch');
    const { etag } = await things().upsert(thing('swap', 'batch', 1), 'batch');
    const refusal = await things().tryBatch('batch', [
      { op: 'create', doc: thing('new', 'batch') },
      { op: 'upsert', doc: thing('up', 'batch', 3) },
      { op: 'replace', doc: thing('swap', 'batch', 2), etag },
      { op: 'patch', id: 'old', operations: [{ op: 'set', path: '/n', value: 9 }], condition: 'from c where c.n = 0' },
      { op: 'remove', id: 'out' },
    ]);
    expect(refusal).toBeUndefined();
    const all = await things().query<Thing>(inOrder, { pk: 'batch', parameters: [{ name: '@from', value: 0 }] });
    expect(all.map(({ id, n }) => `${id}${n}`)).toEqual(['new0', 'swap2', 'up3', 'old9']);
  });

  test.each([
    ['an id that is taken', { op: 'create', doc: thing('taken', 'refused') } as const, 409],
    ['an old ETag', { op: 'replace', doc: thing('taken', 'refused', 5), etag: '"old"' } as const, 412],
    ['a missing document', { op: 'remove', id: 'missing' } as const, 404],
  ])('%s refuses the whole batch and names the operation', async (_name, operation, status) => {
    await things().upsert(thing('taken', 'refused'), 'refused');
    const refusal = await things().tryBatch('refused', [{ op: 'create', doc: thing('first', 'refused') }, operation]);
    expect(refusal).toEqual({ index: 1, status });
    expect(await things().read('first', 'refused')).toBeUndefined();
  });

  test('a batch that fails for another reason is thrown', async () => {
    await things().upsert(thing('there', 'big'), 'big');
    const impossible = { op: 'patch', id: 'there', operations: [{ op: 'remove', path: '/none' }] } as const;
    await expect(things().tryBatch('big', [impossible])).rejects.toMatchObject({ name: 'CosmosError', status: 400 });
    const large = { ...thing('large', 'big'), tags: ['x'.repeat(2_200_000)] };
    await expect(things().tryBatch('big', [{ op: 'create', doc: large }])).rejects.toMatchObject({
      name: 'CosmosError',
      status: 413,
    });
  });
});

describe('queries', () => {
  const doc = (course: string, student: string, id: string) => ({ id, course, student });

  test('a query sees the key that it is given: the full one, the first level, or all', async () => {
    for (const [course, student, id] of [
      ['c1', 's1', 'a'],
      ['c1', 's2', 'b'],
      ['c2', 's1', 'c'],
    ] as const) {
      await work().create(doc(course, student, id), [course, student]);
    }
    const ids = async (pk: 'cross-partition' | string[]) =>
      (await work().query<{ id: string }>(everything, { pk, parameters: [] })).map(({ id }) => id).sort();
    expect(await ids(['c1', 's1'])).toEqual(['a']);
    expect(await ids(['c1'])).toEqual(['a', 'b']);
    expect(await ids('cross-partition')).toEqual(['a', 'b', 'c']);
    expect(await work().read('a', ['c1', 's1'])).toMatchObject({ student: 's1' });
  });

  test('results of many pages come complete and in order, with their ETags', async () => {
    for (let batch = 0; batch < 25; batch += 1) {
      const docs = Array.from({ length: 100 }, (_, i) => ({
        op: 'create' as const,
        doc: thing(`t${batch}-${i}`, 'many', batch * 100 + i),
      }));
      await things().tryBatch('many', docs);
    }
    const all = await things().query<Thing>(inOrder, { pk: 'many', parameters: [{ name: '@from', value: 10 }] });
    expect(all.map(({ n }) => n)).toEqual(Array.from({ length: 2_490 }, (_, i) => i + 10));
    expect(all[0]).toHaveProperty('_etag', expect.stringMatching(/./));
    expect(all[0]).not.toHaveProperty('_rid');
  });

  test('more results than a query may have are an error and not a cut', async () => {
    for (let batch = 0; batch < 101; batch += 1) {
      const doc = (i: number) => thing(`t${batch}-${i}`, 'flood', batch);
      const refusal = await things().tryBatch(
        'flood',
        Array.from({ length: 100 }, (_, i) => ({ op: 'create' as const, doc: doc(i) })),
      );
      expect(refusal).toBeUndefined();
    }
    const flood = (from: number) =>
      things().query(inOrder, { pk: 'flood', parameters: [{ name: '@from', value: from }] });
    await expect(flood(0)).rejects.toThrow(RangeError);
    expect(await flood(1)).toHaveLength(10_000);
  });

  test('values that are no documents come as they are, and lists can be parameters', async () => {
    await things().create(thing('v1', 'values', 1), 'values');
    await things().create(thing('v2', 'values', 2), 'values');
    const count = defineQuery({
      ...inOrder,
      name: 'count',
      text: 'SELECT VALUE c.n FROM c WHERE ARRAY_CONTAINS(@ids, c.id)',
    });
    expect(await things().query(count, { pk: 'values', parameters: [{ name: '@ids', value: ['v2', 'v3'] }] })).toEqual([
      2,
    ]);
  });

  test('a query that the service refuses is a CosmosError with its status', async () => {
    const broken = defineQuery({ ...inOrder, text: 'SELEKT * FROM c' });
    await expect(things().query(broken, { pk: 'p', parameters: [] })).rejects.toMatchObject({
      name: 'CosmosError',
      status: 400,
    });
  });
});

describe('metering', () => {
  test('each operation adds its calls and request units to the invocation it runs in, and to no other', async () => {
    await things().create(thing('m', 'meter', 1), 'meter');
    const [first, second] = await Promise.all([
      withMeter(async (counters) => {
        await things().read('m', 'meter');
        await things().read('missing', 'meter');
        return counters;
      }),
      withMeter(async (counters) => {
        await things().tryBatch('meter', [{ op: 'upsert', doc: thing('m2', 'meter') }]);
        await things()
          .create(thing('m', 'meter'), 'meter')
          .catch(() => undefined);
        await things().query(inOrder, { pk: 'meter', parameters: [{ name: '@from', value: 0 }] });
        return counters;
      }),
    ]);
    expect(first).toMatchObject({ cosmos_calls: 2, tokens_in: 0, tokens_out: 0, cost_micro_usd: 0 });
    expect(second.cosmos_calls).toBe(3);
    expect(first.request_units).toBeGreaterThanOrEqual(2);
    expect(second.request_units).toBeGreaterThan(first.request_units);
    expect(currentMeter()).toBeUndefined();
  });

  test('what the SDK has to learn about a container first is not counted', async () => {
    const fresh = createCosmos({ ...server, database: 'd', meter: currentMeter });
    const container = fresh.container('work');
    const counted = (operation: () => Promise<unknown>) =>
      withMeter(async (counters) => {
        await operation();
        return counters.cosmos_calls;
      });
    expect(await counted(() => container.create({ id: 'x', course: 'm', student: 's' }, ['m', 's']))).toBe(1);
    expect(await counted(() => container.query(everything, { pk: 'cross-partition', parameters: [] }))).toBe(1);
    expect(await counted(() => container.query(everything, { pk: ['m'], parameters: [] }))).toBe(1);
    expect(await counted(() => container.tryBatch(['m', 's'], [{ op: 'remove', id: 'x' }]))).toBe(1);
    await fresh.close();
  });

  test('a query of three pages is three calls', async () => {
    const { cosmos_calls } = await withMeter(async (counters) => {
      await things().query(inOrder, { pk: 'many', parameters: [{ name: '@from', value: 0 }] });
      return counters;
    });
    expect(cosmos_calls).toBe(3);
  });

  test('each operation is reported with its container, status and cost', async () => {
    calls.length = 0;
    await things().read('missing', 'told');
    await things().create(thing('told', 'told'), 'told');
    await things()
      .create(thing('told', 'told'), 'told')
      .catch(() => undefined);
    expect(calls).toEqual([
      expect.objectContaining({ container: 'platform', operation: 'read', status: 200, calls: 1 }),
      expect.objectContaining({ container: 'platform', operation: 'create', status: 200, calls: 1 }),
      expect.objectContaining({ container: 'platform', operation: 'create', status: 409, calls: 1 }),
    ]);
    for (const call of calls) expect(call.requestUnits).toBeGreaterThan(0);
  });
});

describe('trouble', () => {
  test('a ping succeeds, and fails fast when nobody is there', async () => {
    await expect(cosmos.ping()).resolves.toBeUndefined();
    const nobody = createCosmos({ endpoint: 'http://127.0.0.1:1/', key: 'a2V5', database: 'd', meter: currentMeter });
    const startedMs = Date.now();
    await expect(nobody.ping()).rejects.toMatchObject({ name: 'CosmosError', status: 503 });
    await expect(nobody.container('platform').read('a', 'p')).rejects.toMatchObject({ status: 503 });
    await expect(nobody.container('platform').tryBatch('p', [{ op: 'remove', id: 'a' }])).rejects.toMatchObject({
      status: 503,
    });
    expect(Date.now() - startedMs).toBeLessThan(3_000);
  });

  test('a service that goes away fails the next operation at once', async () => {
    const mortal = await startCosmos({ port: 0, dataDir: ':memory:', definition });
    const client = createCosmos({ ...mortal, database: 'd', meter: currentMeter });
    await client.container('platform').create(thing('a', 'p'), 'p');
    await mortal.close();
    const startedMs = Date.now();
    await expect(client.container('platform').read('a', 'p')).rejects.toMatchObject({ status: 503 });
    expect(Date.now() - startedMs).toBeLessThan(2_000);
    await client.close();
  });

  test('the waits between tries count towards the time limit', async () => {
    const client = createCosmos({ ...server, database: 'd', meter: currentMeter, operationTimeoutMs: 500 });
    await client.container('platform').read('warm', 'up');
    server.throttleNext(1, 3_000);
    const startedMs = Date.now();
    await expect(client.container('platform').read('a', 'p')).rejects.toMatchObject({
      name: 'CosmosError',
      status: 408,
    });
    expect(Date.now() - startedMs).toBeLessThan(2_000);
    await client.close();
  });

  test('a service that never answers is 408 within the time limit', async () => {
    const silent = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    // A server that listens on TCP has an address with a port.
    const { port } = silent.address() as AddressInfo;
    const endpoint = `http://127.0.0.1:${port}/`;
    const client = createCosmos({ endpoint, key: 'a2V5', database: 'd', meter: currentMeter, operationTimeoutMs: 400 });
    const startedMs = Date.now();
    await expect(client.container('platform').read('a', 'p')).rejects.toMatchObject({
      name: 'CosmosError',
      status: 408,
    });
    await expect(client.container('platform').create(thing('a', 'p'), 'p')).rejects.toMatchObject({ status: 408 });
    await expect(client.ping('platform', 200)).rejects.toMatchObject({ status: 408 });
    expect(Date.now() - startedMs).toBeLessThan(3_000);
    silent.close();
  });

  test('a throttled request is repeated after the wait that the service asks for, and each try is counted', async () => {
    await things().create(thing('slow', 'p'), 'p');
    server.throttleNext(2, 30);
    const counters = await withMeter(async (meter) => {
      expect(await things().read('slow', 'p')).toMatchObject({ id: 'slow' });
      return meter;
    });
    expect(counters.cosmos_calls).toBe(3);
  });

  test('throttling that does not end is 429 with the time to wait', async () => {
    const throttleRetries = { countMax: 1, waitMaxS: 1 };
    const client = createCosmos({ ...server, database: 'd', meter: currentMeter, throttleRetries });
    const container = client.container('platform');
    await container.read('warm', 'up');
    for (const attempt of [
      () => container.read('slow', 'p'),
      () => container.create(thing('s', 'p'), 'p'),
      () => container.tryBatch('p', [{ op: 'create', doc: thing('s', 'p') }]),
      () => container.query(inOrder, { pk: 'p', parameters: [{ name: '@from', value: 0 }] }),
    ]) {
      server.throttleNext(2, 1_100);
      const trouble = { name: 'CosmosError', status: 429, retryAfterS: 2 };
      await expect(attempt()).rejects.toMatchObject(trouble);
    }
    expect(await container.read('s', 'p')).toBeUndefined();
    await client.close();
  });

  test('errors name the operation and hold nothing of the document', async () => {
    const secret = { ...thing('secret', 'quiet'), tags: ['what the student wrote'] };
    await things().create(secret, 'quiet');
    const error = await things()
      .create(secret, 'quiet')
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(CosmosError);
    expect(String(error)).toBe('CosmosError: Cosmos create on platform failed with status 409.');
  });
});
