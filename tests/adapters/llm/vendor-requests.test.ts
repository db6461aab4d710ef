import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { createOpenAiProvider } from '../../../shared/adapters/llm/openai.ts';
import {
  gateway,
  good,
  goodVerdict,
  llmError,
  movableClock,
  PRICES,
  request,
  vendorGateway,
  vendorProviders,
} from './gateway-fixture.ts';
import { startVendorStub, type VendorStub } from './vendor-stub.ts';

let stub: VendorStub;
beforeAll(async () => {
  stub = await startVendorStub();
});
afterAll(() => stub.close());

const VENDORS = ['anthropic', 'openai'] as const;

test('anthropic is asked to cache exactly up to the end of the rubric, and to constrain the answer', async () => {
  const { llm, clock, calls } = vendorGateway(stub, 'anthropic', [good]);
  await llm.complete(request(clock));
  const body = calls()[0]?.body;
  expect(body?.['system']).toEqual([
    { type: 'text', text: 'You grade.' },
    { type: 'text', text: 'The rubric.', cache_control: { type: 'ephemeral' } },
  ]);
  expect(body?.['output_config']).toMatchObject({ format: { type: 'json_schema', schema: { type: 'object' } } });
});

test('anthropic gets no empty blocks when there is no rubric and no instruction', async () => {
  const { llm, clock, calls } = vendorGateway(stub, 'anthropic', [good]);
  await llm.complete(request(clock, { system: '', cachedPrefix: '' }));
  expect(calls()[0]?.body['system']).toEqual([]);
});

test('anthropic is told a schema that it cannot enforce, before the cached prefix', async () => {
  const { llm, clock, calls } = vendorGateway(stub, 'anthropic', [{ kind: 'answer', value: { counts: { a: 1 } } }]);
  const schema = z.object({ counts: z.record(z.string(), z.int()) });
  await llm.complete({ ...request(clock), schema });
  const [call] = calls();
  expect(call?.body).not.toHaveProperty('output_config');
  expect(call?.system).toMatch(/^You grade\.[\s\S]*"counts"[\s\S]*The rubric\.$/);
});

test('openai is not asked for a strict schema when a property is optional', async () => {
  const { llm, clock, calls } = vendorGateway(stub, 'openai', [{ kind: 'answer', value: {} }]);
  await llm.complete({ ...request(clock), schema: z.object({ a: z.string().optional() }) });
  expect(calls()[0]?.body['response_format']).toMatchObject({ json_schema: { strict: false } });
});

test('a compatible server without schema support is told the schema, in the fields that it knows', async () => {
  const clock = movableClock();
  const firstCall = stub.calls.length;
  stub.script(() => good);
  const provider = createOpenAiProvider({
    apiKey: 'key',
    baseUrl: stub.openaiBaseUrl,
    responseFormat: 'json_object',
    maxTokensField: 'max_tokens',
    clock,
  });
  const llm = gateway({ providers: [provider], order: ['openai'], clock });
  await llm.complete(request(clock));
  const call = stub.calls[firstCall];
  expect(call?.body).toMatchObject({ response_format: { type: 'json_object' }, max_tokens: 500 });
  expect(call?.body).not.toHaveProperty('max_completion_tokens');
  expect(call?.system).toMatch(/^You grade\.[\s\S]*"evidence"[\s\S]*The rubric\.$/);
});

test('a compatible server that reports no usage costs nothing', async () => {
  const body = JSON.stringify({
    model: 'local',
    choices: [{ finish_reason: 'stop', message: { content: JSON.stringify(goodVerdict) } }],
  });
  const { llm, clock, records } = vendorGateway(stub, 'openai', [
    { kind: 'garbage', contentType: 'application/json', body },
  ]);
  expect(await llm.complete(request(clock))).toMatchObject({ model: 'local', cost_micro_usd: 0, value: goodVerdict });
  expect(records).toMatchObject([{ model: 'local', cost_micro_usd: 0 }]);
});

test.each(VENDORS)('%s takes key and address from its options only, not from the environment', async (vendor) => {
  vi.stubEnv('ANTHROPIC_AUTH_TOKEN', 'from-the-environment');
  vi.stubEnv('ANTHROPIC_API_KEY', 'from-the-environment');
  vi.stubEnv('ANTHROPIC_BASE_URL', 'http://127.0.0.1:9/from-the-environment');
  vi.stubEnv('OPENAI_API_KEY', 'from-the-environment');
  vi.stubEnv('OPENAI_ORG_ID', 'from-the-environment');
  vi.stubEnv('OPENAI_PROJECT_ID', 'from-the-environment');
  vi.stubEnv('OPENAI_BASE_URL', 'http://127.0.0.1:9/from-the-environment');
  const { llm, clock, calls } = vendorGateway(stub, vendor, [good]);
  await llm.complete(request(clock)).finally(() => vi.unstubAllEnvs());
  expect(JSON.stringify(calls()[0]?.headers)).toContain(vendor === 'anthropic' ? 'key-a' : 'key-o');
  expect(JSON.stringify(calls()[0]?.headers)).not.toContain('from-the-environment');
});

test.each(VENDORS)('%s prints no prompt, even when the environment asks its SDK for a debug log', async (vendor) => {
  vi.stubEnv('ANTHROPIC_LOG', 'debug');
  vi.stubEnv('OPENAI_LOG', 'debug');
  const printed: unknown[] = [];
  for (const level of ['debug', 'info', 'log', 'warn', 'error'] as const) {
    vi.spyOn(console, level).mockImplementation((...values) => printed.push(...values));
  }
  const { llm, clock } = vendorGateway(stub, vendor, [good]);
  await llm.complete(request(clock)).finally(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });
  expect(printed).toEqual([]);
});

test.each(VENDORS)('%s gets a temperature only when the settings name one', async (vendor) => {
  const { llm, clock, calls } = vendorGateway(stub, vendor, [good]);
  await llm.complete(request(clock));
  expect(calls()[0]?.body).not.toHaveProperty('temperature');
  const uses = { grading: { models: { [vendor]: { model: 'm', prices: PRICES, temperature: 0 } } } };
  const cold = gateway({ providers: vendorProviders(stub, clock), order: [vendor], uses, clock });
  await cold.complete(request(clock));
  expect(calls()[1]?.body).toMatchObject({ model: 'm', temperature: 0 });
});

test('openai is asked for a strict schema', async () => {
  const { llm, clock, calls } = vendorGateway(stub, 'openai', [good]);
  await llm.complete(request(clock));
  expect(calls()[0]?.body['response_format']).toMatchObject({ json_schema: { name: 'verdict', strict: true } });
});

test('a refusal by the content filter of Azure OpenAI is a refusal', async () => {
  const { llm, clock } = vendorGateway(stub, 'openai', [{ kind: 'status', status: 400, type: 'content_filter' }]);
  expect(await llmError(llm.complete(request(clock)))).toMatchObject({ code: 'llm_refused', kind: 'permanent' });
});
