import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import queues from '../../infra/queues.json' with { type: 'json' };
import { type ServiceBus, startServiceBus } from '../../local/service-bus/server.ts';
import { parseTraceparent } from '../../shared/platform/trace-context.ts';
import { type CollectedSpan, type Collector, startCollector } from '../adapters/telemetry/collector.ts';
import { goodAnswer, type Person } from '../http/client.ts';
import { good, goodVerdict, type ModelLab, models, outboxOf, startModelLab, until, untilStatus } from './fixture.ts';

const minuteMs = 60_000;
const submitRoute = 'POST /api/student/entries/{entry_id}/submit';
// As OTLP numbers them.
const kinds = { internal: 1, client: 3, producer: 4 };

/** What must never leave in telemetry, each where a person could have written it. */
const marker = 'Zebrafinkmarker';
const markedAnswer = `${goodAnswer}<p>${marker} wrote this.</p>`;

let collector: Collector;
let lab: ModelLab;
let course: Awaited<ReturnType<ModelLab['makeCourse']>>;
let aheadMs = 0;

beforeAll(async () => {
  collector = await startCollector();
  lab = await startModelLab('anthropic,openai', {
    settings: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_SERVICE_NAME: 'lyceum-test',
      ACCESS_TOKEN_EXPIRE_MINUTES: '1440',
    },
    overrides: { clock: { now: () => Date.now() + aheadMs } },
  });
  course = await lab.makeCourse();
});
beforeEach(() => {
  lab.stub.script(() => good);
});
afterEach(() => {
  aheadMs = 0;
});
afterAll(async () => {
  await lab.close();
  await collector.close();
});

const newTrace = () => `00-${crypto.randomUUID().replaceAll('-', '')}-00f067aa0ba902b7-01`;
const traceIdOf = (traceparent: string) => parseTraceparent(traceparent)?.traceId;

/** Hands an answer in as part of a trace of its own, which makes its spans easy to find. */
async function submit(student: Person, entryId: string, headers: Record<string, string> = {}) {
  const traceparent = newTrace();
  const json = { submission_title: `A title by ${marker}`, content: markedAnswer };
  const reply = await student.post(`/api/student/entries/${entryId}/submit`, json, { traceparent, ...headers });
  expect(reply.status).toBe(200);
  const { submission_id } = reply.json<{ submission_id: string }>();
  return { traceparent, id: submission_id, trace: traceIdOf(headers['traceparent'] ?? traceparent) };
}

async function newEntry(): Promise<string> {
  return (await lab.makeEntry(course.staff, course.compId)).entry_id;
}

function spansOf(trace: string | undefined, name?: string): CollectedSpan[] {
  return collector.spans().filter((span) => span.traceId === trace && (name === undefined || span.name === name));
}

/** Waits until so many spans of a name have been exported in the trace; the order is that of their ends. */
function untilSpans(trace: string | undefined, name: string, count = 1): Promise<CollectedSpan[]> {
  return until(`${count} of ${name}`, async () => {
    const found = spansOf(trace, name);
    return found.length >= count ? found : undefined;
  });
}

/** Which of the sends led to this run: on a slow machine the change feed sends the same message once more, which the queue ignores. */
function sendOf(trace: string | undefined, processed: CollectedSpan | undefined): CollectedSpan | undefined {
  return spansOf(trace, 'send grading').find((span) => span.spanId === processed?.parentSpanId);
}

const messageIds = (spans: readonly CollectedSpan[]) => [
  ...new Set(spans.map((span) => span.attributes['messaging.message.id'])),
];

