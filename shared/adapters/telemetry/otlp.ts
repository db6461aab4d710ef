import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import type { SpanExporter } from '@opentelemetry/sdk-trace';

/** OTLP over HTTP as JSON, which any collector takes. `endpoint` is the base, as the standard variable has it. */
export function createOtlpExporter(options: {
  endpoint: string;
  headers: Record<string, string>;
  timeoutMs: number;
}): SpanExporter {
  return new OTLPTraceExporter({
    url: `${options.endpoint.replace(/\/+$/, '')}/v1/traces`,
    headers: options.headers,
    timeoutMillis: options.timeoutMs,
    // One batch at a time is all that its queue hands over.
    concurrencyLimit: 4,
  });
}
