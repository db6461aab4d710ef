import { randomUUID } from 'node:crypto';
import type { JSONValue } from '@azure/cosmos';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Target } from './target.ts';
import { startTarget } from './target.ts';

let target: Target;
const pk = randomUUID();
const documents = [
  {
    id: '1',
    kind: 'book',
    rank: 3,
    price: 10,
    title: 'Äpfel und Birnen',
    tags: ['a', 'b'],
    parts: [{ n: 1, ok: true }, { n: 2 }],
    deep: { a: { b: [{ 'x y': 7 }] } },
  },
  { id: '2', kind: 'book', rank: 1, price: 2.5, title: 'bread', tags: [], note: null },
  { id: '3', kind: 'film', rank: 2, price: '10', title: 'Cinema 100%', tags: ['b'], parts: [{ n: 2, ok: false }] },
  { id: '4', kind: 'film', rank: 9, title: 'dune_two', tags: 'b', flag: true, note: 'x' },
  { id: '5', kind: 'song', rank: 4, price: 10, title: 'Echo', flag: false, "it's": 1 },
];

beforeAll(async () => {
  target = await startTarget();
  for (const document of documents) await target.container('plain').items.create({ ...document, pk });
  await target.container('plain').items.create({ id: 'elsewhere', pk: randomUUID(), kind: 'book', price: 10 });
});
afterAll(() => target.stop());

async function run(query: string, parameters: Record<string, JSONValue> = {}) {
  const list = Object.entries(parameters).map(([name, value]) => ({ name, value }));
  return (await target.container('plain').items.query({ query, parameters: list }, { partitionKey: pk }).fetchAll())
    .resources;
}

/** Ids of the documents that a condition selects. */
const where = async (condition: string, parameters: Record<string, JSONValue> = {}) =>
  (await run(`SELECT VALUE c.id FROM c WHERE ${condition}`, parameters)).sort().join('');

