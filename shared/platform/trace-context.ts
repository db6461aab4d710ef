import type { Attributes, Span, SpanContext, SpanKind } from '@opentelemetry/api';

/** Begins a span; undefined while nobody collects spans. Only types of OpenTelemetry are imported here, so none of it is loaded. */
export type StartSpan = (
  name: string,
  kind: SpanKind,
  parent: SpanContext | undefined,
  attributes: Attributes,
) => Span | undefined;

/** Where an invocation stands in its trace, whether or not spans are collected. */
export interface Trace {
  /** What begins within the invocation is a child of this. */
  readonly context: SpanContext;
  readonly span: Span | undefined;
  readonly start: StartSpan | undefined;
}

const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/;

/** Reads a `traceparent` (W3C Trace Context); undefined when it is none, as it may come from anybody. */
export function parseTraceparent(text: string | null | undefined): SpanContext | undefined {
  if (text == null || text === '') return undefined;
  const [, version, traceId = '', spanId = '', flags = ''] = pattern.exec(text) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && text.length !== 55)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
}

/** Only the flag "sampled" is passed on; no other means anything to us. */
export function toTraceparent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-0${traceFlags & 1}`;
}
