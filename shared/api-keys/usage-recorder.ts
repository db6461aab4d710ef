import type { PatchOperation } from '../adapters/cosmos/container.ts';
import { CosmosError } from '../adapters/cosmos/errors.ts';
import type { AuditRecorder } from '../audit/record.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Caller } from '../platform/define-endpoint.ts';
import type { ApiKeyDocument } from './documents.ts';
import type { ApiKeys } from './repository.ts';
import type { RefusalCode } from './schemas.ts';

type Known = Pick<ApiKeyDocument, 'user_id' | 'key_id'>;

/** Counts what keys are used for in memory; `flush` writes it, one batch per key that was used since. */
export interface UsageRecorder {
  used(key: Known): void;
  refused(key: Known, code: RefusalCode, caller: Caller): void;
  /** Whether something is still to be written, because the database was busy. */
  flush(): Promise<boolean>;
}

interface Counts extends Known {
  valid: number;
  lastUsedAtMs: number | null;
  refused: Map<RefusalCode, number>;
  lastRefused: { code: RefusalCode; caller: Caller } | undefined;
}

/** Refusals that say that somebody tries a key where or when it must not work; the others happen to honest callers. */
const suspicious: ReadonlySet<RefusalCode> = new Set([
  'expired',
  'revoked',
  'disabled',
  'ip_refused',
  'origin_refused',
  'place_refused',
]);

/** One patch changes ten things at most; codes beyond that wait for the next flush. */
const codesPerFlush = 8;
const busy: ReadonlySet<number> = new Set([429, 503]);

export function createUsageRecorder(deps: {
  keys: Pick<ApiKeys, 'count'>;
  audit: AuditRecorder;
  clock: Clock;
  /** Called when there is something to flush. */
  wake(): void;
}): UsageRecorder {
  const { keys, audit, clock, wake } = deps;
  let pending = new Map<string, Counts>();

  function countsOf(key: Known): Counts {
    let counts = pending.get(key.key_id);
    if (counts === undefined) {
      const { user_id, key_id } = key;
      counts = { user_id, key_id, valid: 0, lastUsedAtMs: null, refused: new Map(), lastRefused: undefined };
      pending.set(key_id, counts);
    }
    wake();
    return counts;
  }

  function changesOf(counts: Counts, refused: readonly [RefusalCode, number][]): PatchOperation[] {
    const changes: PatchOperation[] = refused.map(([code, count]) => ({
      op: 'incr',
      path: `/usage/refused/${code}`,
      value: count,
    }));
    if (counts.valid > 0) changes.push({ op: 'incr', path: '/usage/valid', value: counts.valid });
    if (counts.lastUsedAtMs !== null)
      changes.push({ op: 'set', path: '/usage/last_used_at', value: isoTime(counts.lastUsedAtMs) });
    return changes;
  }

  /** Puts counts that were not written back under those that came since. */
  function keep(counts: Counts): void {
    const now = countsOf(counts);
    now.valid += counts.valid;
    now.lastUsedAtMs ??= counts.lastUsedAtMs;
    for (const [code, count] of counts.refused) now.refused.set(code, (now.refused.get(code) ?? 0) + count);
    now.lastRefused ??= counts.lastRefused;
  }

  async function write(counts: Counts): Promise<void> {
    const codes = [...counts.refused].slice(0, codesPerFlush);
    const rest = [...counts.refused].slice(codesPerFlush);
    const last = counts.lastRefused;
    const trail =
      last === undefined
        ? []
        : [
            audit.operation(counts.user_id, {
              by: { anonymous: last.caller },
              action: 'api_key.refused',
              target: { type: 'api_key', id: counts.key_id },
              result: 'refused',
              detail: { code: last.code, counts: Object.fromEntries(codes) },
            }),
          ];
    try {
      // A key that is gone has nothing to count on.
      await keys.count(counts, changesOf(counts, codes), trail);
      if (rest.length > 0)
        keep({ ...counts, valid: 0, lastUsedAtMs: null, refused: new Map(rest), lastRefused: undefined });
    } catch (error) {
      // Where nobody knows whether it was counted, it is not counted twice.
      if (!(error instanceof CosmosError && busy.has(error.status))) throw error;
      keep(counts);
    }
  }

  return {
    used(key) {
      const counts = countsOf(key);
      counts.valid += 1;
      counts.lastUsedAtMs = Math.max(counts.lastUsedAtMs ?? 0, clock.now());
    },
    refused(key, code, caller) {
      const counts = countsOf(key);
      counts.refused.set(code, (counts.refused.get(code) ?? 0) + 1);
      if (suspicious.has(code)) counts.lastRefused = { code, caller };
    },
    async flush() {
      const present = [...pending.values()];
      pending = new Map();
      const results = await Promise.allSettled(present.map(write));
      const failed = results.find((result) => result.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
      return pending.size > 0;
    },
  };
}
