import type { HttpRequest, HttpResponseInit } from '@azure/functions';
import type { z } from 'zod';
import { admit, type Call } from './admission.ts';
import { callerOf, credentialOf, takeRequestId } from './caller.ts';
import { readCookie } from './cookies.ts';
import type { Auth, Endpoint, Page, RawBody, RequestContext } from './define-endpoint.ts';
import { defaultBodyLimitBytes } from './define-endpoint.ts';
import { AppError, type ErrorCode, type InputProblem, validationError } from './errors.ts';
import { currentMeter, currentTrace, withMeter } from './meter.ts';
import { readBody } from './request-body.ts';
import {
  type Answer,
  corsHeaders,
  inEnvelope,
  problemAnswer,
  rateHeaders,
  toAppError,
  toHttp,
  wantsEnvelope,
} from './responses.ts';
import { isCleanText } from './rich-text.ts';
import type { Runtime } from './runtime.ts';
import { beginTrace, endTrace, type HostTraceContext, traceOf } from './tracing.ts';

/** Codes that the pipeline itself may raise for any endpoint, beside those that the endpoint declares. */
export const pipelineErrors: readonly ErrorCode[] = [
  'unauthenticated',
  'forbidden',
  'api_key_refused',
  'rate_limited',
  'payload_too_large',
  'unsupported_media_type',
  'validation_failed',
  'idempotency_in_progress',
  'idempotency_key_reused',
  'already_done',
  'step_up_required',
  'internal',
  'unavailable',
];

function problemsOf(error: z.ZodError, where: string): InputProblem[] {
  return error.issues.map((issue) => ({
    loc: [where, ...issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key))],
    msg: issue.message,
    type: issue.code,
  }));
}

function parsePart(schema: z.ZodType | undefined, value: unknown, where: string, problems: InputProblem[]): unknown {
  if (schema === undefined) return undefined;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  problems.push(...problemsOf(result.error, where));
  return undefined;
}

async function parseInput(call: Call): Promise<{ params: unknown; query: unknown; body: unknown }> {
  const { endpoint, request } = call;
  const problems: InputProblem[] = [];
  const query = Object.fromEntries(request.query);
  for (const [name, value] of [...Object.entries(query), ...Object.entries(request.params)]) {
    if (!isCleanText(value))
      problems.push({ loc: ['query', name], msg: 'Contains characters that are not allowed', type: 'unclean_text' });
  }
  const rawBody = endpoint.body
    ? await readBody(request, endpoint.consumes ?? ['json'], endpoint.bodyLimitBytes ?? defaultBodyLimitBytes)
    : undefined;
  const input = {
    params: parsePart(endpoint.params, request.params, 'path', problems),
    query: parsePart(endpoint.query, query, 'query', problems),
    body: parsePart(endpoint.body, rawBody, 'body', problems),
  };
  if (problems.length > 0) throw validationError(problems);
  return input;
}

