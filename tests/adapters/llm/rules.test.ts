import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createMemoryBudget } from '../../../shared/adapters/llm/budget.ts';
import { addUsage, costMicroUsd, estimateMicroUsd } from '../../../shared/adapters/llm/cost.ts';
import { outputSchemaOf } from '../../../shared/adapters/llm/output-schema.ts';
import { parseOutput } from '../../../shared/adapters/llm/parse-output.ts';
import { retryAfterMs } from '../../../shared/adapters/llm/retry-after.ts';
import { toLlmError } from '../../../shared/adapters/llm/vendor-error.ts';
import { movableClock, PRICES, START_MS, Verdict } from './gateway-fixture.ts';

const tokens = fc.nat({ max: 2_000_000 });
const price = fc.nat({ max: 200_000_000 });
const usages = fc.record({ plain: tokens, cached: tokens, written: tokens, output: tokens }).map((parts) => ({
  input_tokens: parts.plain + parts.cached + parts.written,
  output_tokens: parts.output,
  cached_input_tokens: parts.cached,
  cache_write_input_tokens: parts.written,
}));
const prices = fc.record({
  inputMicroUsd: price,
  cachedInputMicroUsd: price,
  cacheWriteInputMicroUsd: price,
  outputMicroUsd: price,
});

describe('cost', () => {
  test('is the exact sum, rounded up by less than one micro-USD', () => {
    fc.assert(
      fc.property(usages, prices, (usage, p) => {
        const plain = usage.input_tokens - usage.cached_input_tokens - usage.cache_write_input_tokens;
        const exact =
          BigInt(plain) * BigInt(p.inputMicroUsd) +
          BigInt(usage.cached_input_tokens) * BigInt(p.cachedInputMicroUsd) +
          BigInt(usage.cache_write_input_tokens) * BigInt(p.cacheWriteInputMicroUsd) +
          BigInt(usage.output_tokens) * BigInt(p.outputMicroUsd);
        const cost = BigInt(costMicroUsd(usage, p)) * 1_000_000n;
        expect(cost >= exact && cost - exact < 1_000_000n).toBe(true);
      }),
    );
  });

  test('of two calls apart is that of both together, or one micro-USD more', () => {
    fc.assert(
      fc.property(usages, usages, prices, (a, b, p) => {
        const difference = costMicroUsd(a, p) + costMicroUsd(b, p) - costMicroUsd(addUsage(a, b), p);
        expect(difference === 0 || difference === 1).toBe(true);
      }),
    );
  });

  test('is never negative, whatever a vendor reports', () => {
    const report = fc.record({
      input_tokens: tokens,
      output_tokens: tokens,
      cached_input_tokens: tokens,
      cache_write_input_tokens: tokens,
    });
    fc.assert(fc.property(report, prices, (usage, p) => costMicroUsd(usage, p) >= 0));
  });

  test.each([
    [{ input_tokens: 1 }, 3],
    [{ input_tokens: 1, cached_input_tokens: 1 }, 1],
    [{ input_tokens: 1, cache_write_input_tokens: 1 }, 4],
    [{ output_tokens: 1 }, 15],
  ])('%o costs %i', (part, cost) => {
    const none = { input_tokens: 0, output_tokens: 0, cached_input_tokens: 0, cache_write_input_tokens: 0 };
    expect(costMicroUsd({ ...none, ...part }, PRICES)).toBe(cost);
  });

  test('cache writes cost as much as input when no price is given for them', () => {
    const usage = { input_tokens: 5, output_tokens: 0, cached_input_tokens: 0, cache_write_input_tokens: 5 };
    const { cacheWriteInputMicroUsd: _, ...rest } = PRICES;
    expect(costMicroUsd(usage, rest)).toBe(15);
  });

  test('an estimate covers a call of three characters per token that writes the whole prompt to the cache', () => {
    const usage = { input_tokens: 100, output_tokens: 50, cached_input_tokens: 0, cache_write_input_tokens: 100 };
    expect(estimateMicroUsd(300, 50, PRICES)).toBe(costMicroUsd(usage, PRICES));
  });
});

