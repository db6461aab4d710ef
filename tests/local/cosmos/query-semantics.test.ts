import { randomUUID } from 'node:crypto';
import type { JSONObject, OperationInput } from '@azure/cosmos';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Target } from './target.ts';
import { startTarget } from './target.ts';

type Value = null | boolean | number | string | Value[] | { [name: string]: Value };
/** `undefined` is a value of the language, so a condition is true, false or undefined. */
type Maybe<T> = T | undefined;

interface Condition {
  text: string;
  holds(document: Record<string, Value>): Maybe<boolean>;
}

interface Operand {
  text: string;
  of(document: Record<string, Value>): Maybe<Value>;
}

const VALUES: Value[] = [
  null,
  true,
  false,
  0,
  -1,
  1,
  1.5,
  1e21,
  '',
  '1',
  'a',
  'B',
  'ä',
  '\uffee',
  '😀',
  "it's",
  'tab\t"',
  'true',
  'null',
  [],
  [1],
  [1, null],
  {},
  { x: 1 },
  { x: 1, y: 2 },
  { y: 2, x: 1 },
];

const operand: fc.Arbitrary<Operand> = fc.oneof(
  fc.constantFrom('a', 'b', 'none').map((name): Operand => ({ text: `c.${name}`, of: (document) => document[name] })),
  fc.constantFrom(...VALUES).map((value): Operand => ({ text: JSON.stringify(value), of: () => value })),
);

function same(a: Value, b: Value): boolean {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [new Map(Object.entries(a)), new Map(Object.entries(b))];
  return (
    left.size === right.size &&
    [...left].every(([name, value]) => right.has(name) && same(value, right.get(name) ?? null))
  );
}

function ordered(a: Maybe<Value>, b: Maybe<Value>): Maybe<number> {
  if (a === null && b === null) return 0;
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b));
  if ((typeof a === 'number' && typeof b === 'number') || (typeof a === 'boolean' && typeof b === 'boolean'))
    return Number(a) - Number(b);
  return undefined;
}

const TESTS: Record<string, (a: Maybe<Value>, b: Maybe<Value>) => Maybe<boolean>> = {
  '=': (a, b) => (a === undefined || b === undefined ? undefined : same(a, b)),
  '!=': (a, b) => (a === undefined || b === undefined ? undefined : !same(a, b)),
  '<': (a, b) => map(ordered(a, b), (n) => n < 0),
  '<=': (a, b) => map(ordered(a, b), (n) => n <= 0),
  '>': (a, b) => map(ordered(a, b), (n) => n > 0),
  '>=': (a, b) => map(ordered(a, b), (n) => n >= 0),
};

function map<T, U>(value: Maybe<T>, work: (value: T) => U): Maybe<U> {
  return value === undefined ? undefined : work(value);
}

function and(a: Maybe<boolean>, b: Maybe<boolean>): Maybe<boolean> {
  if (a === false || b === false) return false;
  return a === undefined || b === undefined ? undefined : true;
}

const or = (a: Maybe<boolean>, b: Maybe<boolean>) =>
  map(
    and(
      map(a, (x) => !x),
      map(b, (x) => !x),
    ),
    (x) => !x,
  );

const comparison: fc.Arbitrary<Condition> = fc
  .tuple(operand, fc.constantFrom(...Object.keys(TESTS)), operand)
  .map(([left, op, right]) => ({
    text: `${left.text} ${op} ${right.text}`,
    holds: (document) => TESTS[op]?.(left.of(document), right.of(document)),
  }));

const membership: fc.Arbitrary<Condition> = fc
  .tuple(operand, fc.array(operand, { minLength: 1, maxLength: 4 }))
  .map(([left, list]) => ({
    text: `${left.text} IN (${list.map((item) => item.text).join(', ')})`,
    holds: (document) => list.map((item) => TESTS['=']?.(left.of(document), item.of(document))).reduce(or),
  }));

const between: fc.Arbitrary<Condition> = fc.tuple(operand, operand, operand).map(([value, low, high]) => ({
  text: `${value.text} BETWEEN ${low.text} AND ${high.text}`,
  holds: (document) =>
    and(TESTS['>=']?.(value.of(document), low.of(document)), TESTS['<=']?.(value.of(document), high.of(document))),
}));

