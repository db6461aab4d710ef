import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { projectRoot } from '../../tools/run-command.ts';
import { type Collector, startCollector } from '../adapters/telemetry/collector.ts';
import { type Lab, startLab } from '../http/client.ts';

describe('with a share of 0', () => {
  let collector: Collector;
  let lab: Lab;
  beforeAll(async () => {
    collector = await startCollector();
    lab = await startLab({
      settings: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_TRACES_SAMPLER_ARG: '0' },
    });
  });
  afterAll(async () => {
    await lab.close();
    await collector.close();
  });

  test('nothing is exported, everything works, and the lines of one piece of work still have one trace', async () => {
    const { student, entryId } = await lab.makeCourse();
    const { submission_id: id } = await lab.submit(student, entryId);
    await lab.waitForOutcome(student, id);
    await sleep(1_500);
    expect(collector.received).toEqual([]);
    const graded = lab.app.lines().find((line) => line.event === 'submission_graded');
    const trace = lab.app.lines().filter((line) => line['trace_id'] === graded?.['trace_id']);
    expect(trace.map((line) => line.operation ?? line.event)).toEqual([
      'submit-entry',
      'llm_call',
      'submission_graded',
      'grade-submission',
    ]);
  });

  test('a caller who keeps its own trace has ours in it', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await fetch(`${lab.app.url}/health`, { headers: { traceparent } });
    await expect.poll(() => collector.spans().length).toBeGreaterThan(0);
    expect(collector.spans()).toMatchObject([{ name: 'GET /health', parentSpanId: '00f067aa0ba902b7' }]);
  });
});

describe('without an exporter', () => {
  const settings = {
    JWT_SECRET: 'x'.repeat(32),
    DATA_ENCRYPTION_KEY: 'x'.repeat(32),
    CosmosConnection: 'AccountEndpoint=https://127.0.0.1/;AccountKey=a2V5',
    ServiceBusConnection: 'Endpoint=sb://127.0.0.1;SharedAccessKeyName=a;SharedAccessKey=a2V5',
    AzureWebJobsStorage: 'UseDevelopmentStorage=true',
    LLM_ALLOW_SIMULATOR: 'true',
  };
  async function loadedWith(more: Record<string, string>): Promise<string[]> {
    const script = join(projectRoot, 'tests/tools/fixtures/script-that-loads-telemetry.ts');
    const { stdout } = await promisify(execFile)(process.execPath, [script], { env: { ...settings, ...more } });
    // The script above prints this.
    return (JSON.parse(stdout.split('\n').at(-2) ?? '') as { loaded: string[] }).loaded;
  }

  test('no module of telemetry is loaded', async () => {
    expect(await loadedWith({})).toEqual([]);
  });

  test('with one, the exporters wait until there is something to export', async () => {
    const loaded = await loadedWith({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' });
    expect(loaded).toContain('@opentelemetry/sdk-trace');
    expect(loaded).not.toContain('@opentelemetry/exporter-trace-otlp-http');
    expect(loaded).not.toContain('@azure/monitor-opentelemetry-exporter');
  });
});
