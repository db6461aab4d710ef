import type { Health, Services } from '../platform/define-endpoint.ts';

/** What readiness asks: each check resolves when the thing can be used and throws when it cannot. */
export interface HealthChecks {
  /** Without one of these, requests fail. */
  required: Record<string, () => Promise<unknown>>;
  /** Without one of these, work is accepted and waits. */
  optional: Record<string, () => Promise<unknown>>;
}

async function run(check: () => Promise<unknown>): Promise<{ ok: boolean; ms: number }> {
  const startedMs = performance.now();
  const ok = await check().then(
    () => true,
    () => false,
  );
  return { ok, ms: Math.round(performance.now() - startedMs) };
}

export function createHealthService(checks: HealthChecks): Services['health'] {
  return {
    async check(): Promise<Health> {
      const all = { ...checks.required, ...checks.optional };
      const results = Object.fromEntries(
        await Promise.all(Object.entries(all).map(async ([name, check]) => [name, await run(check)] as const)),
      );
      const fails = (names: Record<string, unknown>) => Object.keys(names).some((name) => !results[name]?.ok);
      const status = fails(checks.required) ? 'unavailable' : fails(checks.optional) ? 'degraded' : 'ok';
      return { status, checks: results };
    },
  };
}
