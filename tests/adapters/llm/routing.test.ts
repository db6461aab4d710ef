import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createMemoryBudget } from '../../../shared/adapters/llm/budget.ts';
import type { LlmGatewayOptions } from '../../../shared/adapters/llm/gateway.ts';
import { createSimulator } from '../../../shared/adapters/llm/simulator.ts';
import type { LlmCallRecord } from '../../../shared/adapters/llm/types.ts';
import {
  GRADING_USE,
  gateway,
  good,
  goodVerdict,
  llmError,
  movableClock,
  PRICES,
  request,
  vendorProviders,
} from './gateway-fixture.ts';
import { startVendorStub, type Vendor, type VendorBehaviour, type VendorStub } from './vendor-stub.ts';

let stub: VendorStub;
let clock: ReturnType<typeof movableClock>;
let records: LlmCallRecord[];
beforeEach(async () => {
  stub = await startVendorStub();
  clock = movableClock();
  records = [];
});
afterEach(() => stub.close());

const down: VendorBehaviour = { kind: 'status', status: 500 };

function limited(seconds: number): VendorBehaviour {
  return { kind: 'status', status: 429, headers: { 'retry-after': String(seconds) } };
}

function behave(behaviours: Partial<Record<Vendor, VendorBehaviour>>): void {
  stub.script(({ vendor }) => behaviours[vendor] ?? { kind: 'hang' });
}

function start(change: Partial<LlmGatewayOptions> = {}) {
  const llm = gateway({
    providers: vendorProviders(stub, clock),
    order: ['anthropic', 'openai'],
    circuit: { failuresToOpen: 3, openMs: 10_000, openMaxMs: 40_000 },
    clock,
    onCall: (record) => records.push(record),
    ...change,
  });
  return { ...llm, ask: () => llm.complete(request(clock)), fail: () => llmError(llm.complete(request(clock))) };
}

const vendorsCalled = () => stub.calls.map((call) => call.vendor);

describe('order of the providers', () => {
  test('the first provider in order answers, and the other is not asked', async () => {
    behave({ anthropic: good, openai: good });
    expect(await start({ order: ['openai', 'anthropic'] }).ask()).toMatchObject({ provider: 'openai' });
    expect(vendorsCalled()).toEqual(['openai']);
  });

  test.each([
    ['an outage', down],
    ['a rate limit', limited(5)],
    ['a wrong key', { kind: 'status', status: 401 }],
    ['a truncated answer', { kind: 'answer', text: '{', stop: 'truncated' }],
    ['a web page', { kind: 'garbage', contentType: 'text/html', body: 'Hi' }],
  ] satisfies [string, VendorBehaviour][])('after %s the next provider is asked', async (_name, behaviour) => {
    behave({ anthropic: behaviour, openai: good });
    expect(await start().ask()).toMatchObject({ provider: 'openai', value: goodVerdict });
    expect(vendorsCalled()).toEqual(['anthropic', 'openai']);
  });

  test('bad answers of the first provider are part of the cost of the result', async () => {
    const usage = { input: 10, output: 1 };
    behave({ anthropic: { kind: 'answer', text: 'no', usage }, openai: { kind: 'answer', value: goodVerdict, usage } });
    const result = await start().ask();
    expect(result).toMatchObject({ provider: 'openai', cost_micro_usd: 3 * 45, usage: { input_tokens: 30 } });
    expect(vendorsCalled()).toEqual(['anthropic', 'anthropic', 'openai']);
  });

  test.each([
    ['a refusal', { kind: 'answer', text: 'No.', stop: 'refused' }, 'llm_refused'],
    ['a request that the provider rejects', { kind: 'status', status: 400 }, 'llm_rejected'],
  ] satisfies [string, VendorBehaviour, string][])(
    'after %s no other provider is asked',
    async (_name, behaviour, code) => {
      behave({ anthropic: behaviour, openai: good });
      expect(await start().fail()).toMatchObject({ code, kind: 'permanent' });
      expect(vendorsCalled()).toEqual(['anthropic']);
    },
  );

  test('when all fail the error is transient and names the shortest wait', async () => {
    behave({ anthropic: limited(30), openai: limited(7) });
    expect(await start().fail()).toMatchObject({
      code: 'llm_rate_limited',
      kind: 'transient',
      retryAfterS: 7,
      attempts: [
        { provider: 'anthropic', code: 'llm_rate_limited' },
        { provider: 'openai', code: 'llm_rate_limited' },
      ],
    });
  });

  test('a provider without a model for the use is passed over', async () => {
    behave({ openai: good });
    const uses = { grading: { models: { openai: GRADING_USE.models.openai } } };
    expect(await start({ uses }).ask()).toMatchObject({ provider: 'openai' });
    expect(vendorsCalled()).toEqual(['openai']);
  });

  test.each([
    ['no provider is set up', { providers: [] }],
    ['the use is unknown', { uses: {} }],
    ['the order is empty', { order: [] }],
  ] satisfies [string, Partial<LlmGatewayOptions>][])(
    'when %s the error says so and is transient',
    async (_name, change) => {
      expect(await start(change).fail()).toMatchObject({ code: 'llm_not_configured', kind: 'transient' });
      expect(stub.calls).toEqual([]);
    },
  );

  test('a use has its own time-out', async () => {
    behave({ anthropic: { kind: 'hang' }, openai: good });
    const startedMs = Date.now();
    const uses = { grading: { ...GRADING_USE, timeoutMs: 1_000 } };
    expect(await start({ uses, timeoutMs: 20_000 }).ask()).toMatchObject({ provider: 'openai' });
    expect(Date.now() - startedMs).toBeLessThan(4_000);
  });

  test('an observer that throws does not lose the answer', async () => {
    behave({ anthropic: good });
    const onCall = () => {
      throw new Error('log is full');
    };
    expect(await start({ onCall }).ask()).toMatchObject({ value: goodVerdict });
  });
});

