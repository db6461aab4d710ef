import { AsyncLocalStorage } from 'node:async_hooks';

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

const storage = new AsyncLocalStorage<CallCounters>();

/** Runs the work with fresh counters; everything awaited inside adds to them. */
export function withMeter<T>(work: (counters: CallCounters) => T): T {
  const counters: CallCounters = { cosmos_calls: 0, request_units: 0, tokens_in: 0, tokens_out: 0, cost_micro_usd: 0 };
  return storage.run(counters, work, counters);
}

export const currentMeter: CallMeter = () => storage.getStore();
