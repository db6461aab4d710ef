import type { Span } from '@opentelemetry/api';
import type { Clock } from '../../platform/clock.ts';
import { endSpan, spanKind, startSpan } from '../../platform/tracing.ts';
import { addSpent, costMicroUsd } from './cost.ts';
import { outputSchemaOf } from './output-schema.ts';
import { type ParsedOutput, parseOutput, repairMessage } from './parse-output.ts';
import type { LlmMessage, LlmProvider, LlmProviderReply } from './provider.ts';
import type { ProviderGuard } from './provider-guard.ts';
import {
  type LlmCallRecord,
  LlmError,
  type LlmErrorCode,
  type LlmModel,
  type LlmRequest,
  type LlmSpent,
  noSpending,
} from './types.ts';

/** A provider together with what this request would use of it. */
export interface Candidate {
  provider: LlmProvider;
  model: LlmModel;
  guard: ProviderGuard;
}

/** One request on its way through the providers; `spent` grows with each call. */
export interface Run<T> {
  readonly request: LlmRequest<T>;
  /** Limit of one attempt. */
  readonly timeoutMs: number;
  /** Less than this before the deadline no call is begun. */
  readonly minAttemptMs: number;
  readonly clock: Clock;
  readonly onCall: (record: LlmCallRecord) => void;
  spent: LlmSpent;
}

export function isTimeLeft(run: Run<unknown>): boolean {
  return run.request.deadlineMs - run.clock.now() >= run.minAttemptMs;
}

export interface Answer<T> {
  value: T;
  model: string;
}

/** Asks one provider and, when the answer has not the required form, asks once more with the problems found. */
export async function askWithRepair<T>(candidate: Candidate, run: Run<T>): Promise<Answer<T>> {
  const { user } = run.request;
  const first = await ask(candidate, run, 1, [{ role: 'user', content: user }]);
  if (first.parsed.ok) return { value: first.parsed.value, model: first.reply.model };
  if (!isTimeLeft(run)) throw new LlmError('llm_bad_output');
  const second = await ask(candidate, run, 2, repairMessages(user, first.reply.text, first.parsed.problems));
  if (second.parsed.ok) return { value: second.parsed.value, model: second.reply.model };
  throw new LlmError('llm_bad_output');
}

function repairMessages(user: string, answer: string, problems: string): LlmMessage[] {
  const repair = repairMessage(problems);
  // Vendors refuse an empty turn of the assistant.
  if (answer.trim() === '') return [{ role: 'user', content: `${user}\n\n${repair}` }];
  return [
    { role: 'user', content: user },
    { role: 'assistant', content: answer },
    { role: 'user', content: repair },
  ];
}

interface Asked<T> {
  reply: LlmProviderReply;
  parsed: ParsedOutput<T>;
}

/** One call with its record; throws `LlmError` for everything but an answer of the wrong form. */
async function ask<T>(
  candidate: Candidate,
  run: Run<T>,
  round: LlmCallRecord['round'],
  messages: readonly LlmMessage[],
): Promise<Asked<T>> {
  const { request, clock } = run;
  const startedMs = clock.now();
  const record: LlmCallRecord = {
    provider: candidate.provider.name,
    model: candidate.model.model,
    use: request.use,
    round,
    ms: 0,
    status: 'ok',
    ...noSpending(),
    ...(request.about === undefined ? {} : { about: request.about }),
  };
  const span = startCallSpan(candidate, run);
  let answeredBy: string | undefined;
  try {
    const reply = await call(candidate, run, messages);
    const cost = costMicroUsd(reply.usage, candidate.model.prices);
    Object.assign(record, { model: reply.model, usage: reply.usage, cost_micro_usd: cost });
    answeredBy = reply.model;
    run.spent = addSpent(run.spent, record);
    if (reply.stopReason === 'refused') throw new LlmError('llm_refused');
    if (reply.stopReason === 'truncated') throw new LlmError('llm_truncated');
    const parsed = parseOutput(reply.text, request.schema);
    if (!parsed.ok) Object.assign(record, { status: 'error', error_code: 'llm_bad_output' });
    return { reply, parsed };
  } catch (error) {
    noteError(record, error);
    throw error;
  } finally {
    record.ms = clock.now() - startedMs;
    endCallSpan(span, record, answeredBy);
    run.onCall(record);
  }
}

/** One span per call, so a repair and a fallback have their own. Prompt and answer are on none of them. */
function startCallSpan({ provider, model }: Candidate, { request }: Run<unknown>): Span | undefined {
  return startSpan(`chat ${model.model}`, spanKind.client, {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': provider.name,
    'gen_ai.request.model': model.model,
    'gen_ai.request.max_tokens': request.maxOutputTokens,
    'gen_ai.output.type': 'json',
    'lyceum.llm.use': request.use,
  });
}

function endCallSpan(span: Span | undefined, record: LlmCallRecord, answeredBy: string | undefined): void {
  const { usage, http_status: status } = record;
  const answered =
    answeredBy === undefined
      ? {}
      : {
          'gen_ai.response.model': answeredBy,
          'gen_ai.usage.input_tokens': usage.input_tokens,
          'gen_ai.usage.output_tokens': usage.output_tokens,
          'gen_ai.usage.cache_read.input_tokens': usage.cached_input_tokens,
          'gen_ai.usage.cache_creation.input_tokens': usage.cache_write_input_tokens,
        };
  const attributes = {
    ...answered,
    'lyceum.llm.round': record.round,
    'lyceum.cost_micro_usd': record.cost_micro_usd,
    ...(status === undefined ? {} : { 'http.response.status_code': status }),
  };
  endSpan(span, attributes, record.status === 'ok' ? undefined : (record.error_code ?? '_OTHER'));
}

function call<T>(candidate: Candidate, run: Run<T>, messages: readonly LlmMessage[]): Promise<LlmProviderReply> {
  const { model, provider, guard } = candidate;
  const { request } = run;
  const timeoutMs = Math.min(run.timeoutMs, request.deadlineMs - run.clock.now());
  return guard.run(timeoutMs, (signal) =>
    provider.complete({
      use: request.use,
      model: model.model,
      temperature: model.temperature,
      system: request.system,
      cachedPrefix: request.cachedPrefix,
      messages,
      outputSchema: outputSchemaOf(request.schema),
      schemaName: request.schemaName,
      maxOutputTokens: request.maxOutputTokens,
      input: request.input,
      timeoutMs,
      signal,
    }),
  );
}

/** Failures that came up before the vendor was called. */
export const NOT_CALLED_CODES: ReadonlySet<LlmErrorCode> = new Set(['llm_circuit_open', 'llm_busy']);

function noteError(record: LlmCallRecord, error: unknown): void {
  record.status = 'error';
  if (!(error instanceof LlmError)) return;
  if (NOT_CALLED_CODES.has(error.code)) record.status = 'skipped';
  record.error_code = error.code;
  if (error.httpStatus !== undefined) record.http_status = error.httpStatus;
  if (error.vendorCode !== undefined) record.vendor_code = error.vendorCode;
  if (error.requestId !== undefined) record.request_id = error.requestId;
}