describe('deadline', () => {
  test.each([0, -5_000, 999])('with %i ms left nothing is called', async (leftMs) => {
    behave({ anthropic: good });
    const llm = start();
    const error = await llmError(llm.complete(request(clock, { deadlineMs: clock.now() + leftMs })));
    expect(error).toMatchObject({ code: 'llm_timeout', kind: 'transient' });
    expect(stub.calls).toEqual([]);
  });

  test('no further provider and no repair is begun once the time is used up', async () => {
    stub.script(() => {
      clock.advance(59_500);
      return { kind: 'answer', text: 'no' };
    });
    expect(await start().fail()).toMatchObject({ code: 'llm_bad_output' });
    expect(vendorsCalled()).toEqual(['anthropic']);
  });
});

describe('budget', () => {
  test('a call that the budget does not cover is not made, and one that it covers is settled at its real cost', async () => {
    const usage = { input: 10, output: 1 };
    behave({ anthropic: { kind: 'answer', value: goodVerdict, usage } });
    // The estimate of one call is below 12 000, its real cost is 45; two calls fit only because the first was settled.
    const budget = createMemoryBudget({ limitsMicroUsd: { user: 12_000 }, clock });
    const llm = start({ budget });
    const ask = (user: string) => llm.complete(request(clock, { budgetKeys: [`user:${user}`] }));
    await ask('a');
    await ask('a');
    const reservation = await budget.reserve(['user:a'], 11_900);
    const error = await llmError(ask('a'));
    // From noon to midnight.
    expect(error).toMatchObject({ code: 'llm_budget_exceeded', kind: 'transient', retryAfterS: 43_200 });
    expect(stub.calls).toHaveLength(2);
    await ask('b');
    await reservation.settle(0);
    await ask('a');
    expect(stub.calls).toHaveLength(4);
  });

  test('the reservation covers the dearest of the models that might be asked', async () => {
    behave({ anthropic: good, openai: good });
    const free = { inputMicroUsd: 0, cachedInputMicroUsd: 0, outputMicroUsd: 0 };
    const models = { ...GRADING_USE.models, anthropic: { model: 'free', prices: free } };
    const budget = createMemoryBudget({ limitsMicroUsd: { day: 100 }, clock });
    const llm = start({ budget, uses: { grading: { models } } });
    const error = await llmError(llm.complete(request(clock, { budgetKeys: ['day'] })));
    expect(error.code).toBe('llm_budget_exceeded');
    expect(stub.calls).toEqual([]);
  });

  test('a failed request settles what it really cost', async () => {
    behave({ anthropic: { kind: 'answer', text: 'no', usage: { input: 10, output: 1 } } });
    const budget = createMemoryBudget({ limitsMicroUsd: { day: 20_000 }, clock });
    const llm = start({ budget, order: ['anthropic'] });
    await llmError(llm.complete(request(clock, { budgetKeys: ['day'] })));
    await expect(budget.reserve(['day'], 19_911)).rejects.toMatchObject({ code: 'llm_budget_exceeded' });
    await budget.reserve(['day'], 19_910);
  });

  test('the simulator works with an empty budget', async () => {
    const budget = createMemoryBudget({ limitsMicroUsd: { day: 1 }, clock });
    await (await budget.reserve(['day'], 1)).settle(5);
    const llm = start({ budget, providers: [createSimulator({ grading: () => goodVerdict })], order: ['simulator'] });
    expect(await llm.complete(request(clock, { budgetKeys: ['day'] }))).toMatchObject({ cost_micro_usd: 0 });
  });
});

test.each([-1, 0.5, Number.NaN])('a price of %d stops the start', (price) => {
  const models = { openai: { model: 'm', prices: { ...PRICES, outputMicroUsd: price } } };
  expect(() => start({ uses: { grading: { models } } })).toThrow(RangeError);
});