test('one trace leads from the request through the queue to the model, each a child of what led to it', async () => {
  const made = await submit(course.student, await newEntry(), { 'x-request-id': 'req-of-the-trace' });
  await untilStatus(lab, made.id, 'done');
  const [request] = await untilSpans(made.trace, submitRoute);
  const [processed] = await untilSpans(made.trace, 'process grading');
  const sent = await until('the send', async () => sendOf(made.trace, processed));
  const [asked] = await untilSpans(made.trace, `chat ${models.anthropic}`);
  expect([request?.parentSpanId, sent.parentSpanId, processed?.parentSpanId, asked?.parentSpanId]).toEqual([
    '00f067aa0ba902b7',
    request?.spanId,
    sent.spanId,
    processed?.spanId,
  ]);
  expect([request?.kind, sent.kind, processed?.kind, asked?.kind]).toEqual([
    kinds.internal,
    kinds.producer,
    kinds.internal,
    kinds.client,
  ]);
  expect(new Set(spansOf(made.trace).map((span) => span.name)).size).toBe(4);
  expect(spansOf(made.trace, 'process grading')).toHaveLength(1);
  expect(messageIds(spansOf(made.trace, 'send grading'))).toHaveLength(1);
  expect(spansOf(made.trace).filter((span) => span.isError)).toEqual([]);
  expect(request?.service).toBe('lyceum-test');
  expect(request?.attributes).toEqual({
    'http.request.method': 'POST',
    'http.route': '/api/student/entries/{entry_id}/submit',
    'http.response.status_code': 200,
    'lyceum.operation': 'submit-entry',
    'lyceum.request_id': 'req-of-the-trace',
    'lyceum.cosmos_calls': expect.any(Number),
    'lyceum.request_units': expect.any(Number),
  });
  const message = {
    'messaging.system': 'servicebus',
    'messaging.destination.name': 'grading',
    'messaging.message.id': expect.stringMatching(/^[0-9a-f-]{36}:1$/),
    'lyceum.job_id': expect.stringMatching(/^[0-9a-f-]{36}$/),
  };
  expect(sent.attributes).toEqual({
    ...message,
    'messaging.operation.name': 'send',
    'messaging.operation.type': 'send',
  });
  expect(processed?.attributes).toEqual({
    ...message,
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.servicebus.message.delivery_count': 1,
    'lyceum.operation': 'grade-submission',
    'lyceum.cosmos_calls': expect.any(Number),
    'lyceum.request_units': expect.any(Number),
  });
  expect(asked?.attributes).toMatchObject({
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'anthropic',
    'gen_ai.request.model': models.anthropic,
    'gen_ai.response.model': expect.any(String),
    'gen_ai.output.type': 'json',
    'lyceum.llm.use': 'grading',
    'lyceum.llm.round': 1,
  });
  const result = await untilStatus(lab, made.id, 'done');
  expect(asked?.attributes).toMatchObject({
    'gen_ai.usage.input_tokens': result.spent.input_tokens,
    'gen_ai.usage.output_tokens': result.spent.output_tokens,
    'lyceum.cost_micro_usd': result.spent.cost_micro_usd,
  });
});

test('the lines of the log name the trace that their work belongs to', async () => {
  const made = await submit(course.student, await newEntry());
  await untilStatus(lab, made.id, 'done');
  const lines = await until('the line of the job', async () => {
    const found = lab.app.lines().filter((line) => line['trace_id'] === made.trace);
    return found.some((line) => line.operation === 'grade-submission') ? found : undefined;
  });
  expect(lines.map((line) => line.operation ?? line.event)).toEqual([
    'submit-entry',
    'llm_call',
    'submission_graded',
    'grade-submission',
  ]);
  expect(lines.find((line) => line.event === 'llm_call')).toMatchObject({ comp_id: course.compId });
  expect(lines.find((line) => line.event === 'submission_graded')).toMatchObject({
    submission_id: made.id,
    comp_id: course.compId,
    attempts: 1,
    waited_s: expect.any(Number),
  });
});

test('the line of a grading says how long the student has waited since handing in', async () => {
  const held = Promise.withResolvers<typeof good>();
  lab.stub.script(() => held.promise);
  const made = await submit(course.student, await newEntry());
  await until('a call', async () => lab.stub.calls.at(-1));
  await untilStatus(lab, made.id, 'running');
  aheadMs = 2 * minuteMs;
  held.resolve(good);
  await untilStatus(lab, made.id, 'done');
  const line = lab.app.lines().find((one) => one.event === 'submission_graded' && one['submission_id'] === made.id);
  expect(line?.['waited_s']).toBeGreaterThanOrEqual(120);
  expect(line?.['waited_s']).toBeLessThan(150);
});

test('a model that fails and the one that is asked in its place have a span each', async () => {
  lab.stub.script(({ vendor }) => (vendor === 'anthropic' ? { kind: 'status', status: 503 } : good));
  const made = await submit(course.student, await newEntry());
  await untilStatus(lab, made.id, 'done');
  const [failed] = await untilSpans(made.trace, `chat ${models.anthropic}`);
  const [answered] = await untilSpans(made.trace, `chat ${models.openai}`);
  expect(failed).toMatchObject({
    isError: true,
    attributes: { 'error.type': 'llm_unavailable', 'http.response.status_code': 503, 'lyceum.cost_micro_usd': 0 },
  });
  expect(failed?.attributes).not.toHaveProperty(['gen_ai.response.model']);
  expect(answered).toMatchObject({ isError: false, attributes: { 'gen_ai.provider.name': 'openai' } });
  expect(answered?.parentSpanId).toBe(failed?.parentSpanId);
});

test('another try at grading stays in the trace, as a consequence of the one before', async () => {
  lab.stub.script(() => ({ kind: 'answer', text: 'no JSON', stop: 'truncated' }));
  const made = await submit(course.student, await newEntry());
  await untilStatus(lab, made.id, 'retrying');
  lab.stub.script(() => good);
  await untilStatus(lab, made.id, 'done');
  const processed = await untilSpans(made.trace, 'process grading', 2);
  const second = await until('the second send', async () => sendOf(made.trace, processed[1]));
  expect(second.parentSpanId).toBe(processed[0]?.spanId);
  expect(messageIds(spansOf(made.trace, 'send grading')).sort()).toEqual([
    expect.stringMatching(/:1$/),
    expect.stringMatching(/:2$/),
  ]);
  expect(second.attributes['messaging.message.id']).toMatch(/:2$/);
});

