import type { StartSpan } from '../../platform/trace-context.ts';

export interface TelemetryOptions {
  /** `service.name` of every span. */
  serviceName: string;
  /** Share of the traces that begin here, from 0 to 1; a trace that came from elsewhere is kept or not as it says itself. */
  ratio: number;
  otlp?: { endpoint: string; headers: Record<string, string> } | undefined;
  applicationInsights?: { connectionString: string; authentication: Authentication } | undefined;
  /** Told that spans were given up, at most once a minute per exporter. */
  onFailure: (failure: { exporter: string; spans: number; error: unknown }) => void;
  /** Limits of an export, for tests. */
  limits?: Partial<ExportLimits>;
}

/** With the managed identity of the application, or as whoever knows the connection string. */
export type Authentication = { clientId: string | undefined } | 'none';

export interface ExportLimits {
  /** Spans that wait for an exporter; what comes beyond is dropped. */
  queueMax: number;
  batchMax: number;
  delayMs: number;
  timeoutMs: number;
  /** How long the end of the process waits for the last spans. */
  closeMs: number;
}

export interface Telemetry {
  startSpan: StartSpan;
  /** Exports what is left; never throws and never takes longer than its limit. */
  close(): Promise<void>;
}
