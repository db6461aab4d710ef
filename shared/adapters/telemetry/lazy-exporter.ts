import type { SpanExporter } from '@opentelemetry/sdk-trace';
import type { TelemetryOptions } from './types.ts';

const noticeMs = 60_000;
const success = 0;
const failed = 1;

/** Loads the exporter with the first batch, and says now and then that batches are given up, instead of failing in silence. */
export function createLazyExporter(
  name: string,
  load: () => Promise<SpanExporter>,
  onFailure: TelemetryOptions['onFailure'],
): SpanExporter {
  let loading: Promise<SpanExporter> | undefined;
  let lost = 0;
  let saidAtMs = Number.NEGATIVE_INFINITY;

  function note(spans: number, error: unknown): void {
    lost += spans;
    const nowMs = performance.now();
    if (nowMs - saidAtMs < noticeMs) return;
    saidAtMs = nowMs;
    onFailure({ exporter: name, spans: lost, error });
    lost = 0;
  }

  return {
    export(spans, done) {
      loading ??= load();
      loading.then(
        (exporter) =>
          exporter.export(spans, (result) => {
            if (result.code !== success) note(spans.length, result.error);
            done(result);
          }),
        (error: unknown) => {
          note(spans.length, error);
          done({ code: failed, error: error instanceof Error ? error : new Error(String(error)) });
        },
      );
    },
    async shutdown() {
      const exporter = await loading?.catch(() => undefined);
      await exporter?.shutdown();
    },
  };
}
