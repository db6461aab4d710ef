import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../shared/platform/config.ts';
import { createLogger } from '../../shared/platform/logging.ts';
import { telemetryTargets } from '../../shared/platform/telemetry-settings.ts';
import { parseTraceparent, toTraceparent } from '../../shared/platform/trace-context.ts';
import { errorTypeOf, traceOf } from '../../shared/platform/tracing.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';

describe('a traceparent', () => {
  test.each(['00', '01'])('with the flags %s is read and written as it was', (flags) => {
    const text = `00-${traceId}-${spanId}-${flags}`;
    const context = parseTraceparent(text);
    expect(context).toEqual({ traceId, spanId, traceFlags: Number(flags), isRemote: true });
    expect(context && toTraceparent(context)).toBe(text);
  });

  test('of a later version is read as far as it is known', () => {
    expect(parseTraceparent(`01-${traceId}-${spanId}-03-more`)).toMatchObject({ traceId, traceFlags: 1 });
  });

  test.each([
    '',
    'anything',
    `00-${traceId}-${spanId}`,
    `00-${traceId}-${spanId}-01-more`,
    `ff-${traceId}-${spanId}-01`,
    `00-${'0'.repeat(32)}-${spanId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
  ])('that breaks the rules is none: %s', (text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });

  test('of any text never throws, and what is read holds nothing but hexadecimal digits', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, after) => {
        const context = parseTraceparent(`${before}00-${traceId}-${spanId}-01${after}`);
        if (context !== undefined) expect(toTraceparent(context)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
      }),
    );
  });

  test('of the host goes before that of the request', () => {
    const own = `00-${traceId}-${spanId}-00`;
    const host = own.replace('4bf9', 'aaaa');
    expect(traceOf({ traceParent: host }, own)?.traceId).toMatch(/^aaaa/);
    expect(traceOf({ traceParent: '' }, own)?.traceId).toBe(traceId);
    expect(traceOf(undefined, 7)).toBeUndefined();
  });
});

test('the word for an error is one of few, and never its message', () => {
  class Coded extends Error {
    code = 'Timeout';
  }
  expect(errorTypeOf(new Coded('of kim@example.org'))).toBe('Timeout');
  expect(errorTypeOf(new TypeError('of kim@example.org'))).toBe('TypeError');
  expect(errorTypeOf(Object.assign(new Error('x'), { code: 'of kim@example.org' }))).toBe('_OTHER');
  expect(errorTypeOf('of kim@example.org')).toBe('_OTHER');
});

test('no field of a line takes the place of its trace', () => {
  const lines: string[] = [];
  const options = { write: (line: string) => lines.push(line), clock: { now: () => 0 }, level: 'info' as const };
  createLogger({ ...options, traceId: () => traceId }).info('event', { trace_id: 'another', status: 200 });
  createLogger({ ...options, traceId: () => undefined }).info('event');
  expect(lines).toEqual([
    `{"time":"1970-01-01T00:00:00.000Z","level":"info","event":"event","trace_id":"${traceId}","status":200}`,
    '{"time":"1970-01-01T00:00:00.000Z","level":"info","event":"event"}',
  ]);
});

describe('where spans go', () => {
  const settings = {
    JWT_SECRET: 'x'.repeat(32),
    DATA_ENCRYPTION_KEY: 'x'.repeat(32),
    CosmosConnection: 'AccountEndpoint=https://127.0.0.1/;AccountKey=a2V5',
    ServiceBusConnection: 'Endpoint=sb://127.0.0.1;SharedAccessKeyName=a;SharedAccessKey=a2V5',
    AzureWebJobsStorage: 'UseDevelopmentStorage=true',
    LLM_ALLOW_SIMULATOR: 'true',
  };
  const targets = (more: Record<string, string>) => telemetryTargets(loadConfig({ ...settings, ...more }));
  const connection = 'InstrumentationKey=11111111-2222-3333-4444-555555555555;IngestionEndpoint=https://example.org/';

  test('is nowhere unless the settings say so', () => {
    expect(targets({ OTEL_SERVICE_NAME: 'x', APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'Authorization=AAD' })).toBe(
      undefined,
    );
  });

  test('is Application Insights as the identity that the settings name', () => {
    const found = targets({
      APPLICATIONINSIGHTS_CONNECTION_STRING: connection,
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=abc-1;Authorization=AAD',
      LYCEUM_PART: 'worker',
    });
    expect(found).toMatchObject({
      serviceName: 'lyceum-worker',
      ratio: 1,
      otlp: undefined,
      applicationInsights: { connectionString: connection, authentication: { clientId: 'abc-1' } },
    });
    expect(targets({ APPLICATIONINSIGHTS_CONNECTION_STRING: connection })?.applicationInsights?.authentication).toBe(
      'none',
    );
  });

  test('is a collector with its headers, beside Application Insights', () => {
    const found = targets({
      APPLICATIONINSIGHTS_CONNECTION_STRING: connection,
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318',
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20key, x-team = lyceum,broken,bad=%zz',
      OTEL_TRACES_SAMPLER_ARG: '0.1',
    });
    expect(found?.otlp).toEqual({
      endpoint: 'http://127.0.0.1:4318',
      headers: { 'api-key': 'a key', 'x-team': 'lyceum', bad: '%zz' },
    });
    expect(found?.applicationInsights).toBeDefined();
    expect([found?.serviceName, found?.ratio]).toEqual(['lyceum', 0.1]);
  });

  test.each([
    ['OTEL_TRACES_SAMPLER_ARG', '1.5'],
    ['OTEL_TRACES_SAMPLER_ARG', 'always'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'localhost:4317'],
    ['APPLICATIONINSIGHTS_CONNECTION_STRING', 'a key'],
    ['APPLICATIONINSIGHTS_AUTHENTICATION_STRING', 'ClientId=abc'],
  ])('is refused when %s is %s', (name, value) => {
    expect(() => targets({ [name]: value })).toThrow(name);
  });
});
