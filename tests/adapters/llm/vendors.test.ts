import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { LlmErrorCode } from '../../../shared/adapters/llm/types.ts';
import {
  gateway,
  goodVerdict,
  llmError,
  movableClock,
  request,
  SECRET_TEXT,
  START_MS,
  vendorGateway,
  vendorProviders,
} from './gateway-fixture.ts';
import { startVendorStub, type VendorBehaviour, type VendorStub } from './vendor-stub.ts';

let stub: VendorStub;
beforeAll(async () => {
  stub = await startVendorStub();
});
afterAll(() => stub.close());

const VENDORS = ['anthropic', 'openai'] as const;

describe.each(VENDORS)('%s through its SDK', (vendor) => {
  test('a prompt is sent with instructions and rubric first, and the parsed answer comes back with usage and cost', async () => {
    const { llm, clock, calls, records } = vendorGateway(stub, vendor, [
      { kind: 'answer', value: goodVerdict, usage: { input: 100, output: 20, cached: 60, cacheWrite: 30 } },
    ]);
    const result = await llm.complete(request(clock));
    expect(result).toEqual({
      value: goodVerdict,
      provider: vendor,
      model: vendor === 'anthropic' ? 'claude-test' : 'gpt-test',
      usage: { input_tokens: 100, output_tokens: 20, cached_input_tokens: 60, cache_write_input_tokens: 30 },
      // 10 plain at 3, 60 read at 1, 30 written at 4, 20 of output at 15.
      cost_micro_usd: 10 * 3 + 60 * 1 + 30 * 4 + 20 * 15,
    });
    expect(calls()).toMatchObject([{ vendor, system: 'You grade.\n\nThe rubric.', user: `Answer: ${SECRET_TEXT}` }]);
    expect(records).toMatchObject([{ provider: vendor, use: 'grading', round: 1, status: 'ok', cost_micro_usd: 510 }]);
  });

  const failures: [string, VendorBehaviour, LlmErrorCode, 'transient' | 'permanent'][] = [
    ['500', { kind: 'status', status: 500 }, 'llm_unavailable', 'transient'],
    ['503', { kind: 'status', status: 503 }, 'llm_unavailable', 'transient'],
    ['529 overloaded', { kind: 'status', status: 529, type: 'overloaded_error' }, 'llm_unavailable', 'transient'],
    ['408', { kind: 'status', status: 408 }, 'llm_timeout', 'transient'],
    ['409', { kind: 'status', status: 409 }, 'llm_unavailable', 'transient'],
    ['429 without a time', { kind: 'status', status: 429 }, 'llm_rate_limited', 'transient'],
    ['a web page', { kind: 'garbage', contentType: 'text/html', body: '<h1>Hi</h1>' }, 'llm_unavailable', 'transient'],
    [
      'broken JSON',
      { kind: 'garbage', contentType: 'application/json', body: '{"a":' },
      'llm_unavailable',
      'transient',
    ],
    [
      'JSON of another API',
      { kind: 'garbage', contentType: 'application/json', body: '{}' },
      'llm_unavailable',
      'transient',
    ],
    ['an empty body', { kind: 'garbage', contentType: 'application/json', body: '' }, 'llm_unavailable', 'transient'],
    ['a connection cut in the body', { kind: 'cut' }, 'llm_unavailable', 'transient'],
    ['401', { kind: 'status', status: 401 }, 'llm_not_configured', 'transient'],
    ['an unknown model', { kind: 'status', status: 404 }, 'llm_not_configured', 'transient'],
    [
      'an empty account',
      { kind: 'status', status: 400, message: 'Your credit balance is too low to access.' },
      'llm_not_configured',
      'transient',
    ],
    ['400', { kind: 'status', status: 400 }, 'llm_rejected', 'permanent'],
    ['413', { kind: 'status', status: 413 }, 'llm_rejected', 'permanent'],
    ['422', { kind: 'status', status: 422 }, 'llm_rejected', 'permanent'],
    ['a refusal', { kind: 'answer', text: 'No.', stop: 'refused' }, 'llm_refused', 'permanent'],
    [
      'a truncated answer',
      { kind: 'answer', text: '{"points": 1, "le', stop: 'truncated' },
      'llm_truncated',
      'transient',
    ],
  ];
  test.each(failures)('%s is classified after a single call', async (_name, behaviour, code, kind) => {
    const { llm, clock, calls, records } = vendorGateway(stub, vendor, [behaviour]);
    const error = await llmError(llm.complete(request(clock)));
    expect(error).toMatchObject({ code, kind, attempts: [{ provider: vendor, code }] });
    expect(calls()).toHaveLength(1);
    expect(records).toMatchObject([{ status: 'error', error_code: code }]);
  });

  test.each(['refused', 'truncated'] as const)('an answer that was %s is paid for', async (stop) => {
    const { llm, clock } = vendorGateway(stub, vendor, [
      { kind: 'answer', text: 'No.', stop, usage: { input: 10, output: 4 } },
    ]);
    const error = await llmError(llm.complete(request(clock)));
    expect(error.spent).toMatchObject({ usage: { input_tokens: 10, output_tokens: 4 }, cost_micro_usd: 90 });
  });

  test.each([
    ['seconds', { 'retry-after': '7' }, 7],
    ['an HTTP date', { 'retry-after': new Date(START_MS + 42_000).toUTCString() }, 42],
    ['milliseconds', { 'retry-after-ms': '1500', 'retry-after': '99' }, 2],
  ])('a 429 with Retry-After as %s tells when to come back', async (_name, headers, seconds) => {
    const { llm, clock } = vendorGateway(stub, vendor, [{ kind: 'status', status: 429, headers }]);
    const error = await llmError(llm.complete(request(clock)));
    expect(error).toMatchObject({ code: 'llm_rate_limited', retryAfterS: seconds, httpStatus: 429 });
  });

  test('a failed call is recorded with what the vendor needs to look it up, and with its duration', async () => {
    const headers = { 'request-id': 'req_1', 'x-request-id': 'req_1' };
    const { llm, clock, records } = vendorGateway(stub, vendor, () => {
      clock.advance(250);
      return { kind: 'status', status: 529, type: 'overloaded_error', headers };
    });
    const error = await llmError(llm.complete(request(clock)));
    expect(error).toMatchObject({ httpStatus: 529, vendorCode: 'overloaded_error', requestId: 'req_1' });
    const details = { http_status: 529, vendor_code: 'overloaded_error', request_id: 'req_1', ms: 250 };
    expect(records).toMatchObject([details]);
  });

  test('a vendor that is too slow is given up at the time-out, and its connection is closed', async () => {
    const { llm, clock, calls } = vendorGateway(stub, vendor, [{ kind: 'hang' }], 1_000);
    const startedMs = Date.now();
    const error = await llmError(llm.complete(request(clock)));
    expect(error).toMatchObject({ code: 'llm_timeout', kind: 'transient' });
    expect(Date.now() - startedMs).toBeLessThan(3_000);
    await vi.waitFor(() => expect(calls()[0]?.isGivenUp()).toBe(true), { timeout: 10_000 });
  });

  test('a deadline that is nearer than the time-out ends the attempt', async () => {
    const { llm, clock } = vendorGateway(stub, vendor, [{ kind: 'hang' }], 20_000);
    const startedMs = Date.now();
    const error = await llmError(llm.complete(request(clock, { deadlineMs: clock.now() + 1_200 })));
    expect(error.code).toBe('llm_timeout');
    expect(Date.now() - startedMs).toBeLessThan(4_000);
  });

  test('a connection that is refused is an outage', async () => {
    const gone = await startVendorStub();
    await gone.close();
    const clock = movableClock();
    const llm = gateway({ providers: vendorProviders(gone, clock), order: [vendor], clock });
    expect(await llmError(llm.complete(request(clock)))).toMatchObject({ code: 'llm_unavailable', kind: 'transient' });
  });

  test('an answer of the wrong form is sent back once with its problems, and both calls are paid for', async () => {
    const { llm, clock, calls, records } = vendorGateway(stub, vendor, [
      { kind: 'answer', value: { ...goodVerdict, points: 11 }, usage: { input: 10, output: 1 } },
      { kind: 'answer', value: goodVerdict, usage: { input: 20, output: 2 } },
    ]);
    const result = await llm.complete(request(clock));
    expect(result).toMatchObject({
      value: goodVerdict,
      usage: { input_tokens: 30, output_tokens: 3 },
      cost_micro_usd: 30 * 3 + 3 * 15,
    });
    const repair = calls()[1];
    expect(repair?.messages.filter((message) => message.role !== 'system').map((message) => message.role)).toEqual([
      'user',
      'assistant',
      'user',
    ]);
    expect(repair?.user).toContain('points');
    expect(records).toMatchObject([
      { round: 1, status: 'error', error_code: 'llm_bad_output', cost_micro_usd: 45 },
      { round: 2, status: 'ok', cost_micro_usd: 90 },
    ]);
  });

  test.each([
    ['another schema', JSON.stringify({ points: 'seven' })],
    ['no JSON', `Well, ${SECRET_TEXT} deserves 7.`],
    ['an empty text', ''],
  ])('an answer that is %s twice is a transient error that carries the cost of both calls', async (_name, text) => {
    const { llm, clock, calls } = vendorGateway(stub, vendor, [
      { kind: 'answer', text, usage: { input: 10, output: 1 } },
    ]);
    const error = await llmError(llm.complete(request(clock)));
    expect(error).toMatchObject({ code: 'llm_bad_output', kind: 'transient' });
    expect(error.spent).toMatchObject({ usage: { input_tokens: 20, output_tokens: 2 }, cost_micro_usd: 90 });
    expect(calls()).toHaveLength(2);
  });

  test('a repair round that meets an outage reports the outage and the cost of the first call', async () => {
    const { llm, clock } = vendorGateway(stub, vendor, [
      { kind: 'answer', text: 'no', usage: { input: 10, output: 1 } },
      { kind: 'status', status: 500 },
    ]);
    const error = await llmError(llm.complete(request(clock)));
    expect(error).toMatchObject({ code: 'llm_unavailable', spent: { cost_micro_usd: 45 } });
  });

  test('an answer within a code block is read', async () => {
    const { llm, clock } = vendorGateway(stub, vendor, [
      { kind: 'answer', text: `\`\`\`json\n${JSON.stringify(goodVerdict)}\n\`\`\`` },
    ]);
    expect((await llm.complete(request(clock))).value).toEqual(goodVerdict);
  });

  test('neither errors nor records repeat what the student wrote, even when the vendor echoes it', async () => {
    const echoes: VendorBehaviour[] = [
      { kind: 'status', status: 400, message: `Invalid: ${SECRET_TEXT}`, type: `bad ${SECRET_TEXT}` },
      { kind: 'status', status: 500, message: SECRET_TEXT, headers: { 'request-id': `a ${SECRET_TEXT}` } },
      { kind: 'answer', text: SECRET_TEXT },
      { kind: 'answer', value: { [SECRET_TEXT]: 1 } },
      { kind: 'garbage', contentType: 'application/json', body: SECRET_TEXT },
      { kind: 'answer', text: SECRET_TEXT, stop: 'refused' },
    ];
    for (const echo of echoes) {
      const { llm, clock, records } = vendorGateway(stub, vendor, [echo]);
      const error = await llmError(llm.complete(request(clock)));
      const seen = inspect([error, error.cause, error.stack, records], { depth: 10, showHidden: true });
      expect(seen, JSON.stringify(echo)).not.toContain('private-essay');
    }
  });

  test('calls at the same time do not mix up their answers', async () => {
    const { llm, clock } = vendorGateway(stub, vendor, async (call) => ({
      kind: 'answer',
      value: { ...goodVerdict, note: call.user },
      delayMs: call.index % 2 === 0 ? 30 : 1,
    }));
    const users = Array.from({ length: 8 }, (_, index) => `student ${index}`);
    const results = await Promise.all(users.map((user) => llm.complete(request(clock, { user }))));
    expect(results.map((result) => result.value.note)).toEqual(users);
  });
});
