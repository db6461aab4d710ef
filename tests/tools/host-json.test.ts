import { describe, expect, test } from 'vitest';
import hostJson from '../../host.json' with { type: 'json' };
import queueDefinitions from '../../infra/queues.json' with { type: 'json' };

/** `hh:mm:ss` of host.json in seconds. */
function spanS(text: string): number {
  const match = /^(\d\d):(\d\d):(\d\d)$/.exec(text);
  if (!match) throw new Error(`${text} is not hh:mm:ss`);
  const [, hours, minutes, seconds] = match;
  return Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

/** An ISO 8601 duration of days, hours, minutes and seconds in seconds. */
function durationS(text: string): number {
  const match = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/.exec(text);
  if (!match || text === 'P' || text.endsWith('T')) throw new Error(`${text} is not a duration`);
  const [, days = '0', hours = '0', minutes = '0', seconds = '0'] = match;
  return ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds);
}

const bus = hostJson.extensions.serviceBus;
const timeoutS = spanS(hostJson.functionTimeout);
const renewalS = spanS(bus.maxAutoLockRenewalDuration);

describe('host.json', () => {
  test('keeps a message locked for as long as its function may run, so that no other instance grades it meanwhile', () => {
    expect(renewalS).toBeGreaterThanOrEqual(timeoutS);
  });

  test('lets a call to a model take its time, within what a deployment waits for', () => {
    expect(timeoutS).toBeGreaterThanOrEqual(300);
    expect(timeoutS).toBeLessThanOrEqual(3600);
  });

  test('fetches no message before it can be worked on, because its lock would age', () => {
    expect(bus.prefetchCount).toBe(0);
  });

  test('settles messages itself: a function that returns is done, one that throws is not', () => {
    expect(bus.autoCompleteMessages).toBe(true);
  });

  test('works on few messages at a time, because each is a call to a model', () => {
    expect(bus.maxConcurrentCalls).toBeGreaterThanOrEqual(1);
    expect(bus.maxConcurrentCalls).toBeLessThanOrEqual(8);
  });

  test('routes exactly what the functions say, without a prefix', () => {
    expect(hostJson.extensions.http.routePrefix).toBe('');
  });

  test('takes the extensions of the fourth generation', () => {
    expect(hostJson.version).toBe('2.0');
    expect(hostJson.extensionBundle.id).toBe('Microsoft.Azure.Functions.ExtensionBundle');
    expect(hostJson.extensionBundle.version).toMatch(/^\[4\..*, 5\.0\.0\)$/);
  });

  test('exports its own spans as OpenTelemetry, so that they and those of the application are one trace', () => {
    expect(hostJson.telemetryMode).toBe('OpenTelemetry');
    // Settings of the old kind of telemetry, sampling among them, would be read by nobody.
    expect(Object.keys(hostJson.logging)).toEqual(['logLevel']);
  });

  test('keeps the lines that functions write to their standard output, which is where all of ours go', () => {
    expect(hostJson.logging.logLevel['Host.Function.Console']).toBe('Information');
  });

  test('logs what functions say and what became of each call', () => {
    expect(hostJson.logging.logLevel.Function).toBe('Information');
    expect(hostJson.logging.logLevel['Host.Results']).toBe('Information');
  });
});

describe.each(queueDefinitions.queues)('queue $name', (queue) => {
  test('has a lock that the service allows and that the host renews', () => {
    expect(durationS(queue.lockDuration)).toBeGreaterThanOrEqual(5);
    expect(durationS(queue.lockDuration)).toBeLessThanOrEqual(300);
    expect(durationS(queue.lockDuration)).toBeLessThanOrEqual(renewalS);
  });

  test('gives up after few deliveries, because each may cost a call to a model', () => {
    expect(queue.maxDeliveryCount).toBeGreaterThanOrEqual(2);
    expect(queue.maxDeliveryCount).toBeLessThanOrEqual(10);
  });

  test('keeps an expired message among the dead letters instead of losing it', () => {
    expect(queue.deadLetteringOnMessageExpiration).toBe(true);
  });

  test('remembers message ids for longer than one run takes, within what the service allows', () => {
    const windowS = durationS(queue.duplicateDetectionHistoryTimeWindow);
    expect(queue.requiresDuplicateDetection).toBe(true);
    expect(windowS).toBeGreaterThanOrEqual(timeoutS);
    expect(windowS).toBeLessThanOrEqual(7 * 86_400);
  });

  test('keeps a message for longer than all its deliveries can take', () => {
    expect(durationS(queue.defaultMessageTimeToLive)).toBeGreaterThan(queue.maxDeliveryCount * timeoutS);
  });
});
