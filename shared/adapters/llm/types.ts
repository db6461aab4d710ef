import type { z } from 'zod';

export type LlmProviderName = 'anthropic' | 'openai' | 'simulator';

/** Tokens as both vendors count them once normalised: `input_tokens` is the whole input, of which the cached ones are parts. */
export interface LlmUsage {
  input_tokens: number;
  output_tokens: number;
  /** Part of `input_tokens` that was read from the vendor's prompt cache. */
  cached_input_tokens: number;
  /** Part of `input_tokens` that was written to the vendor's prompt cache, which some vendors charge at a surcharge. */
  cache_write_input_tokens: number;
}

/** What was spent by one call or by several together. */
export interface LlmSpent {
  usage: LlmUsage;
  cost_micro_usd: number;
}

/** Prices in micro-USD per 1 000 000 tokens; 3 USD per million is 3 000 000. */
export interface LlmPrices {
  inputMicroUsd: number;
  cachedInputMicroUsd: number;
  /** Price of input that is written to the prompt cache; the input price when absent. */
  cacheWriteInputMicroUsd?: number;
  outputMicroUsd: number;
}

export interface LlmModel {
  model: string;
  prices: LlmPrices;
  /** Sent only when set, because some models refuse the parameter. */
  temperature?: number;
}

/** Settings of one use of the gateway, for example `grading`. */
export interface LlmUse {
  models: Partial<Record<LlmProviderName, LlmModel>>;
  /** Limit of one attempt for this use; the gateway's own limit when absent. */
  timeoutMs?: number;
}

export interface LlmRequest<T> {
  /** Selects model, prices and time-out, for example `grading`. */
  use: string;
  /** Instructions. */
  system: string;
  /** Stable text such as the rubric; it precedes everything that varies, and prompt caching ends at its end. May be empty. */
  cachedPrefix: string;
  /** The text that varies. */
  user: string;
  /** The answer's schema: the JSON Schema for the vendor is made from it, and the answer is parsed with it. */
  schema: z.ZodType<T>;
  /** Letters, digits, underscores and dashes, at most 64. */
  schemaName: string;
  maxOutputTokens: number;
  /** The structured data from which the prompt was rendered; read only by the simulator. */
  input: unknown;
  /** Absolute, by the injected clock; no attempt is begun when less than the gateway's `minAttemptMs` is left. */
  deadlineMs: number;
  /** Budgets that this call counts against, for example `['user:42', 'day']`. */
  budgetKeys: readonly string[];
  /** Said again on the record of each call, so that calls can be told apart; ids only, as it is logged. */
  about?: Readonly<Record<string, string>> | undefined;
}

export interface LlmResult<T> {
  value: T;
  provider: LlmProviderName;
  /** The model that answered, as the vendor names it, so an alias in the settings becomes a version here. */
  model: string;
  /** All calls made for this result, those of failed attempts and providers included. */
  usage: LlmUsage;
  cost_micro_usd: number;
}

export type LlmErrorCode =
  | 'llm_rate_limited'
  | 'llm_timeout'
  | 'llm_unavailable'
  | 'llm_circuit_open'
  | 'llm_busy'
  | 'llm_bad_output'
  | 'llm_truncated'
  | 'llm_refused'
  | 'llm_rejected'
  | 'llm_budget_exceeded'
  | 'llm_not_configured';

export type LlmErrorKind = 'transient' | 'permanent';

/**
 * Permanent means that the same request will meet the same answer from every provider. A wrong key or an unknown model
 * is transient: an operator mends it without touching the job, which then succeeds.
 */
const PERMANENT_CODES: ReadonlySet<LlmErrorCode> = new Set(['llm_refused', 'llm_rejected']);

/** Fixed sentences, so that neither a student's text nor a vendor's echo of it can reach a log through an error. */
const MESSAGES: Record<LlmErrorCode, string> = {
  llm_rate_limited: 'The model provider limits our rate.',
  llm_timeout: 'The model did not answer in time.',
  llm_unavailable: 'The model provider is unavailable.',
  llm_circuit_open: 'The model provider is not called for now, because its recent calls failed.',
  llm_busy: 'Too many model calls are under way.',
  llm_bad_output: 'The model did not give an answer of the required form.',
  llm_truncated: 'The model ran out of output tokens before its answer was complete.',
  llm_refused: 'The model refused to answer.',
  llm_rejected: 'The model provider rejected the request.',
  llm_budget_exceeded: 'The budget for model calls is used up.',
  llm_not_configured: 'The model provider is not set up correctly.',
};

/** One provider's part in a request that failed. */
export interface LlmAttempt {
  provider: LlmProviderName;
  code: LlmErrorCode;
}

export interface LlmErrorDetails {
  /** Seconds after which another try makes sense, when known. */
  retryAfterS?: number | undefined;
  httpStatus?: number | undefined;
  /** The vendor's own word for the error, such as `overloaded_error`; only a plain identifier is kept. */
  vendorCode?: string | undefined;
  /** The vendor's id of the request, for its support. */
  requestId?: string | undefined;
  spent?: LlmSpent | undefined;
  attempts?: readonly LlmAttempt[] | undefined;
}

export class LlmError extends Error {
  readonly code: LlmErrorCode;
  readonly kind: LlmErrorKind;
  readonly retryAfterS: number | undefined;
  readonly httpStatus: number | undefined;
  readonly vendorCode: string | undefined;
  readonly requestId: string | undefined;
  /** Sum of all calls made before this error, which have to be paid although there is no result. */
  readonly spent: LlmSpent;
  /** What each provider that was considered answered, in order. */
  readonly attempts: readonly LlmAttempt[];

  constructor(code: LlmErrorCode, details: LlmErrorDetails = {}) {
    super(MESSAGES[code]);
    this.name = 'LlmError';
    this.code = code;
    this.kind = PERMANENT_CODES.has(code) ? 'permanent' : 'transient';
    this.retryAfterS = details.retryAfterS;
    this.httpStatus = details.httpStatus;
    this.vendorCode = details.vendorCode;
    this.requestId = details.requestId;
    this.spent = details.spent ?? noSpending();
    this.attempts = details.attempts ?? [];
  }
}

export function noUsage(): LlmUsage {
  return { input_tokens: 0, output_tokens: 0, cached_input_tokens: 0, cache_write_input_tokens: 0 };
}

export function noSpending(): LlmSpent {
  return { usage: noUsage(), cost_micro_usd: 0 };
}

export type CircuitStateName = 'closed' | 'open' | 'half-open';

/** One record per call made, and per call that was not made because of the circuit or the bulkhead; safe to log. */
export interface LlmCallRecord {
  provider: LlmProviderName;
  model: string;
  use: string;
  /** 1 for the question, 2 for the repair round. */
  round: 1 | 2;
  ms: number;
  status: 'ok' | 'error' | 'skipped';
  usage: LlmUsage;
  cost_micro_usd: number;
  error_code?: LlmErrorCode;
  http_status?: number;
  vendor_code?: string;
  request_id?: string;
  about?: Readonly<Record<string, string>>;
}

export interface LlmGateway {
  /** Throws only `LlmError`. */
  complete<T>(request: LlmRequest<T>): Promise<LlmResult<T>>;
  circuitState(): Record<string, CircuitStateName>;
  /** Whether at least one provider would be called now. */
  isAvailable(): boolean;
}
