import { LRUCache } from 'lru-cache';
import type { Clock } from '../platform/clock.ts';
import type { NamedLimit } from '../platform/define-endpoint.ts';
import type { KeyLimiter } from './verification-service.ts';

interface Window {
  startMs: number;
  calls: number;
}

/** Counts the calls of a key in fixed spans of time, in the memory of this instance; a call counts only when all spans allow it. */
export function createCallWindows(deps: { clock: Clock; maxKeys: number }): KeyLimiter {
  const { clock } = deps;
  const windows = new LRUCache<string, Window>({ max: deps.maxKeys });

  function windowOf(keyId: string, { name, window_s }: NamedLimit, nowMs: number): Window {
    const id = `${keyId}\n${name}`;
    const startMs = nowMs - (nowMs % (window_s * 1000));
    const present = windows.get(id);
    if (present?.startMs === startMs) return present;
    const fresh = { startMs, calls: 0 };
    windows.set(id, fresh);
    return fresh;
  }

  return {
    take(keyId, limits) {
      const nowMs = clock.now();
      const counted = limits.map((limit) => ({ limit, window: windowOf(keyId, limit, nowMs) }));
      if (counted.some(({ limit, window }) => window.calls >= limit.max_calls))
        return Promise.resolve({ allowed: false, remaining: 0 });
      for (const { window } of counted) window.calls += 1;
      const left = counted.map(({ limit, window }) => limit.max_calls - window.calls);
      return Promise.resolve({ allowed: true, remaining: left.length === 0 ? null : Math.min(...left) });
    },
  };
}
