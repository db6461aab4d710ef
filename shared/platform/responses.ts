import type { HttpResponseInit } from '@azure/functions';
import { CosmosError } from '../adapters/cosmos/errors.ts';
import { ServiceBusFailure } from '../adapters/service-bus/errors.ts';
import { AppError, errorTable } from './errors.ts';
import type { RateDecision } from './rate-limit.ts';

const securityHeaders: Record<string, string> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'permissions-policy': ['camera', 'display-capture', 'geolocation', 'microphone', 'payment', 'usb']
    .map((feature) => `${feature}=()`)
    .join(', '),
  // Pages of configured origins read answers through CORS, which this does not touch; it keeps answers out of all else.
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** What the clients of configured origins may read beside the body. */
const exposedHeaders = [
  'ETag',
  'Link',
  'Retry-After',
  'X-Request-Id',
  'Idempotency-Replayed',
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'WWW-Authenticate',
  'Allow',
  'Content-Disposition',
].join(', ');

/** The headers that let a browser page of a configured origin call; none for any other origin. */
export function corsHeaders(origin: string | null, allowed: readonly string[]): Record<string, string> {
  if (allowed.length === 0) return {};
  // Also for who says no origin: a cache must not hand that answer to a page of one that is allowed.
  if (origin === null || !allowed.includes(origin)) return { vary: 'Origin' };
  return {
    vary: 'Origin',
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': exposedHeaders,
  };
}

/** A name of a header, as a browser lists it in `Access-Control-Request-Headers`. */
const headerName = /^[a-z0-9!#$%&'*+.^_`|~-]{1,100}$/i;

/**
 * The answer to a preflight of a page that `cors` allows: the methods of the path, and the headers that the page asks for.
 * A page of a configured origin may send any header; what Lyceum does not know it does not read.
 */
export function preflightAnswer(
  methods: readonly string[],
  requestedHeaders: string | null,
  cors: Record<string, string>,
): Answer {
  const all = [...methods, ...(methods.includes('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
  const vary = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers';
  const headers: Record<string, string> = { allow: all, ...('vary' in cors && { vary }) };
  if (!('access-control-allow-origin' in cors)) return { status: 204, headers };
  const names = (requestedHeaders ?? '').split(',').map((name) => name.trim());
  const known = names.filter((name) => headerName.test(name)).slice(0, 50);
  return {
    status: 204,
    headers: {
      ...headers,
      'access-control-allow-methods': all,
      ...(known.length > 0 && { 'access-control-allow-headers': known.join(', ') }),
      'access-control-max-age': '7200',
    },
  };
}

export interface AnswerHead {
  requestId: string;
  /** From `corsHeaders`. */
  cors: Record<string, string>;
  /** From `rateHeaders`. */
  rate: Record<string, string>;
}

/** Two spellings of the same, because clients read either: the reset in seconds from now, and as a time in Unix seconds. */
export function rateHeaders(decision: RateDecision | undefined, nowMs: number): Record<string, string> {
  if (decision === undefined) return {};
  const limit = String(decision.limit);
  const remaining = String(decision.remaining);
  return {
    'ratelimit-limit': limit,
    'ratelimit-remaining': remaining,
    'ratelimit-reset': String(decision.resetS),
    'x-ratelimit-limit': limit,
    'x-ratelimit-remaining': remaining,
    'x-ratelimit-reset': String(Math.ceil(nowMs / 1000) + decision.resetS),
  };
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body?: string | Uint8Array;
}

/** What is sent: the answer with the headers that every answer carries. */
export function toHttp(answer: Answer, head: AnswerHead): HttpResponseInit {
  const headers = {
    ...securityHeaders,
    'x-request-id': head.requestId,
    ...head.rate,
    ...head.cors,
    ...answer.headers,
  };
  return answer.body === undefined
    ? { status: answer.status, headers }
    : { status: answer.status, headers, body: answer.body };
}

/** A problem document (RFC 9457) that the front ends of all earlier systems can read: `detail` is always a string. */
export function problemAnswer(error: AppError, requestId: string): Answer {
  const { status, title } = errorTable[error.code];
  const headers: Record<string, string> = { 'content-type': 'application/problem+json', ...error.headers };
  if (error.retryAfterS !== undefined) headers['retry-after'] = String(Math.max(1, Math.ceil(error.retryAfterS)));
  if (status === 401) headers['www-authenticate'] = 'Bearer';
  const body = {
    ...error.extensions,
    type: `urn:lyceum:error:${error.code}`,
    title,
    status,
    detail: error.message,
    code: error.code,
    message: error.message,
    request_id: requestId,
    ...(error.problems ? { errors: error.problems } : {}),
  };
  return { status, headers, body: JSON.stringify(body) };
}

const envelopeType = 'application/vnd.lyceum.envelope+json';

export function wantsEnvelope(accept: string | null, query: URLSearchParams): boolean {
  return query.get('envelope') === 'true' || (accept?.includes(envelopeType) ?? false);
}

/** Wraps a JSON answer as `{status, data, message, metadata}` for clients that ask for it. */
export function inEnvelope(answer: Answer, requestId: string, nowMs: number, startedMs: number): Answer {
  const isJson = answer.headers['content-type']?.includes('json') ?? false;
  if (!isJson || typeof answer.body !== 'string') return answer;
  const data: unknown = JSON.parse(answer.body);
  const isError = answer.status >= 400;
  const body = {
    status: isError ? 'error' : 'success',
    data: isError ? null : data,
    message: isError && typeof data === 'object' && data !== null && 'message' in data ? data.message : 'OK',
    metadata: {
      timestamp: new Date(nowMs).toISOString(),
      request_id: requestId,
      execution_time: (nowMs - startedMs) / 1000,
    },
    ...(isError ? { error: data } : {}),
  };
  return { ...answer, headers: { ...answer.headers, 'content-type': envelopeType }, body: JSON.stringify(body) };
}

/** Answers of the database that say nothing about the request, only that now is a bad time. */
const busyStatuses = new Set([408, 429, 449, 503]);

/**
 * Any thrown value as an `AppError`: a database or queue that is busy or out of reach is `unavailable`, and what else was
 * not raised on purpose is `internal`; neither shows anything of its cause.
 */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof CosmosError && busyStatuses.has(error.status)) {
    return new AppError('unavailable', undefined, { cause: error, retryAfterS: error.retryAfterS ?? 1 });
  }
  if (error instanceof ServiceBusFailure && error.retryable) {
    return new AppError('unavailable', undefined, { cause: error, retryAfterS: 5 });
  }
  return new AppError('internal', undefined, { cause: error });
}
