import type { Attributes, Span, SpanContext, SpanKind } from '@opentelemetry/api';
import { currentMeter, currentTrace } from './meter.ts';
import { parseTraceparent, type StartSpan, type Trace, toTraceparent } from './trace-context.ts';

/**
 * Kinds of spans by their numbers in OpenTelemetry. An invocation is INTERNAL, because the host exports the span of kind
 * SERVER or CONSUMER around it, and backends count those as requests.
 */
export const spanKind = { internal: 0, client: 2, producer: 3 } as const satisfies Record<string, SpanKind>;

/** What the host says about the trace of an invocation. */
export interface HostTraceContext {
  traceParent?: string | undefined;
}

/** The trace that an invocation belongs to: its own span, or else the place that its caller named. */
export function beginTrace(
  start: StartSpan | undefined,
  parent: SpanContext | undefined,
  name: string,
  attributes: Attributes,
): Trace | undefined {
  const span = start?.(name, spanKind.internal, parent, attributes);
  if (span !== undefined) return { context: span.spanContext(), span, start };
  return parent && { context: parent, span, start };
}

/** Ends the span of an invocation with what the invocation has cost. */
export function endTrace(trace: Trace | undefined, attributes: Attributes, errorType?: string): void {
  if (!trace?.span?.isRecording()) return;
  const meter = currentMeter();
  const spent: Attributes =
    meter === undefined
      ? {}
      : {
          'lyceum.cosmos_calls': meter.cosmos_calls,
          'lyceum.request_units': Math.round(meter.request_units * 100) / 100,
        };
  endSpan(trace.span, { ...attributes, ...spent }, errorType);
}

const statusError = 2;

/** `errorType` is one of few known words, never a message: messages may repeat what somebody wrote. */
export function endSpan(span: Span | undefined, attributes: Attributes, errorType?: string): void {
  if (!span?.isRecording()) return;
  span.setAttributes(attributes);
  if (errorType !== undefined) span.setAttribute('error.type', errorType).setStatus({ code: statusError });
  span.end();
}

/** A span within the invocation that runs; undefined outside of one, and while nobody collects spans. */
export function startSpan(
  name: string,
  kind: SpanKind,
  attributes: Attributes,
  parent?: SpanContext,
): Span | undefined {
  const trace = currentTrace();
  return trace?.start?.(name, kind, parent ?? trace.context, attributes);
}

/** Where the work that runs stands in its trace, to be kept with what it leads to later. */
export function currentTraceparent(): string | undefined {
  const trace = currentTrace();
  return trace && toTraceparent(trace.context);
}

/** For log lines, so that lines and spans can be found by each other. */
export function currentTraceId(): string | undefined {
  return currentTrace()?.context.traceId;
}

/** The place in a trace that the host names, else the one that came with the request or the message itself. */
export function traceOf(host: HostTraceContext | undefined, own: unknown): SpanContext | undefined {
  return parseTraceparent(host?.traceParent) ?? (typeof own === 'string' ? parseTraceparent(own) : undefined);
}

/** What the spans about a message of a queue have in common. */
export function messagingAttributes(operation: 'send' | 'process', queue: string, messageId: string): Attributes {
  return {
    'messaging.system': 'servicebus',
    'messaging.operation.name': operation,
    'messaging.operation.type': operation,
    'messaging.destination.name': queue,
    'messaging.message.id': messageId,
  };
}

/** A word for an error that is safe to export and of which there are few. */
export function errorTypeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '_OTHER';
  const code = 'code' in error ? error.code : undefined;
  const word = typeof code === 'string' ? code : error instanceof Error ? error.name : '_OTHER';
  return /^[\w.-]{1,60}$/.test(word) ? word : '_OTHER';
}
