import { randomUUID } from 'node:crypto';
import type { JSONObject, OperationInput } from '@azure/cosmos';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Target } from './target.ts';
import { refusal, startTarget } from './target.ts';

let target: Target;
beforeAll(async () => {
  target = await startTarget();
});
afterAll(() => target.stop());

const create = (resourceBody: JSONObject): OperationInput => ({ operationType: 'Create', resourceBody });
const statuses = (response: { result?: { statusCode: number }[] | undefined }) =>
  response.result?.map((each) => each.statusCode);

describe('transactional batch', () => {
  test('all operations take effect together and answer in order', async () => {
    const plain = target.container('plain');
    const pk = randomUUID();
    await plain.items.create({ id: 'a', pk, n: 1 });
    const response = await plain.items.batch(
      [
        create({ id: 'b', pk }),
        { operationType: 'Upsert', resourceBody: { id: 'c', pk } },
        { operationType: 'Read', id: 'b' },
        { operationType: 'Replace', id: 'b', resourceBody: { id: 'b', pk, n: 2 } },
        { operationType: 'Patch', id: 'a', resourceBody: { operations: [{ op: 'incr', path: '/n', value: 1 }] } },
        { operationType: 'Delete', id: 'c' },
      ],
      pk,
    );
    expect(response.code).toBe(200);
    expect(statuses(response)).toEqual([201, 201, 200, 200, 200, 204]);
    expect(response.result?.[2]?.resourceBody).toMatchObject({ id: 'b' });
    expect(response.result?.[4]?.resourceBody).toMatchObject({ n: 2 });
    const { resources } = await plain.items
      .query('SELECT c.id, c.n FROM c ORDER BY c.id', { partitionKey: pk })
      .fetchAll();
    expect(resources).toEqual([
      { id: 'a', n: 2 },
      { id: 'b', n: 2 },
    ]);
  });

  test('when one operation fails nothing happens, and the others answer 424', async () => {
    const plain = target.container('plain');
    const pk = randomUUID();
    await plain.items.create({ id: 'taken', pk });
    const response = await plain.items.batch(
      [create({ id: 'x', pk }), create({ id: 'taken', pk }), create({ id: 'y', pk })],
      pk,
    );
    expect(response.code).toBe(207);
    expect(statuses(response)).toEqual([424, 409, 424]);
    const { resources } = await plain.items.query('SELECT VALUE c.id FROM c', { partitionKey: pk }).fetchAll();
    expect(resources).toEqual(['taken']);
  });

  test('an operation with an old ETag fails the batch with 412', async () => {
    const plain = target.container('plain');
    const pk = randomUUID();
    const { etag: old } = await plain.items.create({ id: 'a', pk });
    const { etag } = await plain.items.upsert({ id: 'a', pk, n: 1 });
    const replace = (ifMatch: string): OperationInput => ({
      operationType: 'Replace',
      id: 'a',
      resourceBody: { id: 'a', pk, n: 2 },
      ifMatch,
    });
    expect(statuses(await plain.items.batch([create({ id: 'b', pk }), replace(old)], pk))).toEqual([424, 412]);
    const done = await plain.items.batch([create({ id: 'b', pk }), replace(etag)], pk);
    expect(statuses(done)).toEqual([201, 200]);
    expect(done.result?.[1]?.eTag).not.toBe(etag);
  });

  test('a batch costs what its operations cost', async () => {
    const plain = target.container('plain');
    const pk = randomUUID();
    const single = (await plain.items.create({ id: 'a', pk })).requestCharge;
    const response = await plain.items.batch([create({ id: 'b', pk }), create({ id: 'c', pk })], pk);
    expect(Number(response.headers?.['x-ms-request-charge'])).toBeGreaterThan(single * 1.5);
  });

  test('a batch of 100 operations is accepted, of other keys or more than 2 MB refused', async () => {
    const plain = target.container('plain');
    const pk = randomUUID();
    const hundred = Array.from({ length: 100 }, (_value, at) => create({ id: `i${at}`, pk }));
    expect((await plain.items.batch(hundred, pk)).code).toBe(200);
    const other = await plain.items.batch([create({ id: 'z', pk: 'other' })], pk);
    expect(statuses(other)).toEqual([400]);
    const foreign: OperationInput = { operationType: 'Delete', id: 'i0', partitionKey: 'other' };
    expect(await refusal(plain.items.batch([foreign], pk))).toMatchObject({ status: 400 });
    const large = Array.from({ length: 3 }, (_value, at) => create({ id: `big${at}`, pk, text: 'x'.repeat(800_000) }));
    expect(await refusal(plain.items.batch(large, pk))).toMatchObject({ status: 413 });
  });

  test('a hierarchical key is one batch', async () => {
    const tree = target.container('tree');
    const school = randomUUID();
    const body = (id: string) => create({ id, school, student: 's' });
    expect(statuses(await tree.items.batch([body('a'), body('b')], [school, 's']))).toEqual([201, 201]);
  });
});

describe('bulk', () => {
  test('operations of many partitions succeed and fail one by one', async () => {
    const plain = target.container('plain');
    const [one, two] = [randomUUID(), randomUUID()];
    await plain.items.create({ id: 'a', pk: one });
    const results = await plain.items.executeBulkOperations([
      { operationType: 'Create', partitionKey: one, resourceBody: { id: 'a', pk: one } },
      { operationType: 'Create', partitionKey: two, resourceBody: { id: 'a', pk: two } },
      { operationType: 'Read', partitionKey: one, id: 'a' },
      { operationType: 'Delete', partitionKey: two, id: 'none' },
    ]);
    expect(results.map((each) => each.response?.statusCode ?? each.error?.code)).toEqual([409, 201, 200, 404]);
    expect(results[2]?.response?.resourceBody).toMatchObject({ pk: one });
  });

  test('the older bulk call works too', async () => {
    const plain = target.container('plain');
    const pk = randomUUID();
    const results = await plain.items.bulk([create({ id: 'a', pk }), create({ id: 'a', pk }), create({ id: 'b', pk })]);
    expect(results.map((each) => each.statusCode)).toEqual([201, 409, 201]);
  });
});
