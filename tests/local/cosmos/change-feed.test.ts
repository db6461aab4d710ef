import { randomUUID } from 'node:crypto';
import type { ChangeFeedIteratorOptions, Container } from '@azure/cosmos';
import { ChangeFeedStartFrom } from '@azure/cosmos';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Target } from './target.ts';
import { refusal, startTarget } from './target.ts';

let target: Target;
beforeAll(async () => {
  target = await startTarget();
});
afterAll(() => target.stop());

/** Reads until the feed says that there is nothing new. */
async function drain(container: Container, options: ChangeFeedIteratorOptions) {
  const iterator = container.items.getChangeFeedIterator(options);
  const pages: string[][] = [];
  for (;;) {
    const page = await iterator.readNext();
    if (page.statusCode === 304) return { pages, ids: pages.flat(), token: page.continuationToken };
    pages.push(page.result.map((item: { id: string }) => item.id));
  }
}

test('from the beginning, every item comes once, in its latest version, in the order of the writes', async () => {
  const plain = target.container('plain');
  const pk = randomUUID();
  for (const id of ['a', 'b', 'c', 'd']) await plain.items.create({ id, pk, n: 1 });
  await plain.item('a', pk).patch([{ op: 'incr', path: '/n', value: 1 }]);
  await plain.item('c', pk).delete();
  const feed = await drain(plain, { changeFeedStartFrom: ChangeFeedStartFrom.Beginning(pk), maxItemCount: 2 });
  expect(feed.pages).toEqual([['b', 'd'], ['a']]);
  const iterator = plain.items.getChangeFeedIterator({ changeFeedStartFrom: ChangeFeedStartFrom.Beginning(pk) });
  expect((await iterator.readNext()).result).toMatchObject([{ id: 'b' }, { id: 'd' }, { id: 'a', n: 2 }]);
});

test('from now, only later writes come; nothing new answers 304', async () => {
  const plain = target.container('plain');
  const pk = randomUUID();
  await plain.items.create({ id: 'before', pk });
  const iterator = plain.items.getChangeFeedIterator({ changeFeedStartFrom: ChangeFeedStartFrom.Now(pk) });
  expect((await iterator.readNext()).statusCode).toBe(304);
  await plain.items.create({ id: 'after', pk });
  expect((await iterator.readNext()).result).toMatchObject([{ id: 'after' }]);
  expect((await iterator.readNext()).statusCode).toBe(304);
});

test('a continuation goes on exactly where it stopped, in another iterator', async () => {
  const plain = target.container('plain');
  const pk = randomUUID();
  await plain.items.create({ id: '1', pk });
  const first = await drain(plain, { changeFeedStartFrom: ChangeFeedStartFrom.Beginning(pk) });
  expect(first.ids).toEqual(['1']);
  await plain.items.create({ id: '2', pk });
  await plain.items.upsert({ id: '1', pk, again: true });
  const second = await drain(plain, { changeFeedStartFrom: ChangeFeedStartFrom.Continuation(first.token) });
  expect(second.ids).toEqual(['2', '1']);
  expect((await drain(plain, { changeFeedStartFrom: ChangeFeedStartFrom.Continuation(second.token) })).ids).toEqual([]);
});

test('the feed of the whole container and of its feed ranges has the writes of every partition', async () => {
  const tree = target.container('tree');
  for (let n = 0; n < 5; n += 1) await tree.items.create({ id: `i${n}`, school: 'x', student: `s${n}` });
  const whole = await drain(tree, { changeFeedStartFrom: ChangeFeedStartFrom.Beginning(), maxItemCount: 2 });
  expect(whole.ids.sort()).toEqual(['i0', 'i1', 'i2', 'i3', 'i4']);
  const byRange: string[] = [];
  for (const range of await tree.getFeedRanges())
    byRange.push(...(await drain(tree, { changeFeedStartFrom: ChangeFeedStartFrom.Beginning(range) })).ids);
  expect(byRange.sort()).toEqual(whole.ids.sort());
  const one = await drain(tree, { changeFeedStartFrom: ChangeFeedStartFrom.Beginning(['x', 's3']) });
  expect(one.ids).toEqual(['i3']);
  await tree.items.create({ id: 'late', school: 'y', student: 's' });
  expect((await drain(tree, { changeFeedStartFrom: ChangeFeedStartFrom.Continuation(whole.token) })).ids).toEqual([
    'late',
  ]);
});

test('from a point in time, earlier writes are left out', async () => {
  const plain = target.container('plain');
  const pk = randomUUID();
  await plain.items.create({ id: 'early', pk });
  await target.pass(3000);
  const { resource } = await plain.items.create({ id: 'late', pk });
  const since = new Date((Number(resource?.['_ts']) - 1) * 1000);
  expect((await drain(plain, { changeFeedStartFrom: ChangeFeedStartFrom.Time(since, pk) })).ids).toEqual(['late']);
});

test('an operation of a batch that was undone never comes, those of a successful one all do', async () => {
  const plain = target.container('plain');
  const pk = randomUUID();
  const create = (id: string) => ({ operationType: 'Create' as const, resourceBody: { id, pk } });
  await plain.items.batch([create('a'), create('a')], pk);
  await plain.items.batch([create('b'), create('c')], pk);
  expect((await drain(plain, { changeFeedStartFrom: ChangeFeedStartFrom.Beginning(pk) })).ids).toEqual(['b', 'c']);
});

// The service can cut key ranges; the stand-in has one and says so.
test('a prefix of a hierarchical key is refused by the stand-in', async () => {
  if (target.local === undefined) return;
  const iterator = target
    .container('tree')
    .items.getChangeFeedIterator({ changeFeedStartFrom: ChangeFeedStartFrom.Beginning(['x']) });
  expect(await refusal(iterator.readNext())).toMatchObject({
    status: 400,
    message: expect.stringContaining('not supported'),
  });
});
