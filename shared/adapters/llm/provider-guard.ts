import {
  BrokenCircuitError,
  BulkheadRejectedError,
  bulkhead,
  CircuitState,
  circuitBreaker,
  handleWhen,
  type IBackoff,
  type IBreaker,
  TaskCancelledError,
  TimeoutStrategy,
  timeout,
} from 'cockatiel';
import type { Clock } from '../../platform/clock.ts';
import { type CircuitStateName, LlmError, type LlmErrorCode } from './types.ts';

export interface CircuitOptions {
  /** Failures in a row that open the circuit; one failure that comes with `Retry-After` opens it at once. */
  failuresToOpen: number;
  /** How long the circuit stays open the first time; doubles with each probe that fails. */
  openMs: number;
  openMaxMs: number;
  /** Bound of what a provider may ask for through `Retry-After`. */
  retryAfterMaxMs: number;
}

export const DEFAULT_CIRCUIT: CircuitOptions = {
  failuresToOpen: 5,
  openMs: 10_000,
  openMaxMs: 300_000,
  retryAfterMaxMs: 3_600_000,
};

/** Failures that say something about the provider's health, unlike a bad answer, a refusal, or a request that it rejects. */
const HEALTH_CODES: ReadonlySet<LlmErrorCode> = new Set([
  'llm_rate_limited',
  'llm_timeout',
  'llm_unavailable',
  'llm_not_configured',
]);

const BUSY_RETRY_S = 2;

export interface ProviderGuard {
  state(): CircuitStateName;
  /** Runs one attempt within bulkhead, circuit and time-out; throws only `LlmError`. */
  run<T>(timeoutMs: number, attempt: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

export function createProviderGuard(circuit: CircuitOptions, maxConcurrent: number, clock: Clock): ProviderGuard {
  let reopenAtMs = Number.NEGATIVE_INFINITY;
  let failuresInRow = 0;

  const isWaiting = () => clock.now() < reopenAtMs;
  const stayOpenFor = (ms: number) => {
    reopenAtMs = Math.max(reopenAtMs, clock.now() + ms);
  };

  const breaker: IBreaker = {
    state: undefined,
    success: () => {
      failuresInRow = 0;
    },
    // A `Retry-After` has been noted by the time the policy asks, whichever of several failing calls asks first.
    failure: () => {
      failuresInRow += 1;
      return failuresInRow >= circuit.failuresToOpen || isWaiting();
    },
  };
  // The policy compares its own wall clock with this duration; answering "for ever" or "no longer" hands the decision
  // to the injected clock, and lets a later `Retry-After` prolong a circuit that is open already.
  const backoff: IBackoff<{ attempt: number }> = {
    get duration() {
      return isWaiting() ? Number.POSITIVE_INFINITY : 0;
    },
    next({ attempt }) {
      // Opened by a provider that named its own time, the circuit is open for that long; a probe that fails then adds to it.
      if (attempt > 1 || !isWaiting()) stayOpenFor(Math.min(circuit.openMs * 2 ** (attempt - 1), circuit.openMaxMs));
      return backoff;
    },
  };
  const breakerPolicy = circuitBreaker(
    handleWhen((error) => error instanceof LlmError && HEALTH_CODES.has(error.code)),
    { breaker, halfOpenAfter: backoff },
  );
  const bulkheadPolicy = bulkhead(maxConcurrent, 0);

  function state(): CircuitStateName {
    if (breakerPolicy.state === CircuitState.HalfOpen) return 'half-open';
    if (breakerPolicy.state === CircuitState.Closed) return 'closed';
    return isWaiting() ? 'open' : 'half-open';
  }

  function openError(): LlmError {
    const waitS = Math.ceil((reopenAtMs - clock.now()) / 1000);
    return new LlmError('llm_circuit_open', { retryAfterS: Math.max(waitS, BUSY_RETRY_S) });
  }

  async function attemptInTime<T>(timeoutMs: number, attempt: (signal: AbortSignal) => Promise<T>): Promise<T> {
    // Aggressive, so that a provider which ignores the signal cannot hold the caller.
    const limit = timeout(timeoutMs, TimeoutStrategy.Aggressive);
    try {
      return await limit.execute(({ signal }) => attempt(signal));
    } catch (error) {
      const known = classify(error);
      if (known.retryAfterS !== undefined && HEALTH_CODES.has(known.code)) {
        stayOpenFor(Math.min(known.retryAfterS * 1000, circuit.retryAfterMaxMs));
      }
      throw known;
    }
  }

  return {
    state,
    async run(timeoutMs, attempt) {
      // While a probe is under way the policy would make others wait for its end; they had better go to the next provider.
      if (state() === 'open' || breakerPolicy.state === CircuitState.HalfOpen) throw openError();
      try {
        return await bulkheadPolicy.execute(() => breakerPolicy.execute(() => attemptInTime(timeoutMs, attempt)));
      } catch (error) {
        if (error instanceof BulkheadRejectedError) throw new LlmError('llm_busy', { retryAfterS: BUSY_RETRY_S });
        if (error instanceof BrokenCircuitError) throw openError();
        throw error;
      }
    },
  };
}

function classify(error: unknown): LlmError {
  if (error instanceof LlmError) return error;
  return new LlmError(error instanceof TaskCancelledError ? 'llm_timeout' : 'llm_unavailable');
}
