import { randomUUID } from 'node:crypto';
import type { PatchOperation } from '@azure/cosmos';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Target } from './target.ts';
import { refusal, startTarget } from './target.ts';

let target: Target;
beforeAll(async () => {
  target = await startTarget();
});
afterAll(() => target.stop());

async function patched(item: Record<string, unknown>, operations: PatchOperation[], condition?: string) {
  const full = { id: randomUUID(), pk: randomUUID(), ...item };
  const plain = target.container('plain');
  await plain.items.create(full);
  const body = condition === undefined ? operations : { operations, condition };
  const { resource } = await plain.item(full.id, full.pk).patch(body);
  const { id: _id, pk: _pk, _rid, _self, _etag, _attachments, _ts, ...own } = resource ?? {};
  expect((await plain.item(full.id, full.pk).read()).resource).toEqual(resource);
  return own;
}

test('add inserts into arrays and sets properties', async () => {
  const operations: PatchOperation[] = [
    { op: 'add', path: '/list/0', value: 'first' },
    { op: 'add', path: '/list/-', value: 'last' },
    { op: 'add', path: '/deep/new', value: { x: 1 } },
  ];
  expect(await patched({ list: ['a'], deep: {} }, operations)).toEqual({
    list: ['first', 'a', 'last'],
    deep: { new: { x: 1 } },
  });
});

test('set overwrites elements and properties', async () => {
  const operations: PatchOperation[] = [
    { op: 'set', path: '/list/1', value: 'B' },
    { op: 'set', path: '/a~1b', value: 1 },
  ];
  expect(await patched({ list: ['a', 'b'] }, operations)).toEqual({ list: ['a', 'B'], 'a/b': 1 });
});

test('replace and remove need an existing target', async () => {
  const operations: PatchOperation[] = [
    { op: 'replace', path: '/a', value: 2 },
    { op: 'remove', path: '/b' },
    { op: 'remove', path: '/list/0' },
  ];
  expect(await patched({ a: 1, b: 1, list: [1, 2] }, operations)).toEqual({ a: 2, list: [2] });
  expect(await refusal(patched({}, [{ op: 'replace', path: '/a', value: 2 }]))).toMatchObject({ status: 400 });
  expect(await refusal(patched({}, [{ op: 'remove', path: '/a' }]))).toMatchObject({ status: 400 });
  expect(await refusal(patched({}, [{ op: 'set', path: '/a/b', value: 1 }]))).toMatchObject({ status: 400 });
});

test('incr adds, and starts from a missing property', async () => {
  const operations: PatchOperation[] = [
    { op: 'incr', path: '/n', value: 2 },
    { op: 'incr', path: '/m', value: -1.5 },
  ];
  expect(await patched({ n: 5 }, operations)).toEqual({ n: 7, m: -1.5 });
  expect(await refusal(patched({ n: 'x' }, [{ op: 'incr', path: '/n', value: 1 }]))).toMatchObject({ status: 400 });
});

test('move takes a value from one path to another', async () => {
  // The SDK types lack move, the service has it.
  const move = { op: 'move', from: '/a', path: '/deep/b' } as unknown as PatchOperation;
  expect(await patched({ a: { x: 1 }, deep: {} }, [move])).toEqual({ deep: { b: { x: 1 } } });
});

test('a patch is applied only when its condition holds', async () => {
  const set: PatchOperation[] = [{ op: 'set', path: '/state', value: 'done' }];
  expect(await patched({ state: 'open', n: 3 }, set, "from c where c.state = 'open' and c.n > 2")).toEqual({
    state: 'done',
    n: 3,
  });
  expect(await refusal(patched({ state: 'open', n: 3 }, set, 'from c where c.n > 3'))).toMatchObject({ status: 412 });
  expect(await refusal(patched({ state: 'open' }, set, 'from c where c.n > 3'))).toMatchObject({ status: 412 });
  expect(await refusal(patched({ state: 'open' }, set, 'where is my mind'))).toMatchObject({ status: 400 });
});

test('a patch of eleven operations, of the id or of the partition key is refused', async () => {
  const ten = Array.from({ length: 10 }, (_value, at): PatchOperation => ({ op: 'set', path: `/p${at}`, value: at }));
  expect(Object.keys(await patched({}, ten))).toHaveLength(10);
  expect(await refusal(patched({}, [...ten, { op: 'set', path: '/p10', value: 1 }]))).toMatchObject({ status: 400 });
  expect(await refusal(patched({}, [{ op: 'set', path: '/id', value: 'x' }]))).toMatchObject({ status: 400 });
  expect(await refusal(patched({}, [{ op: 'set', path: '/pk', value: 'x' }]))).toMatchObject({ status: 400 });
});

test('a patch of an absent item answers 404, and a failing operation leaves the item alone', async () => {
  const plain = target.container('plain');
  expect(await refusal(plain.item('none', 'none').patch([{ op: 'set', path: '/a', value: 1 }]))).toMatchObject({
    status: 404,
  });
  const item = { id: randomUUID(), pk: randomUUID(), a: 1 };
  const { etag } = await plain.items.create(item);
  const operations: PatchOperation[] = [
    { op: 'set', path: '/a', value: 2 },
    { op: 'remove', path: '/missing' },
  ];
  expect(await refusal(plain.item(item.id, item.pk).patch(operations))).toMatchObject({ status: 400 });
  const read = await plain.item(item.id, item.pk).read();
  expect(read.resource).toMatchObject({ a: 1 });
  expect(read.etag).toBe(etag);
});