describe('SELECT', () => {
  test('star, list, aliases and VALUE shape the result; undefined properties are left out', async () => {
    expect(await run("SELECT * FROM c WHERE c.id = '2'")).toEqual([expect.objectContaining({ ...documents[1], pk })]);
    expect(await run('SELECT c.id, c.note AS remark, c.price * 2 AS twice FROM c WHERE c.id IN ("1", "2")')).toEqual([
      { id: '1', twice: 20 },
      { id: '2', remark: null, twice: 5 },
    ]);
    expect(await run('SELECT VALUE c.note FROM c')).toEqual([null, 'x']);
    expect(await run('SELECT VALUE {"name": c.title, "tags": [c.kind, c.none, 1]} FROM c WHERE c.id = "2"')).toEqual([
      { name: 'bread', tags: ['book', 1] },
    ]);
    expect(await run('SELECT books.id FROM products books WHERE books.kind = "song"')).toEqual([{ id: '5' }]);
    expect(await run('SELECT VALUE c.deep.a.b[0]["x y"] FROM c')).toEqual([7]);
    expect(await run('SELECT VALUE c["it\'s"] FROM c')).toEqual([1]);
  });

  test('TOP, OFFSET LIMIT and DISTINCT cut and fold', async () => {
    expect(await run('SELECT TOP 2 VALUE c.id FROM c ORDER BY c.id')).toEqual(['1', '2']);
    expect(await run('SELECT TOP @n VALUE c.id FROM c ORDER BY c.id DESC', { '@n': 1 })).toEqual(['5']);
    expect(await run('SELECT VALUE c.id FROM c ORDER BY c.id OFFSET 1 LIMIT @n', { '@n': 2 })).toEqual(['2', '3']);
    expect((await run('SELECT DISTINCT VALUE c.kind FROM c')).sort()).toEqual(['book', 'film', 'song']);
    expect(await run('SELECT DISTINCT c.kind, c.price FROM c WHERE c.price = 10')).toHaveLength(2);
  });

  test('JOIN gives one row per array element, and none where there is no array', async () => {
    expect(await run('SELECT c.id, t AS tag FROM c JOIN t IN c.tags')).toEqual([
      { id: '1', tag: 'a' },
      { id: '1', tag: 'b' },
      { id: '3', tag: 'b' },
    ]);
    expect(await run('SELECT VALUE p.n FROM c JOIN p IN c.parts JOIN t IN c.tags WHERE p.n = 2 AND t = "b"')).toEqual([
      2, 2,
    ]);
  });

  test('aggregates and GROUP BY', async () => {
    expect(await run('SELECT VALUE COUNT(1) FROM c')).toEqual([5]);
    expect(await run('SELECT VALUE COUNT(c.price) FROM c')).toEqual([4]);
    expect(await run('SELECT VALUE COUNT(1) FROM c WHERE c.kind = "none"')).toEqual([0]);
    expect(await run('SELECT VALUE SUM(c.rank) FROM c')).toEqual([19]);
    expect(await run('SELECT VALUE SUM(c.price) FROM c')).toEqual([]);
    expect(await run('SELECT MIN(c.title) AS low, MAX(c.rank) AS high, AVG(c.rank) AS mean FROM c')).toEqual([
      { low: 'Cinema 100%', high: 9, mean: 3.8 },
    ]);
    const groups = await run('SELECT c.kind, COUNT(1) AS n, SUM(c.rank) AS total FROM c GROUP BY c.kind');
    expect(groups.sort((a, b) => a.kind.localeCompare(b.kind))).toEqual([
      { kind: 'book', n: 2, total: 4 },
      { kind: 'film', n: 2, total: 11 },
      { kind: 'song', n: 1, total: 4 },
    ]);
  });

  test('ORDER BY sorts by type and then by value, one way or the other', async () => {
    expect(await run('SELECT VALUE c.id FROM c ORDER BY c.rank')).toEqual(['2', '3', '1', '5', '4']);
    expect(await run('SELECT VALUE c.id FROM c ORDER BY c.rank DESC')).toEqual(['4', '5', '1', '3', '2']);
    expect(await run('SELECT VALUE c.id FROM c ORDER BY c.price')).toEqual(['4', '2', '1', '5', '3']);
    expect(await run('SELECT VALUE c.id FROM c ORDER BY c.note')).toEqual(expect.arrayContaining(['2', '4']));
    expect((await run('SELECT VALUE c.id FROM c ORDER BY c.note')).slice(-2)).toEqual(['2', '4']);
    expect(await run('SELECT VALUE c.id FROM c ORDER BY c.kind ASC, c.rank DESC')).toEqual(['1', '2', '4', '3', '5']);
    expect(await run('SELECT VALUE c.id FROM c ORDER BY c.kind DESC, c.rank ASC')).toEqual(['5', '3', '4', '2', '1']);
  });
});