test('what the sweeper sends much later belongs to the trace of the request', async () => {
  const { gradingJobs } = lab.app.runtime.services;
  const { run } = gradingJobs;
  const lost = Promise.withResolvers<void>();
  // A message that was taken and came to nothing.
  gradingJobs.run = async () => lost.resolve();
  const made = await submit(course.student, await newEntry());
  await lost.promise;
  gradingJobs.run = run;
  aheadMs = 16 * minuteMs;
  const ran = await fetch(`${lab.app.url}/admin/functions/sweep-jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  expect(ran.status).toBe(202);
  await untilStatus(lab, made.id, 'done');
  const [request] = await untilSpans(made.trace, submitRoute);
  const processed = await untilSpans(made.trace, 'process grading', 2);
  const sent = spansOf(made.trace, 'send grading').find((span) => span.spanId === processed[1]?.parentSpanId);
  expect(sent?.attributes['messaging.message.id']).toMatch(/:s1$/);
  expect(sent?.parentSpanId).toBe(request?.spanId);
});

test('an error of ours makes the span one, a refusal does not', async () => {
  const refused = newTrace();
  await course.student.get('/api/student/submissions/00000000-0000-7000-8000-000000000000', { traceparent: refused });
  const [span] = await untilSpans(traceIdOf(refused), 'GET /api/student/submissions/{submission_id}');
  expect(span).toMatchObject({
    isError: false,
    attributes: { 'http.response.status_code': 404, 'lyceum.code': 'not_found' },
  });
  const broken = newTrace();
  const { submissions } = lab.app.runtime.services;
  const { list } = submissions;
  submissions.list = async () => {
    throw new Error(`Broken by ${marker}`);
  };
  await course.staff.get('/api/configure/submissions', { traceparent: broken });
  submissions.list = list;
  const [failed] = await until('a failed span', async () => {
    const found = spansOf(traceIdOf(broken));
    return found.length > 0 ? found : undefined;
  });
  expect(failed).toMatchObject({
    isError: true,
    attributes: { 'http.response.status_code': 500, 'error.type': 'internal' },
  });
});

test('what no endpoint takes has a span without the address that was asked for', async () => {
  const traceparent = newTrace();
  await course.student.get(`/nowhere/${marker}`, { traceparent });
  const [span] = await untilSpans(traceIdOf(traceparent), 'GET');
  expect(span?.attributes).toMatchObject({ 'http.response.status_code': 404, 'lyceum.operation': 'answer-unmatched' });
});

test('a traceparent that is none is not continued', async () => {
  const before = collector.spans().length;
  const reply = await course.student.get('/health', { traceparent: `00-${marker}-00f067aa0ba902b7-01` });
  expect(reply.status).toBe(200);
  await until('a span', async () => (collector.spans().length > before ? true : undefined));
  expect(collector.received.map(({ text }) => text).join()).not.toContain(marker);
});

describe('while the queue is down', () => {
  let second: ServiceBus | undefined;
  afterAll(() => second?.close());

  test('the message that the change feed sends when it is back belongs to the trace of the request', async () => {
    const entryId = await newEntry();
    await lab.app.serviceBus.close();
    const made = await submit(course.student, entryId);
    expect(traceIdOf((await outboxOf(lab))[0]?.traceparent ?? '')).toBe(made.trace);
    second = await startServiceBus({ port: lab.app.serviceBus.port, dataDir: ':memory:', queues: queues.queues });
    await untilStatus(lab, made.id, 'done');
    const [request] = await untilSpans(made.trace, submitRoute);
    const [processed] = await untilSpans(made.trace, 'process grading');
    const sent = spansOf(made.trace, 'send grading').find((span) => span.spanId === processed?.parentSpanId);
    expect(sent?.parentSpanId).toBe(request?.spanId);
  });
});

test('nothing that a person wrote or is called, and no credential, is in anything that was exported', async () => {
  await sleep(1_500);
  const everything = collector.received.map(({ text }) => text).join('\n');
  expect(everything).toContain('process grading');
  const { student, staff } = course;
  for (const secret of [
    marker,
    'Chlorophyll',
    goodVerdict.criteria[0]?.reason ?? '',
    'Photosynthesis',
    student.username,
    staff.username,
    student.id,
    student.token,
    'only for tests',
    'a key for tests',
    '127.0.0.1',
  ]) {
    expect([secret, everything.includes(secret)]).toEqual([secret, false]);
  }
});
