import { type Clock, isoTime } from './clock.ts';
import { redactFields, redactText } from './redaction.ts';

const SEVERITY = { debug: 10, info: 20, warn: 30, error: 40 } as const;

export type LogLevel = keyof typeof SEVERITY;

export type LogFields = Record<string, unknown>;

/**
 * Writes one JSON object a line. `event` is a fixed name ("request_done"), never a sentence with data in it: the data are fields, because
 * only fields pass the rule of what may be printed (redaction.ts).
 */
export interface Logger {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** A logger that adds these fields to every line; fields of a line win over them. */
  child(fields: LogFields): Logger;
}

export interface LoggerOptions {
  /** Receives each line without its line end. */
  write: (line: string) => void;
  clock: Clock;
  /** The least severe level that is written. */
  level: LogLevel;
  /** The trace that a line belongs to, when there is one. */
  traceId?: () => string | undefined;
}

const EVENT_CHARS_MAX = 120;

// JSON leaves these two as they are, but many readers of logs take them for line ends.
const LINE_SEPARATORS = /[\u2028\u2029]/g;

function escapeSeparator(separator: string): string {
  return separator === '\u2028' ? '\\u2028' : '\\u2029';
}

function toLine(
  about: { time: string; level: LogLevel; traceId: string | undefined },
  event: string,
  inherited: LogFields,
  fields: LogFields | undefined,
): string {
  const { time, level, traceId } = about;
  const named = { time, level, event: redactText(event, EVENT_CHARS_MAX) };
  const head = traceId === undefined ? named : { ...named, trace_id: traceId };
  const own = fields === undefined ? {} : redactFields(fields);
  // Written twice: the first fixes the order on the line, the last makes sure that no field can take the place of time, level, event or trace.
  return JSON.stringify({ ...head, ...inherited, ...own, ...head }).replace(LINE_SEPARATORS, escapeSeparator);
}

function createWithFields(options: LoggerOptions, inherited: LogFields): Logger {
  const { write, clock } = options;
  const threshold = SEVERITY[options.level];

  function log(level: LogLevel, event: string, fields: LogFields | undefined): void {
    if (SEVERITY[level] < threshold) return;
    const time = isoTime(clock.now());
    try {
      write(toLine({ time, level, traceId: options.traceId?.() }, event, inherited, fields));
    } catch {
      // A line that cannot be written must never fail the work that it reports on.
    }
  }

  return {
    debug: (event, fields) => log('debug', event, fields),
    info: (event, fields) => log('info', event, fields),
    warn: (event, fields) => log('warn', event, fields),
    error: (event, fields) => log('error', event, fields),
    child: (fields) => createWithFields(options, { ...inherited, ...redactFields(fields) }),
  };
}

export function createLogger(options: LoggerOptions): Logger {
  return createWithFields(options, {});
}