describe('WHERE', () => {
  test.each([
    ['c.price = 10', '15'],
    ['c.price = "10"', '3'],
    ['c.price > 2', '125'],
    ['c.note = null', '2'],
    ['IS_NULL(c.note)', '2'],
    ['IS_DEFINED(c.note)', '24'],
    ['NOT IS_DEFINED(c.note)', '135'],
    ['c.flag', '4'],
    ['NOT c.flag', '5'],
    ['c.none = c.none', ''],
    ['c.kind IN ("song", "film")', '345'],
    ['c.kind NOT IN ("song", "film")', '12'],
    ['c.rank BETWEEN 2 AND 4', '135'],
    ['c.title LIKE "%c%"', '5'],
    ['c.title LIKE "_r%"', '2'],
    ['c.title LIKE "%100!%" ESCAPE "!"', '3'],
    ['c.title NOT LIKE "%e%"', '5'],
    ['c.rank + 1 = 4 OR c.rank % 3 = 0', '14'],
    ['-c.rank = -4', '5'],
    ['c.kind || "s" = "films"', '34'],
    ['(c.price ?? 0) = 0', '4'],
    ['(c.flag ? 1 : 2) = 1', '4'],
    ['c.tags = ["b"]', '3'],
    ['c.parts[0] = {"ok": true, "n": 1}', '1'],
    ['c.deep.a.b[0]["x y"] = 7', '1'],
    ['c.title < "bread"', '35'],
    ['c.kind = "book" AND (c.rank = 1 OR c.rank = 9)', '2'],
    ['c.kind != "book" AND NOT (c.rank < 4)', '45'],
  ])('%s', async (condition, ids) => {
    expect(await where(condition)).toBe(ids);
  });

  test.each([
    ['ARRAY_CONTAINS(c.tags, "b")', '13'],
    ['ARRAY_CONTAINS(c.parts, {"n": 2})', '1'],
    ['ARRAY_CONTAINS(c.parts, {"n": 2}, true)', '13'],
    ['ARRAY_CONTAINS(["film", "song"], c.kind)', '345'],
    ['ARRAY_LENGTH(c.tags) = 0', '2'],
    ['CONTAINS(c.title, "E")', '5'],
    ['CONTAINS(c.title, "E", true)', '12345'],
    ['STARTSWITH(c.title, "C")', '3'],
    ['STARTSWITH(c.title, "D", true)', '4'],
    ['ENDSWITH(c.title, "two")', '4'],
    ['STRINGEQUALS(c.title, "ECHO", true)', '5'],
    ['LOWER(c.title) = "echo"', '5'],
    ['UPPER(c.title) = "ECHO"', '5'],
    ['LENGTH(c.title) = 4', '5'],
    ['CONCAT(c.kind, "-", c.title) = "song-Echo"', '5'],
    ['SUBSTRING(c.title, 1, 2) = "ch"', '5'],
    ['ABS(-c.rank) = 4', '5'],
    ['ROUND(c.price) = 3', '2'],
    ['FLOOR(c.price) = 2', '2'],
    ['CEILING(c.price) = 3', '2'],
    ['IS_STRING(c.tags)', '4'],
    ['IS_ARRAY(c.tags)', '123'],
    ['IS_NUMBER(c.price)', '125'],
    ['IS_BOOL(c.flag)', '45'],
    ['IS_OBJECT(c.deep)', '1'],
    ['EXISTS(SELECT VALUE t FROM t IN c.tags WHERE t = "b")', '13'],
    ['EXISTS(SELECT VALUE p FROM p IN c.parts WHERE p.n = 2 AND NOT IS_DEFINED(p.ok))', '1'],
    ['NOT EXISTS(SELECT VALUE t FROM t IN c.tags)', '245'],
  ])('%s', async (condition, ids) => {
    expect(await where(condition)).toBe(ids);
  });

  test('a parameter may have any name, also one that a server would choose for itself', async () => {
    for (const name of ['now', 'pk', 'pkEnd', 'limit', 'offset', 'after0']) {
      expect(await where(`c.kind = @${name}`, { [`@${name}`]: 'song' })).toBe('5');
    }
  });

  test('parameters stand for values of every type, and are never read as query text', async () => {
    expect(await where('c.price = @p', { '@p': 10 })).toBe('15');
    expect(await where('c.price = @p', { '@p': '10' })).toBe('3');
    expect(await where('c.note = @p', { '@p': null })).toBe('2');
    expect(await where('c.tags = @p', { '@p': ['b'] })).toBe('3');
    expect(await where('c.parts[1] = @p', { '@p': { n: 2 } })).toBe('1');
    expect(await where('ARRAY_CONTAINS(@p, c.kind)', { '@p': ['film', 'song'] })).toBe('345');
    expect(await where('c[@name] = "Echo"', { '@name': 'title' })).toBe('5');
    expect(await where('c.title = @p', { '@p': "x' OR '1' = '1" })).toBe('');
    expect(await where('c.title = @p', { '@p': 'Äpfel und Birnen' })).toBe('1');
  });
});

describe('paging', () => {
  test.each([
    ['SELECT VALUE c.id FROM c', 5],
    ['SELECT VALUE c.id FROM c ORDER BY c.price', 5],
    ['SELECT VALUE c.id FROM c ORDER BY c.note DESC', 5],
    ['SELECT VALUE c.id FROM c ORDER BY c.kind DESC, c.rank ASC', 5],
    ['SELECT TOP 3 VALUE c.id FROM c', 3],
    ['SELECT VALUE c.id FROM c ORDER BY c.rank OFFSET 1 LIMIT 3', 3],
    ['SELECT VALUE t FROM c JOIN t IN c.tags', 3],
    ['SELECT DISTINCT VALUE c.kind FROM c', 3],
  ])('the pages of %s are the whole result, also when resumed by a new iterator', async (query, count) => {
    const whole = await run(query);
    expect(whole).toHaveLength(count);
    const paged: unknown[] = [];
    let continuationToken: string | undefined;
    do {
      const iterator = target.container('plain').items.query(query, {
        partitionKey: pk,
        maxItemCount: 2,
        ...(continuationToken === undefined ? {} : { continuationToken }),
      });
      const page = await iterator.fetchNext();
      expect(page.resources.length).toBeLessThanOrEqual(2);
      paged.push(...page.resources);
      continuationToken = page.continuationToken;
    } while (continuationToken !== undefined);
    expect(paged).toEqual(whole);
  });

  test('items that come and go between pages neither hide nor repeat the others', async () => {
    const plain = target.container('plain');
    const key = randomUUID();
    for (const id of ['b', 'd', 'f', 'h']) await plain.items.create({ id, pk: key, rank: id });
    const iterator = plain.items.query('SELECT VALUE c.id FROM c ORDER BY c.rank', {
      partitionKey: key,
      maxItemCount: 2,
    });
    expect((await iterator.fetchNext()).resources).toEqual(['b', 'd']);
    await plain.items.create({ id: 'a', pk: key, rank: 'a' });
    await plain.item('b', key).delete();
    expect((await iterator.fetchNext()).resources).toEqual(['f', 'h']);
  });
});

