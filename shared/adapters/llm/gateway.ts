import type { Clock } from '../../platform/clock.ts';
import { askWithRepair, type Candidate, isTimeLeft, NOT_CALLED_CODES, type Run } from './ask.ts';
import type { LlmBudget } from './budget.ts';
import { estimateMicroUsd } from './cost.ts';
import { outputSchemaOf } from './output-schema.ts';
import type { LlmProvider } from './provider.ts';
import { type CircuitOptions, createProviderGuard, DEFAULT_CIRCUIT } from './provider-guard.ts';
import {
  type LlmCallRecord,
  LlmError,
  type LlmGateway,
  type LlmProviderName,
  type LlmRequest,
  type LlmResult,
  type LlmUse,
  noSpending,
} from './types.ts';

export interface LlmGatewayOptions {
  providers: readonly LlmProvider[];
  uses: Readonly<Record<string, LlmUse>>;
  /** Names of providers in the order in which they are tried; one that is not among `providers` is passed over. */
  order: readonly LlmProviderName[];
  /** Limit of one attempt. It must be shorter than the lock of the message that the attempt is made for. */
  timeoutMs: number;
  /** Less than this before the deadline no attempt is begun; 1 000 when absent. */
  minAttemptMs?: number | undefined;
  circuit?: Partial<CircuitOptions> | undefined;
  /** Calls under way at the same time, per provider. */
  maxConcurrent: number;
  /** No budget is checked when absent. */
  budget?: LlmBudget | undefined;
  clock: Clock;
  /** Told of every call; what it throws is ignored, because the answer has been paid for by then. */
  onCall?: ((record: LlmCallRecord) => void) | undefined;
}

interface Failure {
  provider: LlmProviderName;
  error: LlmError;
}

const MIN_ATTEMPT_MS = 1_000;
const SCHEMA_NAME = /^[a-zA-Z0-9_-]{1,64}$/;

/** The only way to a model. It tries the providers in order, each once per request (twice if its answer needs a repair). */
export function createLlmGateway(options: LlmGatewayOptions): LlmGateway {
  const { clock, uses } = options;
  checkPrices(uses);
  const circuit = { ...DEFAULT_CIRCUIT, ...options.circuit };
  const retryAfterMaxS = Math.ceil(circuit.retryAfterMaxMs / 1000);
  const guarded = options.order.flatMap((name) => {
    const provider = options.providers.find((one) => one.name === name);
    return provider ? [{ provider, guard: createProviderGuard(circuit, options.maxConcurrent, clock) }] : [];
  });

  function candidatesFor(use: string): Candidate[] {
    const models = Object.hasOwn(uses, use) ? uses[use]?.models : undefined;
    return guarded.flatMap(({ provider, guard }) => {
      const model = models?.[provider.name] ?? provider.builtInModel;
      return model ? [{ provider, model, guard }] : [];
    });
  }

  function onCall(record: LlmCallRecord): void {
    try {
      options.onCall?.(record);
    } catch {
      // See the description of the option.
    }
  }

  async function tryInOrder<T>(candidates: readonly Candidate[], run: Run<T>): Promise<LlmResult<T>> {
    const failures: Failure[] = [];
    for (const candidate of candidates) {
      const provider = candidate.provider.name;
      try {
        if (!isTimeLeft(run)) throw new LlmError('llm_timeout');
        const { value, model } = await askWithRepair(candidate, run);
        return { value, provider, model, ...run.spent };
      } catch (error) {
        // Anything else is a mistake in the gateway or its caller, such as a schema that throws.
        if (!(error instanceof LlmError)) throw error;
        failures.push({ provider, error });
        if (error.kind === 'permanent') break;
      }
    }
    throw summary(failures, run, retryAfterMaxS);
  }

  return {
    async complete<T>(request: LlmRequest<T>) {
      if (!SCHEMA_NAME.test(request.schemaName))
        throw new TypeError(`Schema name "${request.schemaName}" is not usable.`);
      const run: Run<T> = {
        request,
        timeoutMs: uses[request.use]?.timeoutMs ?? options.timeoutMs,
        minAttemptMs: options.minAttemptMs ?? MIN_ATTEMPT_MS,
        clock,
        onCall,
        spent: noSpending(),
      };
      const candidates = candidatesFor(request.use);
      if (candidates.length === 0) throw new LlmError('llm_not_configured');
      const reservation = await options.budget?.reserve(request.budgetKeys, estimate(request, candidates));
      try {
        return await tryInOrder(candidates, run);
      } finally {
        await reservation?.settle(run.spent.cost_micro_usd);
      }
    },
    circuitState: () => Object.fromEntries(guarded.map(({ provider, guard }) => [provider.name, guard.state()])),
    isAvailable: () => guarded.some(({ guard }) => guard.state() !== 'open'),
  };
}

/** One call at the dearest of the models that might be asked. */
function estimate(request: LlmRequest<unknown>, candidates: readonly Candidate[]): number {
  const { schema } = outputSchemaOf(request.schema);
  const parts = [request.system, request.cachedPrefix, request.user, JSON.stringify(schema)];
  const chars = parts.reduce((sum, part) => sum + part.length, 0);
  return Math.max(...candidates.map(({ model }) => estimateMicroUsd(chars, request.maxOutputTokens, model.prices)));
}

/**
 * One error for all providers. A permanent one decides; otherwise it is the first that was really called, with the shortest
 * wait that any of them named.
 */
function summary(failures: readonly Failure[], run: Run<unknown>, retryAfterMaxS: number): LlmError {
  const errors = failures.map((failure) => failure.error);
  const chosen =
    errors.find((error) => error.kind === 'permanent') ??
    errors.find((error) => !NOT_CALLED_CODES.has(error.code)) ??
    errors[0];
  const waits = errors.flatMap((error) => (error.retryAfterS === undefined ? [] : [error.retryAfterS]));
  const isTransient = chosen?.kind === 'transient';
  return new LlmError(chosen?.code ?? 'llm_unavailable', {
    retryAfterS: isTransient && waits.length > 0 ? Math.min(...waits, retryAfterMaxS) : undefined,
    httpStatus: chosen?.httpStatus,
    vendorCode: chosen?.vendorCode,
    requestId: chosen?.requestId,
    spent: run.spent,
    attempts: failures.map(({ provider, error }) => ({ provider, code: error.code })),
  });
}

/** Prices come from settings; a fraction or a negative number must stop the start rather than the first call. */
function checkPrices(uses: Readonly<Record<string, LlmUse>>): void {
  for (const [use, { models }] of Object.entries(uses)) {
    for (const [provider, model] of Object.entries(models)) {
      const isValid = Object.values(model.prices).every((price) => Number.isSafeInteger(price) && price >= 0);
      if (!isValid) throw new RangeError(`Prices of ${provider} for "${use}" must be whole micro-USD, 0 or more.`);
    }
  }
}
