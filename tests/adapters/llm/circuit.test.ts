import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LlmGatewayOptions } from '../../../shared/adapters/llm/gateway.ts';
import type { LlmCallRecord } from '../../../shared/adapters/llm/types.ts';
import { gateway, good, goodVerdict, llmError, movableClock, request, vendorProviders } from './gateway-fixture.ts';
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

describe('circuit', () => {
  test('after the configured number of failures in a row the provider is left alone until its time has passed', async () => {
    behave({ anthropic: down });
    const llm = start({ order: ['anthropic'] });
    for (let turn = 0; turn < 2; turn += 1) await llm.fail();
    expect(llm.circuitState()).toEqual({ anthropic: 'closed' });
    await llm.fail();
    expect(llm.circuitState()).toEqual({ anthropic: 'open' });
    expect(llm.isAvailable()).toBe(false);
    expect(await llm.fail()).toMatchObject({ code: 'llm_circuit_open', kind: 'transient', retryAfterS: 10 });
    expect(stub.calls).toHaveLength(3);
    expect(records.at(-1)).toMatchObject({ status: 'skipped', error_code: 'llm_circuit_open' });

    clock.advance(9_999);
    await llm.fail();
    expect(stub.calls).toHaveLength(3);
    clock.advance(1);
    expect(llm.circuitState()).toEqual({ anthropic: 'half-open' });
    expect(llm.isAvailable()).toBe(true);
    behave({ anthropic: good });
    await llm.ask();
    expect(llm.circuitState()).toEqual({ anthropic: 'closed' });
  });

  test('a probe that fails opens the circuit for twice the time, up to the limit', async () => {
    behave({ anthropic: down });
    const llm = start({ order: ['anthropic'] });
    for (let turn = 0; turn < 3; turn += 1) await llm.fail();
    for (const seconds of [10, 20, 40, 40]) {
      expect(await llm.fail()).toMatchObject({ code: 'llm_circuit_open', retryAfterS: seconds });
      clock.advance(seconds * 1000);
      expect(await llm.fail()).toMatchObject({ code: 'llm_unavailable' });
    }
  });

  test('a success starts the count of failures anew', async () => {
    const llm = start({ order: ['anthropic'] });
    for (const behaviour of [down, down, good, down, down]) {
      behave({ anthropic: behaviour });
      await llm.ask().catch(() => undefined);
    }
    expect(llm.circuitState()).toEqual({ anthropic: 'closed' });
  });

  test('one Retry-After opens the circuit at once, for as long as it says', async () => {
    behave({ anthropic: limited(120), openai: good });
    const llm = start();
    await llm.ask();
    expect(llm.circuitState()).toEqual({ anthropic: 'open', openai: 'closed' });
    behave({ anthropic: good, openai: good });
    clock.advance(119_999);
    expect(await llm.ask()).toMatchObject({ provider: 'openai' });
    clock.advance(1);
    expect(await llm.ask()).toMatchObject({ provider: 'anthropic' });
    expect(vendorsCalled()).toEqual(['anthropic', 'openai', 'openai', 'anthropic']);
  });

  test('when one provider is left alone and the other fails, the failure is reported with the time of the circuit', async () => {
    behave({ anthropic: limited(120), openai: good });
    const llm = start();
    await llm.ask();
    behave({ anthropic: good, openai: down });
    expect(await llm.fail()).toMatchObject({
      code: 'llm_unavailable',
      retryAfterS: 120,
      httpStatus: 500,
      attempts: [
        { provider: 'anthropic', code: 'llm_circuit_open' },
        { provider: 'openai', code: 'llm_unavailable' },
      ],
    });
  });

  test('of several Retry-Afters at the same time the longest counts', async () => {
    stub.script(({ index }) => limited([5, 90, 20][index] ?? 1));
    const llm = start({ order: ['anthropic'] });
    await Promise.all([llm.fail(), llm.fail(), llm.fail()]);
    expect(await llm.fail()).toMatchObject({ code: 'llm_circuit_open', retryAfterS: 90 });
  });

  test('a Retry-After beyond the limit is cut to it', async () => {
    behave({ anthropic: limited(1_000_000) });
    const llm = start({ order: ['anthropic'], circuit: { retryAfterMaxMs: 60_000 } });
    expect(await llm.fail()).toMatchObject({ retryAfterS: 60 });
    expect(await llm.fail()).toMatchObject({ code: 'llm_circuit_open', retryAfterS: 60 });
    clock.advance(60_000);
    expect(llm.circuitState()).toEqual({ anthropic: 'half-open' });
  });

  test('only one probe is made at a time, and the others do not wait for it', async () => {
    behave({ anthropic: limited(10), openai: good });
    const llm = start();
    await llm.ask();
    clock.advance(10_000);
    behave({ anthropic: { ...good, delayMs: 300 }, openai: good });
    const answers = await Promise.all([llm.ask(), llm.ask(), llm.ask()]);
    expect(answers.map((answer) => answer.provider)).toEqual(['anthropic', 'openai', 'openai']);
  });

  test.each([
    ['time-outs', { kind: 'hang' }],
    ['wrong keys', { kind: 'status', status: 401 }],
    ['rate limits', { kind: 'status', status: 429 }],
  ] satisfies [string, VendorBehaviour][])('%s open the circuit', async (_name, behaviour) => {
    behave({ anthropic: behaviour });
    const llm = start({ order: ['anthropic'], timeoutMs: 1_000, minAttemptMs: 100 });
    await Promise.all([llm.fail(), llm.fail(), llm.fail()]);
    expect(llm.circuitState()).toEqual({ anthropic: 'open' });
  });

  test.each([
    ['answers of the wrong form', { kind: 'answer', text: 'no' }],
    ['refusals', { kind: 'answer', text: 'No.', stop: 'refused' }],
    ['rejected requests', { kind: 'status', status: 400 }],
  ] satisfies [string, VendorBehaviour][])('%s do not open the circuit', async (_name, behaviour) => {
    behave({ anthropic: behaviour });
    const llm = start({ order: ['anthropic'] });
    for (let turn = 0; turn < 5; turn += 1) await llm.fail();
    expect(llm.circuitState()).toEqual({ anthropic: 'closed' });
  });
});

describe('bulkhead', () => {
  test('a provider with all its places taken is passed over', async () => {
    behave({ anthropic: { ...good, delayMs: 300 }, openai: good });
    const llm = start({ maxConcurrent: 2 });
    const answers = await Promise.all([llm.ask(), llm.ask(), llm.ask()]);
    expect(answers.map((answer) => answer.provider).sort()).toEqual(['anthropic', 'anthropic', 'openai']);
  });

  test('when no provider has a place the error is transient with a short wait, and places come free again', async () => {
    behave({ anthropic: { ...good, delayMs: 200 } });
    const llm = start({ order: ['anthropic'], maxConcurrent: 1 });
    const first = llm.ask();
    expect(await llm.fail()).toMatchObject({ code: 'llm_busy', kind: 'transient', retryAfterS: 2 });
    expect(records).toMatchObject([{ status: 'skipped', error_code: 'llm_busy' }]);
    await first;
    expect(await llm.ask()).toMatchObject({ value: goodVerdict });
  });
});
