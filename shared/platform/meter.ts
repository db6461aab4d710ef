import { AsyncLocalStorage } from 'node:async_hooks';
import type { Trace } from './trace-context.ts';

/** What one invocation has spent so far; printed on its log line and asserted in tests. */
export interface CallCounters {
  /** Network operations on documents: point reads, writes, batches and pages of queries, each retry counted. */
  cosmos_calls: number;
  request_units: number;
  tokens_in: number;
  tokens_out: number;
  cost_micro_usd: number;
}

/** How adapters find the counters of the invocation they work for; undefined outside of one. */
export type CallMeter = () => CallCounters | undefined;

const storage = new AsyncLocalStorage<{ counters: CallCounters; trace: Trace | undefined }>();

/** Runs the work with fresh counters; everything awaited inside adds to them, and belongs to the trace when one is given. */
export function withMeter<T>(work: (counters: CallCounters) => T, trace?: Trace): T {
  const counters: CallCounters = { cosmos_calls: 0, request_units: 0, tokens_in: 0, tokens_out: 0, cost_micro_usd: 0 };
  return storage.run({ counters, trace }, work, counters);
}

export const currentMeter: CallMeter = () => storage.getStore()?.counters;

/** The trace of the invocation; undefined outside of one, and for work in the background that no single one asked for. */
export function currentTrace(): Trace | undefined {
  return storage.getStore()?.trace;
}