describe('Retry-After', () => {
  const read = (headers: Record<string, string>) => retryAfterMs(new Headers(headers), START_MS);
  test.each([
    [{ 'retry-after': '3' }, 3_000],
    [{ 'retry-after': '0.5' }, 500],
    [{ 'retry-after': 'Tue, 15 Jan 2030 12:01:00 GMT' }, 60_000],
    [{ 'retry-after-ms': '250', 'retry-after': '9' }, 250],
    [{ 'retry-after-ms': 'soon', 'retry-after': '9' }, 9_000],
    [{ 'retry-after': 'Tue, 15 Jan 2030 11:59:00 GMT' }, undefined],
    [{ 'retry-after': '0' }, undefined],
    [{ 'retry-after': '-5' }, undefined],
    [{ 'retry-after': 'later' }, undefined],
    [{ 'retry-after': '' }, undefined],
    [{}, undefined],
  ])('%o is %s ms', (headers, ms) => {
    expect(read(headers)).toBe(ms);
  });
});

const Tree = z.object({
  name: z.string(),
  get children() {
    return z.array(Tree);
  },
});

describe('what an SDK throws', () => {
  const live = new AbortController().signal;
  test.each([
    ['anything after the time-out', new Error('socket'), AbortSignal.abort(), 'llm_timeout'],
    ['an error without a status', new TypeError('terminated'), live, 'llm_unavailable'],
    ['no error at all', undefined, live, 'llm_unavailable'],
    ['a redirect', { status: 302 }, live, 'llm_unavailable'],
  ])('%s has its code', (_name, error, signal, code) => {
    expect(toLlmError(error, signal, movableClock()).code).toBe(code);
  });
});

describe('JSON Schema for a vendor', () => {
  test('is closed, complete, and free of limits, which are told in descriptions', () => {
    expect(outputSchemaOf(Verdict)).toEqual({
      isExpressible: true,
      hasOptional: false,
      schema: {
        type: 'object',
        additionalProperties: false,
        required: ['points', 'level', 'note', 'evidence'],
        properties: {
          points: { type: 'integer', description: '{minimum: 0, maximum: 10}' },
          level: { type: 'string', enum: ['low', 'high'] },
          note: expect.objectContaining({}),
          evidence: {
            type: 'array',
            description: '{maxItems: 5}',
            items: {
              type: 'object',
              additionalProperties: false,
              required: ['quote'],
              properties: { quote: { type: 'string', description: '{minLength: 1}' } },
            },
          },
        },
      },
    });
  });

  test('a description of ours stays before the limits', () => {
    const schema = z.object({ a: z.int().min(0).max(9).describe('Points.') });
    expect(outputSchemaOf(schema).schema).toMatchObject({
      properties: { a: { description: 'Points. {minimum: 0, maximum: 9}' } },
    });
  });

  test('an integer without limits has no description', () => {
    expect(outputSchemaOf(z.object({ a: z.int() })).schema).toMatchObject({ properties: { a: { type: 'integer' } } });
    expect(JSON.stringify(outputSchemaOf(z.object({ a: z.int() })).schema)).not.toContain('description');
  });

  test('alternatives become anyOf', () => {
    const one = z.object({ kind: z.literal('a') });
    const two = z.object({ kind: z.literal('b') });
    const { schema, isExpressible } = outputSchemaOf(z.object({ x: z.discriminatedUnion('kind', [one, two]) }));
    expect(JSON.stringify(schema)).not.toContain('oneOf');
    expect(schema).toMatchObject({ properties: { x: { anyOf: [{ type: 'object' }, { type: 'object' }] } } });
    expect(isExpressible).toBe(true);
  });

  test('a property that is called like a keyword is a property', () => {
    const { schema } = outputSchemaOf(z.object({ minimum: z.string(), default: z.string() }));
    expect(Object.keys(Object(schema['properties']))).toEqual(['minimum', 'default']);
  });

  test('optional properties are marked, because a strict vendor refuses them', () => {
    expect(outputSchemaOf(z.object({ a: z.string().optional() }))).toMatchObject({
      hasOptional: true,
      isExpressible: true,
    });
  });

  test.each([
    ['records', z.object({ a: z.record(z.string(), z.int()) })],
    ['loose objects', z.looseObject({ a: z.string() })],
    ['unknown parts', z.object({ a: z.unknown() })],
    ['tuples', z.object({ a: z.tuple([z.string()]) })],
    ['intersections', z.object({ a: z.intersection(z.union([z.int(), z.string()]), z.int()) })],
    ['recursive schemas', Tree],
    ['lists at the top', z.array(z.int())],
  ])('%s are not expressible', (_name, schema) => {
    expect(outputSchemaOf(schema).isExpressible).toBe(false);
  });
});