function unquoted(etag: string | null): string | undefined {
  if (etag === null || etag === '*') return undefined;
  return etag.replace(/^W\//, '').replace(/^"(.*)"$/, '$1');
}

function nextLink(request: HttpRequest, cursor: string): string {
  const url = new URL(request.url);
  url.searchParams.delete('skip');
  url.searchParams.set('cursor', cursor);
  return `<${url.pathname}${url.search}>; rel="next"`;
}

/** Checks what the handler returned against the declared schema; fields that the schema does not know never leave. */
function successAnswer(call: Call, result: unknown): Answer {
  const { success } = call.endpoint;
  if ('raw' in success) {
    // The builder's types allow nothing else for this kind of success.
    const raw = result as RawBody;
    return { status: success.status, headers: { 'content-type': raw.contentType, ...raw.headers }, body: raw.content };
  }
  if (!('page' in success || 'schema' in success)) return { status: success.status, headers: {} };
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if ('page' in success) {
    const page = result as Page<unknown>;
    if (page.cursor !== undefined) headers['link'] = nextLink(call.request, page.cursor);
    return {
      status: success.status,
      headers,
      body: JSON.stringify(page.items.map((item) => success.page.parse(item))),
    };
  }
  const body = JSON.stringify(success.schema.parse(result));
  // A stored document carries its version; that version is the ETag of the resource.
  const version = typeof result === 'object' && result !== null && '_etag' in result ? result._etag : undefined;
  if (typeof version === 'string') headers['etag'] = `"${unquoted(version)}"`;
  const isUnchanged =
    call.endpoint.method === 'GET' &&
    headers['etag'] !== undefined &&
    unquoted(call.request.headers.get('if-none-match')) === unquoted(headers['etag']);
  return isUnchanged
    ? { status: 304, headers: { etag: headers['etag'] ?? '' } }
    : { status: success.status, headers, body };
}

async function runHandler(call: Call, input: Awaited<ReturnType<typeof parseInput>>, newId: string): Promise<Answer> {
  const headers: Record<string, string> = {};
  const context: RequestContext<Auth> = {
    user: call.user,
    services: call.runtime.services,
    caller: call.caller,
    // Read by one endpoint; the others do not pay for it.
    get shownKey() {
      return call.request.headers.get('x-api-key') ?? credentialOf(call.request)?.value;
    },
    newId,
    ifMatch: unquoted(call.request.headers.get('if-match')),
    cookie: (name) => readCookie(call.request.headers.get('cookie'), name),
    setHeader(name, value) {
      headers[name] = value;
    },
  };
  const answer = successAnswer(call, await call.endpoint.handler(input, context));
  return { ...answer, headers: { ...answer.headers, ...headers } };
}

const usualLongestMs = 30_000;

/** What a repeat is told in place of an answer that held a secret: the `id` in that answer, or that of what was made. */
function alreadyDone(call: Call, answer: Answer, newId: string): Answer {
  const body: unknown = typeof answer.body === 'string' ? JSON.parse(answer.body) : undefined;
  const id = typeof body === 'object' && body !== null && 'id' in body ? body.id : newId;
  const detail = 'This was done before; its secret was shown once and is not kept.';
  return problemAnswer(new AppError('already_done', detail, { extensions: { id } }), call.caller.request_id);
}

async function runIdempotently(call: Call, input: Awaited<ReturnType<typeof parseInput>>): Promise<Answer> {
  const newId = call.runtime.ids.next();
  const key = call.request.headers.get('idempotency-key');
  if (!call.endpoint.idempotent || key === null || key === '') return runHandler(call, input, newId);
  const claim = await call.runtime.idempotency.begin({
    scope: `${call.user?.user_id ?? 'anonymous'}:${call.endpoint.name}`,
    key,
    fingerprint: JSON.stringify(input),
    newId,
    longestMs: call.endpoint.longestMs ?? usualLongestMs,
  });
  if ('replay' in claim)
    return { ...claim.replay, headers: { ...claim.replay.headers, 'idempotency-replayed': 'true' } };
  let answer: Answer;
  try {
    answer = await runHandler(call, input, claim.newId);
  } catch (error) {
    // After an error of ours, part of the work may be done: the repeat must find it rather than do it twice.
    const isRefusal = toAppError(error).status < 500;
    await (isRefusal ? claim.abandon() : claim.release()).catch(() => undefined);
    throw error;
  }
  const kept = call.endpoint.idempotent === 'secret' ? alreadyDone(call, answer, claim.newId) : answer;
  // What was done is done, also when the answer cannot be kept: a repeat then runs again and finds it.
  await claim.finish({ ...kept, body: String(kept.body ?? '') }).catch((error: unknown) => {
    call.runtime.logger.warn('idempotency_not_kept', { operation: call.endpoint.name, error });
  });
  return answer;
}

function checkDeclared(call: Call, error: AppError): AppError {
  const isDeclared = call.endpoint.errors.includes(error.code) || pipelineErrors.includes(error.code);
  if (isDeclared || !call.runtime.strictErrors) return error;
  return new AppError('internal', `The endpoint does not declare the error ${error.code}.`, { cause: error });
}

async function answer(call: Call): Promise<{ answer: Answer; error?: AppError }> {
  try {
    await admit(call);
    const input = await parseInput(call);
    return { answer: await runIdempotently(call, input) };
  } catch (thrown) {
    const error = checkDeclared(call, toAppError(thrown));
    return { answer: problemAnswer(error, call.caller.request_id), error };
  }
}

/** How a request came in: by which of its endpoint's routes, and what the host says about its trace. */
export interface Arrival {
  route?: string | undefined;
  traceContext?: HostTraceContext | undefined;
}

/** The trace of a request, under a name of which there are as many as there are routes. */
export function traceRequest(
  request: HttpRequest,
  runtime: Runtime,
  operation: string,
  { route, traceContext }: Arrival,
) {
  const path = route?.replace(/^\/?/, '/');
  return beginTrace(
    runtime.startSpan,
    traceOf(traceContext, request.headers.get('traceparent')),
    path === undefined ? request.method : `${request.method} ${path}`,
    {
      'http.request.method': request.method,
      ...(path === undefined ? {} : { 'http.route': path }),
      'lyceum.operation': operation,
    },
  );
}

/** The one line that every request leaves, also one that no endpoint takes, and the end of its span. */
export function logRequest(
  runtime: Pick<Runtime, 'logger'>,
  about: { operation: string; request_id: string; user_id: string | undefined; status: number; ms: number },
  error: AppError | undefined,
): void {
  const fields = { ...about, ms: Math.round(about.ms * 100) / 100, code: error?.code, ...currentMeter() };
  if (about.status >= 500) runtime.logger.error('request', { ...fields, error: error?.cause ?? error });
  else runtime.logger.info('request', fields);
  endTrace(
    currentTrace(),
    {
      'http.response.status_code': about.status,
      'lyceum.request_id': about.request_id,
      ...(error === undefined ? {} : { 'lyceum.code': error.code }),
    },
    // What the caller did wrong is no failure of ours, so it does not make the span one.
    about.status >= 500 ? (error?.code ?? 'internal') : undefined,
  );
}

/** Runs one request through the fixed order of steps. Never throws: with streaming on, a throw would leave the caller waiting. */
export function handleRequest(
  endpoint: Endpoint,
  request: HttpRequest,
  runtime: Runtime,
  arrival: Arrival = {},
): Promise<HttpResponseInit> {
  const trace = traceRequest(request, runtime, endpoint.name, { route: endpoint.routes[0], ...arrival });
  return withMeter(async () => {
    const startedMs = performance.now();
    const caller = callerOf(request, takeRequestId(request, runtime), runtime);
    const call: Call = { endpoint, request, runtime, caller, user: undefined, rate: undefined };
    const done = await answer(call);
    const ms = performance.now() - startedMs;
    const about = { operation: endpoint.name, request_id: caller.request_id, user_id: call.user?.user_id };
    logRequest(runtime, { ...about, status: done.answer.status, ms }, done.error);
    const nowMs = runtime.clock.now();
    const wrapped = wantsEnvelope(request.headers.get('accept'), request.query)
      ? inEnvelope(done.answer, caller.request_id, nowMs, nowMs - ms)
      : done.answer;
    const cors = corsHeaders(request.headers.get('origin'), runtime.corsOrigins);
    return toHttp(wrapped, { requestId: caller.request_id, cors, rate: rateHeaders(call.rate, nowMs) });
  }, trace);
}
