import { setTimeout } from 'node:timers/promises';
import type { ExportLimits, Telemetry, TelemetryOptions } from './types.ts';

const usualLimits: ExportLimits = { queueMax: 2_048, batchMax: 512, delayMs: 1_000, timeoutMs: 10_000, closeMs: 3_000 };

/**
 * Spans are made as soon as the SDK is loaded, which this begins and nobody waits for; the exporters, which are larger, are
 * loaded when there is something to export.
 */
export function createTelemetry(options: TelemetryOptions): Telemetry {
  const limits = { ...usualLimits, ...options.limits };
  let sdk: Telemetry | undefined;
  const loading = import('./sdk.ts').then(
    (module) => {
      sdk = module.startSdk(options, limits);
    },
    (error: unknown) => options.onFailure({ exporter: 'sdk', spans: 0, error }),
  );
  return {
    startSpan: (name, kind, parent, attributes) => sdk?.startSpan(name, kind, parent, attributes),
    async close() {
      const limit = new AbortController();
      const closing = loading.then(() => sdk?.close()).catch(() => undefined);
      await Promise.race([
        closing,
        setTimeout(limits.closeMs, undefined, { signal: limit.signal }).catch(() => undefined),
      ]);
      limit.abort();
    },
  };
}
