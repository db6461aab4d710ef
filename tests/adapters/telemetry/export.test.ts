import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTelemetry } from '../../../shared/adapters/telemetry/tracing.ts';
import type { TelemetryOptions } from '../../../shared/adapters/telemetry/types.ts';
import { spanKind } from '../../../shared/platform/tracing.ts';
import { until } from '../../workers/fixture.ts';
import { type Collector, startCollector } from './collector.ts';

const limits = { queueMax: 100, batchMax: 50, delayMs: 20, timeoutMs: 400, closeMs: 300 };

let collector: Collector;
let failures: Parameters<TelemetryOptions['onFailure']>[0][];
beforeEach(async () => {
  collector = await startCollector();
  failures = [];
});
afterEach(() => collector.close());

async function start(options: Partial<TelemetryOptions> = {}) {
  // What one that is closed says late is not about the next.
  const own = failures;
  const telemetry = createTelemetry({
    serviceName: 'lyceum-test',
    ratio: 1,
    otlp: { endpoint: collector.url, headers: {} },
    onFailure: (failure) => own.push(failure),
    limits,
    ...options,
  });
  await until('the SDK', async () => telemetry.startSpan('warm-up', spanKind.internal, undefined, {}));
  return {
    ...telemetry,
    make(count: number) {
      for (let made = 0; made < count; made += 1)
        telemetry.startSpan(`span ${made}`, spanKind.internal, undefined, {})?.end();
    },
  };
}

describe('the OTLP exporter', () => {
  test('sends spans with the name of the service and the headers of the settings, without being asked to', async () => {
    const telemetry = await start({ otlp: { endpoint: `${collector.url}/`, headers: { 'x-team': 'lyceum' } } });
    telemetry.make(3);
    await until('spans', async () => (collector.spans().length === 3 ? true : undefined));
    expect(collector.received[0]?.headers['x-team']).toBe('lyceum');
    expect(new Set(collector.spans().map((span) => span.service))).toEqual(new Set(['lyceum-test']));
    await telemetry.close();
    expect(failures).toEqual([]);
  });

  test('sends what is left at the end of the process', async () => {
    const telemetry = await start({ limits: { ...limits, delayMs: 60_000 } });
    telemetry.make(3);
    await telemetry.close();
    expect(collector.spans()).toHaveLength(3);
  });
});

describe('a collector that does not work', () => {
  test('and never answers holds up nothing: the rest is dropped beyond the queue, and the end has its limit', async () => {
    collector.behave('hang');
    const telemetry = await start();
    const startedMs = performance.now();
    telemetry.make(10_000);
    // Making spans is all that a request ever waits for.
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    await until('a batch that hangs', async () => (collector.received.length > 0 ? true : undefined));
    collector.behave(200);
    await until('a batch that does not', async () => (collector.received.length > 2 ? true : undefined));
    await sleep(200);
    // What hung, and a full queue: nothing else was kept.
    expect(collector.spans().length).toBeLessThanOrEqual(limits.queueMax + limits.batchMax);
    collector.behave('hang');
    telemetry.make(10);
    const closedMs = performance.now();
    await telemetry.close();
    expect(performance.now() - closedMs).toBeLessThan(limits.closeMs + 500);
    await until('a word about it', async () => (failures.length > 0 ? true : undefined));
  });

  test.each([400, 401, 404, 500, 503])('and answers %i is told once and not by every batch', async (status) => {
    collector.behave(status);
    const telemetry = await start();
    for (let batch = 0; batch < 3; batch += 1) {
      telemetry.make(5);
      await sleep(60);
    }
    await until('a word about it', async () => (failures.length > 0 ? true : undefined));
    await telemetry.close();
    expect(failures).toEqual([{ exporter: 'otlp', spans: expect.any(Number), error: expect.any(Error) }]);
  });

  test('and is gone changes nothing for who makes spans', async () => {
    const telemetry = await start({ otlp: { endpoint: 'http://127.0.0.1:9', headers: {} } });
    telemetry.make(200);
    await until('a word about it', async () => (failures.length > 0 ? true : undefined));
    await telemetry.close();
    expect(failures[0]?.exporter).toBe('otlp');
  });
});

