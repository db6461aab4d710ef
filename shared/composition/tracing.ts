import { createTelemetry } from '../adapters/telemetry/tracing.ts';
import type { Telemetry } from '../adapters/telemetry/types.ts';
import type { Config } from '../platform/config.ts';
import type { Logger } from '../platform/logging.ts';
import { telemetryTargets } from '../platform/telemetry-settings.ts';

/** Undefined where nobody is told of traces, so that none are made. */
export function createTracing(config: Config, logger: Logger): Telemetry | undefined {
  const targets = telemetryTargets(config);
  const onFailure = (failure: object) => logger.warn('telemetry_not_exported', { ...failure });
  return targets && createTelemetry({ ...targets, onFailure });
}
