import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Target } from './target.ts';
import { refusal, startTarget } from './target.ts';

let target: Target;
const pk = randomUUID();
beforeAll(async () => {
  target = await startTarget();
  for (const container of ['plain', 'lean'])
    await target.container(container).items.create({ id: '1', pk, kind: 'a', rank: 1, list: [1] });
});
afterAll(() => target.stop());

const inPartition = (query: string, container = 'plain') =>
  target.container(container).items.query(query, { partitionKey: pk }).fetchAll();

test.each([
  'SELECT * FROM c ORDER BY c.kind, c.rank',
  'SELECT * FROM c ORDER BY c.kind DESC, c.rank DESC',
  'SELECT * FROM c ORDER BY c.rank DESC, c.kind ASC',
  'SELECT * FROM c ORDER BY c.kind ASC, c.rank DESC, c.id ASC',
])('several properties without exactly their composite index: %s', async (query) => {
  const { status, message } = await refusal(inPartition(query));
  expect(status).toBe(400);
  expect(message).toContain('composite index');
});

test('ORDER BY a path that the policy excludes', async () => {
  expect(await refusal(inPartition('SELECT * FROM c ORDER BY c.rank', 'lean'))).toMatchObject({ status: 400 });
  expect((await inPartition('SELECT * FROM c ORDER BY c.kind', 'lean')).resources).toHaveLength(1);
  expect((await inPartition('SELECT * FROM c ORDER BY c._ts', 'lean')).resources).toHaveLength(1);
});

test.each([
  'SELEC * FROM c',
  'SELECT * FROM c WHERE',
  'SELECT * FROM c WHERE c.kind = ',
  'SELECT * FROM c WHERE c.kind == "a"',
  'SELECT c.kind FROM c WHERE d.kind = "a"',
  'SELECT * FROM c WHERE c.kind = @missing',
  'SELECT * FROM c WHERE NO_SUCH_FUNCTION(c.kind)',
  'SELECT * FROM c WHERE LENGTH(c.kind, 1) = 1',
  'SELECT * FROM c ORDER BY LOWER(c.kind)',
  'SELECT c.kind, COUNT(1) AS n FROM c',
  'SELECT c.rank FROM c GROUP BY c.kind',
  'SELECT * FROM c JOIN t IN c.list',
  'SELECT TOP -1 * FROM c',
  'SELECT * FROM c OFFSET 1',
  'SELECT * FROM c; DELETE FROM c',
  'SELECT * FROM c WHERE c.value = 1',
  'SELECT c.id, c.kind AS id FROM c',
])('a query that is not one: %s', async (query) => {
  expect(await refusal(inPartition(query))).toMatchObject({ status: 400 });
});

test('a continuation token of another query or of nobody', async () => {
  const plain = target.container('plain');
  await plain.items.create({ id: '2', pk, kind: 'b' });
  const page = await plain.items.query('SELECT * FROM c', { partitionKey: pk, maxItemCount: 1 }).fetchNext();
  const resume = (query: string, continuationToken: string) =>
    plain.items.query(query, { partitionKey: pk, continuationToken }).fetchNext();
  expect((await resume('SELECT * FROM c', page.continuationToken ?? '')).resources).toHaveLength(1);
  expect(await refusal(resume('SELECT c.id FROM c', page.continuationToken ?? ''))).toMatchObject({ status: 400 });
  expect(await refusal(resume('SELECT * FROM c', 'nonsense'))).toMatchObject({ status: 400 });
});

// The service answers more than the stand-in here; what matters is that the stand-in says so.
test.each([
  'SELECT DISTINCT VALUE c.kind FROM c',
  'SELECT c.kind, COUNT(1) AS n FROM c GROUP BY c.kind',
  'SELECT VALUE (SELECT VALUE 1) FROM c',
  'SELECT * FROM c WHERE c.rank & 1 = 1',
  'SELECT t FROM t IN c.list',
])('what only the service can do is refused clearly without a partition key: %s', async (query) => {
  if (target.local === undefined) return;
  const { status, message } = await refusal(target.container('plain').items.query(query).fetchAll());
  expect(status).toBe(400);
  expect(message).toMatch(/support|syntax/i);
});