const typeTest: fc.Arbitrary<Condition> = fc
  .tuple(
    operand,
    fc.constantFrom<[string, (value: Maybe<Value>) => boolean]>(
      ['IS_DEFINED', (value) => value !== undefined],
      ['IS_NULL', (value) => value === null],
      ['IS_STRING', (value) => typeof value === 'string'],
      ['IS_NUMBER', (value) => typeof value === 'number'],
      ['IS_BOOL', (value) => typeof value === 'boolean'],
      ['IS_ARRAY', (value) => Array.isArray(value)],
      ['IS_OBJECT', (value) => typeof value === 'object' && value !== null && !Array.isArray(value)],
    ),
  )
  .map(([value, [name, holds]]) => ({
    text: `${name}(${value.text})`,
    holds: (document) => holds(value.of(document)),
  }));

/** A bare operand as a condition: only booleans have a truth. */
const bare: fc.Arbitrary<Condition> = operand.map((value) => ({
  text: value.text,
  holds: (document) => {
    const found = value.of(document);
    return typeof found === 'boolean' ? found : undefined;
  },
}));

const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3 },
    { weight: 6, arbitrary: comparison },
    { weight: 1, arbitrary: membership },
    { weight: 1, arbitrary: between },
    { weight: 1, arbitrary: typeTest },
    { weight: 1, arbitrary: bare },
    {
      weight: 2,
      arbitrary: tie('condition').map(
        (inner): Condition => ({
          text: `(NOT (${inner.text}))`,
          holds: (document) => map(inner.holds(document), (x) => !x),
        }),
      ),
    },
    {
      weight: 4,
      arbitrary: fc.tuple(tie('condition'), fc.constantFrom('AND', 'OR'), tie('condition')).map(
        ([left, op, right]): Condition => ({
          text: `(${left.text} ${op} ${right.text})`,
          holds: (document) => (op === 'AND' ? and : or)(left.holds(document), right.holds(document)),
        }),
      ),
    },
  ),
}));

let target: Target;
const pk = randomUUID();
const documents = new Map<string, Record<string, Value>>();

beforeAll(async () => {
  target = await startTarget();
  const choices: Maybe<Value>[] = [undefined, ...VALUES];
  choices.forEach((a, row) => {
    for (const column of [row, row + 1, row + 7, row * 5]) {
      const b = choices[column % choices.length];
      documents.set(`${row}-${column % choices.length}`, {
        ...(a === undefined ? {} : { a }),
        ...(b === undefined ? {} : { b }),
      });
    }
  });
  const operations = [...documents].map(
    ([id, fields]): OperationInput => ({ operationType: 'Create', resourceBody: { ...fields, id, pk } as JSONObject }),
  );
  for (let at = 0; at < operations.length; at += 50)
    await target.container('plain').items.batch(operations.slice(at, at + 50), pk);
});
afterAll(() => target.stop());

test('a condition selects exactly the documents for which an independent evaluator finds it true', async () => {
  await fc.assert(
    fc.asyncProperty(condition, async ({ text, holds }) => {
      const { resources } = await target
        .container('plain')
        .items.query(`SELECT VALUE c.id FROM c WHERE ${text}`, { partitionKey: pk })
        .fetchAll();
      const expected = [...documents].filter(([, document]) => holds(document) === true).map(([id]) => id);
      expect(resources.sort()).toEqual(expected.sort());
    }),
    { numRuns: target.local === undefined ? 50 : 400 },
  );
});

test('a value given as a parameter selects what the same value written in the query selects', async () => {
  const ids = async (query: string, value: Value) =>
    (
      await target
        .container('plain')
        .items.query({ query, parameters: [{ name: '@v', value }] }, { partitionKey: pk })
        .fetchAll()
    ).resources;
  for (const value of VALUES) {
    for (const op of ['=', '!=', '<', '>=']) {
      expect(await ids(`SELECT VALUE c.id FROM c WHERE c.a ${op} @v`, value)).toEqual(
        await ids(`SELECT VALUE c.id FROM c WHERE c.a ${op} ${JSON.stringify(value)}`, value),
      );
    }
  }
});

test('ORDER BY puts types in the order of the service and strings in the order of code points', async () => {
  const { resources } = await target
    .container('plain')
    .items.query('SELECT VALUE c.a FROM c WHERE IS_PRIMITIVE(c.a) ORDER BY c.a', { partitionKey: pk })
    .fetchAll();
  const rank = (value: Value) =>
    value === null ? 0 : typeof value === 'boolean' ? 1 : typeof value === 'number' ? 2 : 3;
  const sorted = [...resources].sort((a: Value, b: Value) => rank(a) - rank(b) || (ordered(a, b) ?? 0));
  expect(resources.length).toBeGreaterThan(40);
  expect(resources).toEqual(sorted);
});
