import { randomUUID } from 'node:crypto';
import { ChangeFeedStartFrom } from '@azure/cosmos';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Target } from './target.ts';
import { refusal, startTarget } from './target.ts';

let target: Target;
beforeAll(async () => {
  target = await startTarget();
});
afterAll(() => target.stop());

const ids = async (container: string, pk: string) =>
  (
    await target.container(container).items.query('SELECT VALUE c.id FROM c', { partitionKey: pk }).fetchAll()
  ).resources.sort();

test("items expire by the container's time or their own, and -1 keeps them", async () => {
  const expiring = target.container('expiring');
  const pk = randomUUID();
  await expiring.items.create({ id: 'default', pk });
  await expiring.items.create({ id: 'longer', pk, ttl: 60 });
  await expiring.items.create({ id: 'never', pk, ttl: -1 });
  expect(await ids('expiring', pk)).toEqual(['default', 'longer', 'never']);
  await target.pass(6500);
  expect(await ids('expiring', pk)).toEqual(['longer', 'never']);
  expect((await expiring.item('default', pk).read()).statusCode).toBe(404);
  expect(await refusal(expiring.item('default', pk).delete())).toMatchObject({ status: 404 });
  const feed = await expiring.items
    .getChangeFeedIterator({ changeFeedStartFrom: ChangeFeedStartFrom.Beginning(pk) })
    .readNext();
  expect(feed.result.map((item: { id: string }) => item.id)).toEqual(['longer', 'never']);
  expect((await expiring.items.create({ id: 'default', pk })).statusCode).toBe(201);
});

test('a write starts the time anew', async () => {
  const expiring = target.container('expiring');
  const pk = randomUUID();
  await expiring.items.create({ id: 'a', pk });
  await target.pass(3000);
  await expiring.items.upsert({ id: 'a', pk });
  await target.pass(3000);
  expect(await ids('expiring', pk)).toEqual(['a']);
});

test('with a default of -1 only items that ask for it expire; without a default ttl is an ordinary property', async () => {
  const pk = randomUUID();
  for (const container of ['expiring-on-demand', 'plain']) {
    await target.container(container).items.create({ id: 'asks', pk, ttl: 2 });
    await target.container(container).items.create({ id: 'stays', pk });
  }
  await target.pass(3500);
  expect(await ids('expiring-on-demand', pk)).toEqual(['stays']);
  expect(await ids('plain', pk)).toEqual(['asks', 'stays']);
  expect((await target.container('plain').item('asks', pk).read()).statusCode).toBe(200);
});

test('a ttl of 0, of a fraction or of text is refused', async () => {
  for (const ttl of [0, 1.5, -2, '5' as unknown as number]) {
    expect(await refusal(target.container('expiring').items.create({ id: 'x', pk: 'x', ttl }))).toMatchObject({
      status: 400,
    });
  }
});