describe('parsing', () => {
  test('every value that fits the schema survives the way through text, with or without a code block', () => {
    const values = fc.record({ a: fc.integer(), b: fc.array(fc.string()) });
    const schema = z.object({ a: z.int(), b: z.array(z.string()) });
    fc.assert(
      fc.property(values, fc.boolean(), (value, isFenced) => {
        const text = isFenced ? `\`\`\`json\n${JSON.stringify(value, null, 2)}\n\`\`\`` : JSON.stringify(value);
        expect(parseOutput(text, schema)).toEqual({ ok: true, value });
      }),
    );
  });

  test('no text makes it throw', () => {
    fc.assert(fc.property(fc.string(), (text) => !parseOutput(text, Verdict).ok));
  });

  test('problems name the place and are limited in number', () => {
    const schema = z.object({ list: z.array(z.object({ n: z.int() })) });
    const text = JSON.stringify({ list: Array.from({ length: 100 }, () => ({ n: 'x' })) });
    const parsed = parseOutput(text, schema);
    const lines = parsed.ok ? [] : parsed.problems.split('\n');
    expect(lines).toHaveLength(20);
    expect(lines[3]).toContain('list.3.n');
  });
});

describe('budget in memory', () => {
  const over = { code: 'llm_budget_exceeded', kind: 'transient' };

  test('reservations at the same time cannot overdraw it together', async () => {
    const budget = createMemoryBudget({ limitsMicroUsd: { day: 100 }, clock: movableClock() });
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => budget.reserve(['day'], 40)));
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(2);
  });

  test('a reservation that one key refuses takes nothing from the others', async () => {
    const budget = createMemoryBudget({ limitsMicroUsd: { user: 50, day: 100 }, clock: movableClock() });
    await budget.reserve(['user:a', 'day'], 50);
    await expect(budget.reserve(['day', 'user:a'], 50)).rejects.toMatchObject(over);
    await budget.reserve(['user:b', 'day'], 50);
    await expect(budget.reserve(['user:c', 'day'], 1)).rejects.toMatchObject(over);
  });

  test('settling counts once, at the real cost, be it more or less than the estimate', async () => {
    const budget = createMemoryBudget({ limitsMicroUsd: { day: 100 }, clock: movableClock() });
    const first = await budget.reserve(['day', 'day'], 90);
    await first.settle(20);
    await first.settle(0);
    const second = await budget.reserve(['day'], 80);
    await second.settle(95);
    await expect(budget.reserve(['day'], 1)).rejects.toMatchObject(over);
  });

  test('it is full again on the next UTC day, and late settlements do not burden that day', async () => {
    const clock = movableClock(Date.UTC(2030, 0, 15, 23, 59, 30));
    const budget = createMemoryBudget({ limitsMicroUsd: { day: 100 }, clock });
    const reservation = await budget.reserve(['day'], 100);
    await expect(budget.reserve(['day'], 1)).rejects.toMatchObject({ ...over, retryAfterS: 30 });
    clock.advance(30_000);
    const next = await budget.reserve(['day'], 100);
    await reservation.settle(500);
    await next.settle(0);
    await budget.reserve(['day'], 100);
  });

  test('0 is unlimited, and a key of an unknown sort is an error', async () => {
    const budget = createMemoryBudget({ limitsMicroUsd: { day: 0 }, clock: movableClock() });
    await budget.reserve(['day'], Number.MAX_SAFE_INTEGER);
    await budget.reserve(['day'], Number.MAX_SAFE_INTEGER);
    await expect(budget.reserve(['daily'], 1)).rejects.toMatchObject({ code: 'llm_not_configured' });
  });
});