describe('without a partition key', () => {
  const all = async (query: string) => (await target.container('tree').items.query(query).fetchAll()).resources;
  beforeAll(async () => {
    for (let n = 0; n < 25; n += 1)
      await target
        .container('tree')
        .items.create({ id: `i${n}`, school: `s${n % 3}`, student: `p${n}`, n, big: n > 20 });
  });

  test('a plain filter sees every partition', async () => {
    expect((await all('SELECT VALUE c.n FROM c WHERE c.big')).sort()).toEqual([21, 22, 23, 24]);
    expect(await all('SELECT c.id FROM c')).toHaveLength(25);
  });

  test('the SDK orders, cuts and counts through the query plan', async () => {
    const descending = Array.from({ length: 25 }, (_value, at) => 24 - at);
    expect(await all('SELECT VALUE c.n FROM c ORDER BY c.n DESC')).toEqual(descending);
    expect(await all('SELECT c.id, c.n AS number FROM c WHERE c.n < 3 ORDER BY c.n')).toEqual(
      [0, 1, 2].map((n) => ({ id: `i${n}`, number: n })),
    );
    expect(await all('SELECT * FROM c WHERE c.n = 7 OR c.n = 9 ORDER BY c.n DESC')).toMatchObject([{ n: 9 }, { n: 7 }]);
    expect(await all('SELECT TOP 4 VALUE c.n FROM c ORDER BY c.n')).toEqual([0, 1, 2, 3]);
    expect(await all('SELECT TOP 4 VALUE c.n FROM c')).toHaveLength(4);
    expect(await all('SELECT VALUE c.n FROM c ORDER BY c.n OFFSET 20 LIMIT 3')).toEqual([20, 21, 22]);
    expect(await all('SELECT VALUE c.n FROM c OFFSET 20 LIMIT 10')).toHaveLength(5);
    expect(await all('SELECT VALUE COUNT(1) FROM c WHERE c.n >= 5')).toEqual([20]);
    expect(await all('SELECT VALUE SUM(c.n) FROM c')).toEqual([300]);
    expect(await all('SELECT VALUE AVG(c.n) FROM c')).toEqual([12]);
    expect(await all('SELECT VALUE MIN(c.n) FROM c')).toEqual([0]);
    expect(await all('SELECT VALUE MAX(c.id) FROM c')).toEqual(['i9']);
  });
});

describe('request charge', () => {
  test('a query costs more with every document that it loads, and a filter without index loads all', async () => {
    const charge = async (container: string, query: string) =>
      (await target.container(container).items.query(query, { partitionKey: pk }).fetchAll()).requestCharge;
    const point = await charge('plain', 'SELECT * FROM c WHERE c.id = "1"');
    expect(point).toBeGreaterThan(2);
    expect(point).toBeLessThan(3.5);
    expect(await charge('plain', 'SELECT * FROM c')).toBeGreaterThan(point);
    const lean = target.container('lean');
    for (let n = 0; n < 60; n += 1) await lean.items.create({ id: `${n}`, pk, kind: `k${n}`, name: `k${n}` });
    expect(await charge('lean', 'SELECT * FROM c WHERE c.name = "k1"')).toBeGreaterThan(
      await charge('lean', 'SELECT * FROM c WHERE c.kind = "k1"'),
    );
  });
});