describe('the sampler', () => {
  const parent = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7', isRemote: true };

  test('keeps the share of the traces that begin here, and decides as the caller did for all others', async () => {
    const telemetry = await start({ ratio: 0.25 });
    const spans = Array.from({ length: 4_000 }, () => telemetry.startSpan('s', spanKind.internal, undefined, {}));
    const kept = spans.filter((span) => span?.isRecording()).length;
    expect(kept).toBeGreaterThan(800);
    expect(kept).toBeLessThan(1_200);
    const child = (traceFlags: number) => telemetry.startSpan('s', spanKind.internal, { ...parent, traceFlags }, {});
    expect([child(1)?.isRecording(), child(0)?.isRecording()]).toEqual([true, false]);
    expect(child(0)?.spanContext()).toMatchObject({ traceId: parent.traceId, traceFlags: 0 });
    await telemetry.close();
  });
});

describe('the exporter for Application Insights', () => {
  const key = '11111111-2222-3333-4444-555555555555';
  const connectionString = () => `InstrumentationKey=${key};IngestionEndpoint=${collector.url}`;

  beforeEach(async () => {
    await collector.close();
    collector = await startCollector((_path, text) => {
      const { length } = JSON.parse(text) as unknown[];
      return JSON.stringify({ itemsReceived: length, itemsAccepted: length, errors: [] });
    });
  });

  test('posts every span as a dependency of its trace, and nothing about itself', async () => {
    const telemetry = await start({
      otlp: undefined,
      applicationInsights: { connectionString: connectionString(), authentication: 'none' },
    });
    const request = telemetry.startSpan('POST /things', spanKind.internal, undefined, {
      'http.request.method': 'POST',
      'http.route': '/things',
    });
    const sent = telemetry.startSpan('send grading', spanKind.producer, request?.spanContext(), {});
    const asked = telemetry.startSpan('chat model-a', spanKind.client, request?.spanContext(), {
      'gen_ai.usage.input_tokens': 12,
    });
    for (const span of [asked, sent]) span?.end();
    request?.setAttribute('http.response.status_code', 200).end();
    await until('a post', async () => (collector.received.length > 0 ? true : undefined));
    await telemetry.close();
    expect(new Set(collector.received.map(({ path }) => path))).toEqual(new Set(['/v2.1/track']));
    const envelopes = collector.received.flatMap(({ text }) => JSON.parse(text) as Record<string, never>[]);
    expect(envelopes.map((one) => one['iKey'])).toEqual([key, key, key]);
    const trace = request?.spanContext();
    expect(envelopes).toMatchObject([
      {
        data: {
          baseType: 'RemoteDependencyData',
          baseData: { name: 'chat model-a', properties: { 'gen_ai.usage.input_tokens': '12' } },
        },
        tags: {
          'ai.operation.id': trace?.traceId,
          'ai.operation.parentId': trace?.spanId,
          'ai.cloud.role': 'lyceum-test',
        },
      },
      { data: { baseData: { name: 'send grading', type: 'Queue Message' } } },
      {
        data: {
          baseType: 'RemoteDependencyData',
          baseData: { name: 'POST /things', id: trace?.spanId, success: true },
        },
        tags: { 'ai.operation.id': trace?.traceId },
      },
    ]);
    expect(collector.received[0]?.headers['authorization']).toBeUndefined();
    expect(failures).toEqual([]);
  });

  test('works beside the other one, and neither waits for the other', async () => {
    const insights = await startCollector();
    insights.behave('hang');
    const telemetry = await start({
      applicationInsights: {
        connectionString: `InstrumentationKey=${key};IngestionEndpoint=${insights.url}`,
        authentication: 'none',
      },
    });
    telemetry.make(3);
    await until('both', async () =>
      insights.received.length > 0 && collector.spans().length === 3 ? true : undefined,
    );
    telemetry.make(3);
    await until('more', async () => (collector.spans().length === 6 ? true : undefined));
    await telemetry.close();
    await insights.close();
  });

  test.each([401, 429, 503])('that answers %i is told', async (status) => {
    collector.behave(status);
    const telemetry = await start({
      otlp: undefined,
      applicationInsights: { connectionString: connectionString(), authentication: 'none' },
    });
    telemetry.make(3);
    await until('a word about it', async () => (failures.length > 0 ? true : undefined));
    expect(failures).toMatchObject([
      { exporter: 'application_insights', spans: 3, error: { message: `It answered ${status}.` } },
    ]);
    await telemetry.close();
  });

  test('that is set up wrongly is told and disturbs nothing', async () => {
    const telemetry = await start({
      applicationInsights: { connectionString: 'InstrumentationKey=wrong', authentication: 'none' },
    });
    telemetry.make(3);
    await until('a word about it', async () => (failures.length > 0 ? true : undefined));
    expect(failures[0]).toMatchObject({ exporter: 'application_insights', error: expect.any(Error) });
    await until('the others', async () => (collector.spans().length === 3 ? true : undefined));
    await telemetry.close();
  });
});
