/** Load on one address: many connections by autocannon in a process of its own, one connection by a loop with a finer clock. */
import { Agent, request as httpRequest } from 'node:http';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { outputOf } from './processes.ts';

const autocannon = fileURLToPath(import.meta.resolve('autocannon/autocannon.js'));

export interface Target {
  url: string;
  method: 'GET' | 'POST';
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
}

export interface LoadResult {
  requestsPerS: number;
  p50Ms: number;
  p99Ms: number;
}

const Printed = z.object({
  requests: z.object({ total: z.number() }),
  latency: z.object({ p50: z.number(), p99: z.number() }),
  duration: z.number(),
  errors: z.number(),
  timeouts: z.number(),
  non2xx: z.number(),
});

function headersOf(target: Target): Record<string, string> {
  return target.body === undefined ? { ...target.headers } : { ...target.headers, 'content-type': 'application/json' };
}

/** @throws Error when a single answer was not a success: a fast refusal is no result. */
export async function loadWith(connections: number, seconds: number, target: Target): Promise<LoadResult> {
  if (connections === 1) return loadAlone(seconds, target);
  const args = ['--json', '--no-progress', '-c', `${connections}`, '-d', `${seconds}`, '-t', '60', '-m', target.method];
  for (const [name, value] of Object.entries(headersOf(target))) args.push('-H', `${name}=${value}`);
  if (target.body !== undefined) args.push('-b', JSON.stringify(target.body));
  const result = Printed.parse(JSON.parse(await outputOf(autocannon, [...args, target.url])));
  const { requests, latency, duration, errors, timeouts, non2xx } = result;
  if (errors + timeouts + non2xx > 0 || requests.total === 0) {
    throw new Error(
      `${target.method} ${target.url}: ${requests.total} answers, ${non2xx} of them no success, ${errors} errors, ${timeouts} time-outs.`,
    );
  }
  return { requestsPerS: requests.total / duration, p50Ms: latency.p50, p99Ms: latency.p99 };
}

/** Autocannon counts whole milliseconds, which says nothing about one fast call after the other. */
async function loadAlone(seconds: number, target: Target): Promise<LoadResult> {
  const calls = oneConnection(target);
  const times: number[] = [];
  const startedMs = performance.now();
  while (performance.now() - startedMs < seconds * 1000) times.push(await calls.timeMs());
  const elapsedS = (performance.now() - startedMs) / 1000;
  calls.close();
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
  return { requestsPerS: times.length / elapsedS, p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** Calls one after the other on one connection that stays open. */
export function oneConnection(target: Target, isExpected = (status: number) => status >= 200 && status < 300) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const text = target.body === undefined ? undefined : JSON.stringify(target.body);
  const headers = headersOf(target);
  if (text !== undefined) headers['content-length'] = String(Buffer.byteLength(text));
  return {
    /** Milliseconds from the first byte sent to the last byte read. @throws Error for an answer that is not expected. */
    timeMs: () =>
      new Promise<number>((resolve, reject) => {
        const startedMs = performance.now();
        const request = httpRequest(target.url, { agent, method: target.method, headers }, (response) => {
          response.resume();
          response.once('error', reject);
          response.once('end', () => {
            const { statusCode = 0 } = response;
            if (isExpected(statusCode)) resolve(performance.now() - startedMs);
            else reject(new Error(`${target.method} ${target.url}: status ${statusCode}.`));
          });
        });
        request.once('error', reject);
        request.end(text);
      }),
    close: () => agent.destroy(),
  };
}
