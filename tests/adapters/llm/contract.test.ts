import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createSimulator } from '../../../shared/adapters/llm/simulator.ts';
import type { LlmCallRecord, LlmProviderName } from '../../../shared/adapters/llm/types.ts';
import { gateway, goodVerdict, llmError, movableClock, request, vendorProviders } from './gateway-fixture.ts';
import { startVendorStub, type VendorStub } from './vendor-stub.ts';

let stub: VendorStub;
beforeAll(async () => {
  stub = await startVendorStub();
});
afterAll(() => stub.close());

const PROVIDERS: LlmProviderName[] = ['anthropic', 'openai', 'simulator'];

/** A gateway with one provider whose model gives the answers in turn; the last one stays. */
/** The limit of time is far from what an answer takes, also where the first one has to load the vendor's client on a busy machine. */
function withAnswers(provider: LlmProviderName, answers: unknown[], { delayMs = 0, timeoutMs = 10_000 } = {}) {
  const clock = movableClock();
  const records: LlmCallRecord[] = [];
  let turn = 0;
  const next = () => answers[Math.min(turn++, answers.length - 1)];
  stub.script(() => ({ kind: 'answer', value: next(), delayMs }));
  const simulator = createSimulator({
    grading: async () => {
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      return next();
    },
  });
  const llm = gateway({
    providers: [...vendorProviders(stub, clock), simulator],
    order: [provider],
    timeoutMs,
    clock,
    onCall: (record) => records.push(record),
  });
  return { llm, clock, records };
}

// What every provider promises, whatever stands behind it.
describe.each(PROVIDERS)('%s', (provider) => {
  test('a right answer is returned as the schema reads it, with provider, model, usage and cost', async () => {
    const { llm, clock } = withAnswers(provider, [goodVerdict]);
    const result = await llm.complete(request(clock));
    expect(result).toMatchObject({ value: goodVerdict, provider });
    expect(result.model).not.toBe('');
    expect(result.usage.input_tokens).toBeGreaterThan(0);
    expect(result.usage.output_tokens).toBeGreaterThan(0);
    expect(result.cost_micro_usd > 0).toBe(provider !== 'simulator');
  });

  test('the schema transforms the answer, and fills in its defaults', async () => {
    const schema = z.object({ name: z.string().transform((name) => name.length), tries: z.int().default(3) });
    const { llm, clock } = withAnswers(provider, [{ name: 'four' }]);
    const result = await llm.complete({ ...request(clock), schema });
    expect(result.value).toEqual({ name: 4, tries: 3 });
  });

  test.each([
    ['a record', z.object({ points: z.record(z.string(), z.int()) }), { points: { a: 1 } }],
    ['a part of any form', z.object({ extra: z.unknown() }), { extra: [1] }],
    ['a pair', z.object({ pair: z.tuple([z.string(), z.int()]) }), { pair: ['a', 1] }],
    ['a list at the top', z.array(z.int()), [1, 2]],
  ])(
    'a schema with %s is answered although a vendor cannot enforce it',
    async (_name, schema: z.ZodType<unknown>, value) => {
      const { llm, clock } = withAnswers(provider, [value]);
      expect((await llm.complete({ ...request(clock), schema })).value).toEqual(value);
    },
  );

  test('a wrong answer is repaired in one round', async () => {
    const { llm, clock, records } = withAnswers(provider, [{ points: 'many' }, goodVerdict]);
    expect((await llm.complete(request(clock))).value).toEqual(goodVerdict);
    expect(records.map((record) => [record.round, record.status])).toEqual([
      [1, 'error'],
      [2, 'ok'],
    ]);
  });

  test('two wrong answers are a transient error with the usage of both', async () => {
    const { llm, clock, records } = withAnswers(provider, [{ points: 11 }]);
    const error = await llmError(llm.complete(request(clock)));
    expect(error).toMatchObject({ code: 'llm_bad_output', kind: 'transient' });
    expect(records).toHaveLength(2);
    const output = records.reduce((sum, record) => sum + record.usage.output_tokens, 0);
    expect(error.spent.usage.output_tokens).toBe(output);
    expect(output).toBeGreaterThan(0);
  });

  test('an answer that comes too late is a time-out', async () => {
    const { llm, clock } = withAnswers(provider, [goodVerdict], { delayMs: 3_000, timeoutMs: 1_000 });
    expect(await llmError(llm.complete(request(clock)))).toMatchObject({ code: 'llm_timeout', kind: 'transient' });
  });

  test('each call is recorded with its use', async () => {
    const { llm, clock, records } = withAnswers(provider, [goodVerdict]);
    await llm.complete(request(clock));
    expect(records).toMatchObject([{ provider, use: 'grading', round: 1, status: 'ok' }]);
  });
});

test('the simulator gives the same answer to the same input, and reads only the input', async () => {
  const clock = movableClock();
  const simulator = createSimulator({ grading: (input) => ({ ...goodVerdict, note: JSON.stringify(input) }) });
  const llm = gateway({ providers: [simulator], order: ['simulator'], clock });
  const input = { answer: 'osmosis' };
  const first = await llm.complete(request(clock, { input }));
  const second = await llm.complete(request(clock, { input, user: 'another rendering' }));
  expect(first.value.note).toBe('{"answer":"osmosis"}');
  expect(second.value).toEqual(first.value);
});

test.each(['chat', 'toString'])('the simulator has no answer for the use %s that it was not given', async (use) => {
  const clock = movableClock();
  const llm = gateway({ providers: [createSimulator({ grading: () => goodVerdict })], order: ['simulator'], clock });
  expect(await llmError(llm.complete(request(clock, { use })))).toMatchObject({ code: 'llm_not_configured' });
});
