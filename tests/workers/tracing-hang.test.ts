import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { percentile } from '../../bench/statistics.ts';
import { type Collector, startCollector } from '../adapters/telemetry/collector.ts';
import { type Lab, startLab } from '../http/client.ts';

let collector: Collector;
let lab: Lab;
beforeAll(async () => {
  collector = await startCollector();
  collector.behave('hang');
  lab = await startLab({ settings: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url } });
});
afterAll(async () => {
  const startedMs = performance.now();
  await lab.close();
  expect(performance.now() - startedMs).toBeLessThan(8_000);
  await collector.close();
});

test('with a collector that never answers, requests are answered as ever and submissions graded', async () => {
  const { student, entryId } = await lab.makeCourse();
  const { submission_id: id } = await lab.submit(student, entryId);
  await lab.waitForOutcome(student, id);
  const times: number[] = [];
  for (let count = 0; count < 300; count += 1) {
    const startedMs = performance.now();
    const reply = await fetch(`${lab.app.url}/health`);
    expect(reply.status).toBe(200);
    await reply.arrayBuffer();
    times.push(performance.now() - startedMs);
  }
  expect(percentile(times, 95)).toBeLessThan(100);
  await sleep(1_200);
  expect(collector.received.length).toBeGreaterThan(0);
});
