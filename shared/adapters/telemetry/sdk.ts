import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { createLazyExporter } from './lazy-exporter.ts';
import type { ExportLimits, Telemetry, TelemetryOptions } from './types.ts';

/** One provider with one sampler; each exporter has a queue of its own, so that one that hangs does not hold up the other. */
export function startSdk(options: TelemetryOptions, limits: ExportLimits): Telemetry {
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': options.serviceName }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(options.ratio) }),
    spanProcessors: exporters(options, limits).map(
      (exporter) =>
        new BatchSpanProcessor({
          exporter,
          maxQueueSize: limits.queueMax,
          maxExportBatchSize: limits.batchMax,
          scheduledDelayMillis: limits.delayMs,
          // The exporters end by themselves at their limit; this is for one that does not.
          exportTimeoutMillis: limits.timeoutMs + 1_000,
        }),
    ),
  });
  const tracer = provider.getTracer('lyceum');
  return {
    startSpan: (name, kind, parent, attributes) =>
      tracer.startSpan(
        name,
        { kind, attributes },
        parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent),
      ),
    close: () => provider.shutdown(),
  };
}

function exporters(options: TelemetryOptions, { timeoutMs }: ExportLimits): SpanExporter[] {
  const { otlp, applicationInsights, onFailure } = options;
  const found: SpanExporter[] = [];
  if (otlp !== undefined) {
    const load = async () => (await import('./otlp.ts')).createOtlpExporter({ ...otlp, timeoutMs });
    found.push(createLazyExporter('otlp', load, onFailure));
  }
  if (applicationInsights !== undefined) {
    const load = async () => {
      const module = await import('./application-insights.ts');
      return module.createApplicationInsightsExporter({ ...applicationInsights, timeoutMs });
    };
    found.push(createLazyExporter('application_insights', load, onFailure));
  }
  return found;
}
