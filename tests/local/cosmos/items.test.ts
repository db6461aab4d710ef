import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Target } from './target.ts';
import { refusal, startTarget } from './target.ts';

let target: Target;
beforeAll(async () => {
  target = await startTarget();
});
afterAll(() => target.stop());

const fresh = (more: Record<string, unknown> = {}) => ({ id: randomUUID(), pk: randomUUID(), ...more });
const ifMatch = (etag: string | undefined) => ({ accessCondition: { type: 'IfMatch', condition: etag ?? '' } });

describe('create, read, replace, upsert, delete', () => {
  test('a created item is read back with its system properties', async () => {
    const plain = target.container('plain');
    const item = fresh({ text: 'häßlich "quoted" \u2028 😀', deep: { list: [1, 2.5, null, true, { a: [] }] } });
    const created = await plain.items.create(item);
    expect(created.statusCode).toBe(201);
    const read = await plain.item(item.id, item.pk).read();
    expect(read.statusCode).toBe(200);
    expect(read.resource).toMatchObject(item);
    expect(read.resource).toEqual(created.resource);
    expect(read.resource._etag).toBe(read.etag);
    expect(Math.abs(read.resource._ts * 1000 - Date.now())).toBeLessThan(60_000);
    expect(read.resource._self).toContain(read.resource._rid);
  });

  test('an item is only found under its own partition key', async () => {
    const plain = target.container('plain');
    const item = fresh();
    await plain.items.create(item);
    const other = await plain.item(item.id, 'another').read();
    expect(other.statusCode).toBe(404);
    expect(other.resource).toBeUndefined();
    expect(await refusal(plain.item(item.id, 'another').replace(item))).toMatchObject({ status: 400 });
    expect(await refusal(plain.item(item.id, 'another').delete())).toMatchObject({ status: 404 });
    expect((await plain.item(item.id, item.pk).read()).statusCode).toBe(200);
  });

  test('a second create of an id in one logical partition is a conflict, in another it is not', async () => {
    const plain = target.container('plain');
    const item = fresh({ n: 1 });
    await plain.items.create(item);
    expect(await refusal(plain.items.create({ ...item, n: 2 }))).toMatchObject({ status: 409 });
    expect((await plain.item(item.id, item.pk).read()).resource).toMatchObject({ n: 1 });
    await plain.items.create({ ...item, pk: randomUUID() });
  });

  test('a replace swaps the whole item and keeps its _rid, an upsert creates or replaces', async () => {
    const plain = target.container('plain');
    const item = fresh({ old: true });
    const created = await plain.items.upsert(item);
    expect(created.statusCode).toBe(201);
    const replaced = await plain.item(item.id, item.pk).replace({ id: item.id, pk: item.pk, next: 1 });
    expect(replaced.resource).toMatchObject({ next: 1 });
    expect(replaced.resource).not.toHaveProperty('old');
    expect(replaced.resource?._rid).toBe(created.resource?.['_rid']);
    const upserted = await plain.items.upsert({ id: item.id, pk: item.pk, last: 1 });
    expect(upserted.statusCode).toBe(200);
    expect((await plain.item(item.id, item.pk).read()).resource).not.toHaveProperty('next');
    expect(await refusal(plain.item(randomUUID(), item.pk).replace({ id: 'x', pk: item.pk }))).toMatchObject({
      status: expect.toBeOneOf([400, 404]),
    });
  });

  test('a deleted item is gone, and its id is free again', async () => {
    const plain = target.container('plain');
    const item = fresh();
    await plain.items.create(item);
    expect((await plain.item(item.id, item.pk).delete()).statusCode).toBe(204);
    expect((await plain.item(item.id, item.pk).read()).statusCode).toBe(404);
    expect((await plain.items.create(item)).statusCode).toBe(201);
  });

  test('partition keys of every type are kept apart, and a missing key is a key of its own', async () => {
    const plain = target.container('plain');
    const id = randomUUID();
    for (const pk of ['1', 1, true, 'true', null, 1.5]) await plain.items.create({ id, pk });
    await plain.items.create({ id });
    expect((await plain.item(id, 1).read()).resource.pk).toBe(1);
    expect((await plain.item(id, '1').read()).resource.pk).toBe('1');
    expect((await plain.item(id, true).read()).resource.pk).toBe(true);
    expect((await plain.item(id, null).read()).resource.pk).toBe(null);
    const none = await plain.item(id, undefined).read();
    expect(none.statusCode).toBe(200);
    expect(none.resource).not.toHaveProperty('pk');
  });
});

describe('ETags', () => {
  test('every write changes the ETag, and a write with an old one answers 412 and changes nothing', async () => {
    const plain = target.container('plain');
    const item = fresh({ n: 1 });
    const first = await plain.items.create(item);
    const handle = plain.item(item.id, item.pk);
    const second = await handle.replace({ ...item, n: 2 }, ifMatch(first.etag));
    expect(second.etag).not.toBe(first.etag);
    expect(await refusal(handle.replace({ ...item, n: 3 }, ifMatch(first.etag)))).toMatchObject({ status: 412 });
    expect(await refusal(handle.delete(ifMatch(first.etag)))).toMatchObject({ status: 412 });
    expect(await refusal(plain.items.upsert({ ...item, n: 3 }, ifMatch(first.etag)))).toMatchObject({ status: 412 });
    expect(await refusal(handle.patch([{ op: 'set', path: '/n', value: 3 }], ifMatch(first.etag)))).toMatchObject({
      status: 412,
    });
    expect((await handle.read()).resource).toMatchObject({ n: 2 });
    await handle.delete(ifMatch(second.etag));
  });

  test('a read with If-None-Match answers 304 until the item changes', async () => {
    const plain = target.container('plain');
    const item = fresh({ n: 1 });
    const { etag } = await plain.items.create(item);
    const handle = plain.item(item.id, item.pk);
    const ifChanged = { accessCondition: { type: 'IfNoneMatch', condition: etag } };
    expect((await handle.read(ifChanged)).statusCode).toBe(304);
    await handle.patch([{ op: 'incr', path: '/n', value: 1 }]);
    expect((await handle.read(ifChanged)).resource).toMatchObject({ n: 2 });
  });
});

