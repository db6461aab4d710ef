import type { Clock } from '../../platform/clock.ts';
import { LlmError } from './types.ts';

/** An amount set aside for one request. Exactly one `settle` follows, with what was really spent (0 gives everything back). */
export interface LlmReservation {
  settle(actualMicroUsd: number): Promise<void>;
}

/** Reserving before a call and settling after it keeps calls that run at the same time from overdrawing a budget together. */
export interface LlmBudget {
  /** Throws `LlmError` `llm_budget_exceeded`, and reserves nothing, when any of the keys has too little left. */
  reserve(keys: readonly string[], estimateMicroUsd: number): Promise<LlmReservation>;
}

export interface MemoryBudgetOptions {
  /**
   * Micro-USD per UTC day by the part of a key before its colon: `user` limits each `user:<id>`, `day` limits all together.
   * 0 is unlimited.
   */
  limitsMicroUsd: Readonly<Record<string, number>>;
  clock: Clock;
}

const DAY_MS = 86_400_000;

/**
 * Budgets in the memory of one process: enough for one instance, and a bound per instance when there are several. A durable
 * one, which all instances share, can take its place behind the same interface.
 */
export function createMemoryBudget(options: MemoryBudgetOptions): LlmBudget {
  const { clock, limitsMicroUsd } = options;
  // Spent and reserved of one day; a reservation that outlives its day settles in the map it was taken from.
  let today = { day: -1, used: new Map<string, number>() };

  function limitOf(key: string): number {
    const limit = limitsMicroUsd[key.split(':', 1)[0] ?? ''];
    // A key without a limit is a slip of the caller, and taking it for unlimited would hide it.
    if (limit === undefined) throw new LlmError('llm_not_configured');
    return limit;
  }

  return {
    async reserve(keys, estimateMicroUsd) {
      const now = clock.now();
      const day = Math.floor(now / DAY_MS);
      if (day !== today.day) today = { day, used: new Map() };
      const { used } = today;
      const limited = [...new Set(keys)].filter((key) => limitOf(key) > 0);
      // A call that costs nothing, such as the simulator's, needs no budget.
      const isOver = (key: string) => estimateMicroUsd > 0 && (used.get(key) ?? 0) + estimateMicroUsd > limitOf(key);
      if (limited.some(isOver)) {
        throw new LlmError('llm_budget_exceeded', { retryAfterS: Math.ceil(((day + 1) * DAY_MS - now) / 1000) });
      }
      const add = (amount: number) => {
        for (const key of limited) used.set(key, (used.get(key) ?? 0) + amount);
      };
      add(estimateMicroUsd);
      let isSettled = false;
      return {
        async settle(actualMicroUsd) {
          if (isSettled) return;
          isSettled = true;
          add(actualMicroUsd - estimateMicroUsd);
        },
      };
    },
  };
}
