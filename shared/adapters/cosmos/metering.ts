import type { CosmosDiagnostics } from '@azure/cosmos';
import type { CallMeter } from '../../platform/meter.ts';
import { CosmosError, sdkErrorOf, toCosmosError } from './errors.ts';

export interface CosmosCall {
  container: string;
  operation: string;
  /** The service's status; 200 for success of any kind. */
  status: number;
  calls: number;
  requestUnits: number;
  durationMs: number;
}

/** The parts of an SDK answer that tell what it cost. */
interface Charged {
  requestCharge?: number | undefined;
  diagnostics?: CosmosDiagnostics | undefined;
}

export interface Metering {
  meter: CallMeter;
  onCall?: ((call: CosmosCall) => void) | undefined;
  operationTimeoutMs: number;
}

/** Requests for documents on the wire, retries included; look-ups of metadata, which the SDK remembers, stand elsewhere. */
function callsIn(diagnostics: CosmosDiagnostics | undefined): number {
  return Math.max(1, diagnostics?.clientSideRequestStatistics.gatewayStatistics.length ?? 0);
}

function chargedOf(error: unknown): Charged {
  const failed = sdkErrorOf(error);
  const charged: Charged = {};
  const { headers } = failed;
  if (typeof headers === 'object' && headers !== null && 'x-ms-request-charge' in headers) {
    charged.requestCharge = Number(headers['x-ms-request-charge']) || 0;
  }
  if ('diagnostics' in failed) {
    // Set by the SDK on every error that it throws; absent on errors from elsewhere, for which one call is counted.
    charged.diagnostics = failed.diagnostics as CosmosDiagnostics;
  }
  return charged;
}

/** Runs the work until its end or the time limit, whichever comes first; the SDK's own waits between retries do not heed the signal. */
export async function within<T>(
  timeoutMs: number,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new CosmosError(408, `Cosmos ${what} got no answer within ${timeoutMs} ms.`));
    controller.abort();
  }, timeoutMs);
  try {
    return await Promise.race([work(controller.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Runs one SDK operation: bounded in time, counted on the meter of the invocation, its failure turned into a CosmosError. */
export async function metered<T extends Charged>(
  metering: Metering,
  container: string,
  operation: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const counters = metering.meter();
  const startedMs = performance.now();
  const record = (charged: Charged, status: number) => {
    const calls = callsIn(charged.diagnostics);
    const requestUnits = charged.requestCharge ?? 0;
    if (counters !== undefined) {
      counters.cosmos_calls += calls;
      counters.request_units += requestUnits;
    }
    metering.onCall?.({ container, operation, status, calls, requestUnits, durationMs: performance.now() - startedMs });
  };
  try {
    const answer = await within(metering.operationTimeoutMs, `${operation} on ${container}`, work);
    record(answer, 200);
    return answer;
  } catch (error) {
    const failure = toCosmosError(operation, container, error);
    record(chargedOf(error), failure instanceof CosmosError ? failure.status : 500);
    throw failure;
  }
}
