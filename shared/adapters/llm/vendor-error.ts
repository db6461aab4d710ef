import type { Clock } from '../../platform/clock.ts';
import { retryAfterMs } from './retry-after.ts';
import { LlmError, type LlmErrorCode } from './types.ts';

/**
 * Turns what an SDK threw into an `LlmError`. Nothing of the vendor's message is kept, because vendors repeat parts of the
 * request in it. The SDK's error classes are recognised by their fields: bundling renames classes.
 */
export function toLlmError(error: unknown, signal: AbortSignal, clock: Clock): LlmError {
  if (error instanceof LlmError) return error;
  if (signal.aborted) return new LlmError('llm_timeout');
  const status = field(error, 'status');
  // Without a status the request was not answered: refused, reset, cut in the middle, or a body that is not JSON.
  if (typeof status !== 'number') return new LlmError('llm_unavailable');
  const headers = field(error, 'headers');
  const waitMs = headers instanceof Headers ? retryAfterMs(headers, clock.now()) : undefined;
  return new LlmError(codeOf(status, error), {
    httpStatus: status,
    retryAfterS: waitMs === undefined ? undefined : Math.ceil(waitMs / 1000),
    vendorCode: identifier(field(error, 'code')) ?? identifier(field(error, 'type')),
    requestId: identifier(field(error, 'requestID')),
  });
}

/** Statuses that say that something is wrong with our account, key, or model name rather than with this request. */
const SETTINGS_STATUSES = new Set([401, 402, 403, 404]);
const OUTAGE_STATUSES = new Set([409, 425, 499]);

function codeOf(status: number, error: unknown): LlmErrorCode {
  if (status === 429) return 'llm_rate_limited';
  if (status === 408 || status === 504) return 'llm_timeout';
  if (status >= 500 || status < 400 || OUTAGE_STATUSES.has(status)) return 'llm_unavailable';
  if (SETTINGS_STATUSES.has(status) || isOutOfCredit(error)) return 'llm_not_configured';
  // Azure OpenAI answers 400 when its filter stops the prompt.
  if (field(error, 'code') === 'content_filter') return 'llm_refused';
  return 'llm_rejected';
}

/** Anthropic reports an empty account as an invalid request, told apart only by its text. */
function isOutOfCredit(error: unknown): boolean {
  const message = field(error, 'message');
  return typeof message === 'string' && message.includes('credit balance is too low');
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

/** Only a plain identifier is safe to log. */
export function identifier(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w.-]{1,80}$/.test(value) ? value : undefined;
}
