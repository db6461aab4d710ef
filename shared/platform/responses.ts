import type { HttpResponseInit } from '@azure/functions';
import { CosmosError } from '../adapters/cosmos/errors.ts';
import { ServiceBusFailure } from '../adapters/service-bus/errors.ts';
import { AppError, errorTable } from './errors.ts';

const securityHeaders: Record<string, string> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'cache-control': 'no-store',
};

const exposedHeaders = 'ETag, Link, Retry-After, X-Request-Id, Idempotency-Replayed';

/** The headers that let a browser page of a configured origin call; none for any other origin. */
export function corsHeaders(origin: string | null, allowed: readonly string[]): Record<string, string> {
  if (origin === null || allowed.length === 0) return {};
  if (!allowed.includes(origin)) return { vary: 'Origin' };
  return {
    vary: 'Origin',
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': exposedHeaders,
  };
}

export interface AnswerHead {
  requestId: string;
  /** From `corsHeaders`. */
  cors: Record<string, string>;
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body?: string | Uint8Array;
}

/** What is sent: the answer with the headers that every answer carries. */
export function toHttp(answer: Answer, head: AnswerHead): HttpResponseInit {
  const headers = { ...securityHeaders, 'x-request-id': head.requestId, ...head.cors, ...answer.headers };
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