describe('limits', () => {
  test('ids have at most 1,023 bytes and none of the forbidden characters', async () => {
    const plain = target.container('plain');
    const pk = randomUUID();
    await plain.items.create({ id: 'a'.repeat(255), pk });
    await plain.items.create({ id: "odd id: %20 ä 😀 'x' +&=", pk });
    expect((await plain.item("odd id: %20 ä 😀 'x' +&=", pk).read()).statusCode).toBe(200);
    expect(await refusal(plain.items.create({ id: 'a'.repeat(1024), pk }))).toMatchObject({ status: 400 });
    expect(await refusal(plain.items.create({ id: 'a?b', pk }))).toMatchObject({ status: 400 });
    expect(await refusal(plain.items.create({ id: '', pk }, { disableAutomaticIdGeneration: true }))).toMatchObject({
      status: 400,
    });
  });

  test('an item of more than 2 MB is refused, one just below is stored', async () => {
    const plain = target.container('plain');
    const below = fresh({ text: 'x'.repeat(2 * 1024 * 1024 - 2000) });
    expect((await plain.items.create(below)).statusCode).toBe(201);
    expect(await refusal(plain.items.create(fresh({ text: 'x'.repeat(2 * 1024 * 1024) })))).toMatchObject({
      status: 413,
    });
    expect(
      await refusal(plain.item(below.id, below.pk).patch([{ op: 'set', path: '/more', value: 'x'.repeat(4000) }])),
    ).toMatchObject({ status: 413 });
  });

  test('a partition key of more than 2,048 bytes is refused', async () => {
    const plain = target.container('plain');
    await plain.items.create({ id: 'x', pk: 'k'.repeat(2048) });
    expect(await refusal(plain.items.create({ id: 'x', pk: 'k'.repeat(2049) }))).toMatchObject({ status: 400 });
  });
});

describe('unique keys', () => {
  test('a unique key holds inside a logical partition, and a missing value counts once', async () => {
    const unique = target.container('unique');
    const pk = randomUUID();
    await unique.items.create({ id: '1', pk, email: 'a@example.org' });
    expect(await refusal(unique.items.create({ id: '2', pk, email: 'a@example.org' }))).toMatchObject({ status: 409 });
    await unique.items.create({ id: '2', pk, email: 'b@example.org' });
    expect(await refusal(unique.item('2', pk).replace({ id: '2', pk, email: 'a@example.org' }))).toMatchObject({
      status: 409,
    });
    await unique.items.create({ id: '1', pk: randomUUID(), email: 'a@example.org' });
    await unique.items.create({ id: '3', pk });
    expect(await refusal(unique.items.create({ id: '4', pk }))).toMatchObject({ status: 409 });
    await unique.item('1', pk).delete();
    await unique.item('2', pk).replace({ id: '2', pk, email: 'a@example.org' });
  });
});

describe('hierarchical partition keys', () => {
  test('an item needs the full key; a query takes the full key or a prefix', async () => {
    const tree = target.container('tree');
    const school = randomUUID();
    for (const student of ['s1', 's2', 's10']) await tree.items.create({ id: student, school, student });
    await tree.items.create({ id: 'near', school: `${school}x`, student: 's1' });
    expect((await tree.item('s1', [school, 's1']).read()).statusCode).toBe(200);
    expect((await tree.item('s1', [school, 's2']).read()).statusCode).toBe(404);
    expect(await refusal(tree.item('s1', [school]).delete())).toMatchObject({ status: 400 });
    const ids = async (partitionKey: string[]) =>
      (await tree.items.query('SELECT VALUE c.id FROM c', { partitionKey }).fetchAll()).resources.sort();
    expect(await ids([school])).toEqual(['s1', 's10', 's2']);
    expect(await ids([school, 's1'])).toEqual(['s1']);
    expect(await ids([randomUUID()])).toEqual([]);
  });
});

describe('request charge', () => {
  test('a point read costs one unit per started kilobyte', async () => {
    const plain = target.container('plain');
    const small = fresh();
    const big = fresh({ text: 'x'.repeat(3 * 1024) });
    await plain.items.create(small);
    await plain.items.create(big);
    expect((await plain.item(small.id, small.pk).read()).requestCharge).toBe(1);
    expect((await plain.item(big.id, big.pk).read()).requestCharge).toBeGreaterThan(1);
  });

  test('a write costs more with size and with every indexed property', async () => {
    const few = (await target.container('plain').items.create(fresh())).requestCharge;
    const large = (await target.container('plain').items.create(fresh({ text: 'x'.repeat(4000) }))).requestCharge;
    const properties = Object.fromEntries(Array.from({ length: 50 }, (_value, at) => [`p${at}`, at]));
    const many = (await target.container('plain').items.create(fresh(properties))).requestCharge;
    const lean = (await target.container('lean').items.create(fresh(properties))).requestCharge;
    expect(few).toBeGreaterThan(4);
    expect(large).toBeGreaterThan(few);
    expect(many).toBeGreaterThan(few);
    expect(lean).toBeLessThan(many);
  });
});
