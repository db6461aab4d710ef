import { z } from 'zod';
import type { Part } from './parts.ts';
import { optional } from './setting-kinds.ts';

/** The settings of where spans go; a part of those of `config.ts`. Their names are those of the host and of OpenTelemetry. */
export const telemetrySettings = {
  APPLICATIONINSIGHTS_CONNECTION_STRING: z
    .string()
    .regex(/InstrumentationKey=[^;]+/i, 'must look like InstrumentationKey=...;IngestionEndpoint=...')
    .optional()
    .describe('Application Insights, where spans are sent to; the host reads it too.'),
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: z
    .string()
    .regex(/(^|;)\s*Authorization=AAD\s*(;|$)/i, 'must look like ClientId=...;Authorization=AAD')
    .optional()
    .describe('`ClientId=...;Authorization=AAD` sends them as the managed identity; the host reads it too.'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('Base address of an OTLP/HTTP collector, where spans are sent to; beside Application Insights or alone.'),
  OTEL_EXPORTER_OTLP_HEADERS: optional.describe('Headers for that collector: `name=value`, separated by commas.'),
  OTEL_SERVICE_NAME: optional.describe(
    'Name of this application on its spans. Default: `lyceum`, or `lyceum-api` and `lyceum-worker` by `LYCEUM_PART`.',
  ),
  OTEL_TRACES_SAMPLER_ARG: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('Share of the traces that begin here which is kept, from 0 to 1; the host reads it too.'),
};

type TelemetrySettings = z.output<z.ZodObject<typeof telemetrySettings>>;

/** Where spans go; undefined when they go nowhere. */
export function telemetryTargets(config: TelemetrySettings & { LYCEUM_PART: Part }) {
  const {
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    APPLICATIONINSIGHTS_CONNECTION_STRING: connectionString,
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: authentication,
  } = config;
  if (endpoint === undefined && connectionString === undefined) return undefined;
  const clientId = /(?:^|;)\s*ClientId=([^;\s]+)/i.exec(authentication ?? '')?.[1];
  return {
    serviceName: config.OTEL_SERVICE_NAME ?? (config.LYCEUM_PART === 'all' ? 'lyceum' : `lyceum-${config.LYCEUM_PART}`),
    ratio: config.OTEL_TRACES_SAMPLER_ARG,
    otlp:
      endpoint === undefined ? undefined : { endpoint, headers: otlpHeaders(config.OTEL_EXPORTER_OTLP_HEADERS ?? '') },
    applicationInsights:
      connectionString === undefined
        ? undefined
        : { connectionString, authentication: authentication === undefined ? ('none' as const) : { clientId } },
  };
}

/** `name=value` pairs with percent-encoded values, as the standard has them. */
function otlpHeaders(text: string): Record<string, string> {
  const pairs = text.split(',').flatMap((pair) => {
    const [, name, value = ''] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(pair) ?? [];
    return name === undefined ? [] : [[name, decoded(value)] as const];
  });
  return Object.fromEntries(pairs);
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
