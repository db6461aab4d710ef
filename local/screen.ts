import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { z } from 'zod';

const logBytesMax = 10 * 1024 * 1024;

const LogLine = z.object({
  level: z.string(),
  operation: z.string().optional(),
  source: z.string().optional(),
  event: z.string().optional(),
  message: z.string().optional(),
});

/** A log file that is kept to two generations: when it is full it becomes FILE.1 and a new one begins. */
export class LogFile {
  readonly path: string;
  #bytes: number;

  constructor(path: string) {
    this.path = path;
    mkdirSync(dirname(path), { recursive: true });
    this.#bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  }

  write(text: string): void {
    if (this.#bytes > logBytesMax) {
      renameSync(this.path, `${this.path}.1`);
      this.#bytes = 0;
    }
    appendFileSync(this.path, text);
    this.#bytes += Buffer.byteLength(text);
  }
}

/** One line for a person about a log line that needs one; undefined for everything else. */
export function alertFor(line: string): string | undefined {
  if (!line.startsWith('{')) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { success, data } = LogLine.safeParse(parsed);
  if (!success || !/^(error|critical)$/.test(data.level)) return undefined;
  return `! ${[data.operation ?? data.source, data.event, data.message]
    .filter((part) => part !== undefined)
    .join(': ')
    .slice(0, 200)}`;
}

/** The terminal of a person: short and quiet, because everything that functions print goes to the log file. */
export interface Screen {
  say(text: string): void;
  restore(): void;
}

/**
 * From here on everything that is printed in this process goes to the log file; errors are shown in short as well. Only
 * `say` reaches the terminal.
 */
export function takeScreen(log: LogFile): Screen {
  const { stdout, stderr } = process;
  const writeOut = stdout.write.bind(stdout);
  const writeError = stderr.write.bind(stderr);
  const capture =
    (isError: boolean) =>
    (chunk: string | Uint8Array): boolean => {
      const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
      log.write(text);
      for (const line of text.split('\n')) {
        const alert = alertFor(line);
        if (alert !== undefined) writeError(`${alert} (${log.path})\n`);
        // What is not a log line and comes as an error is a crash or a warning of Node: shown as it is.
        else if (isError && line !== '' && !line.startsWith('{')) writeError(`${line}\n`);
      }
      return true;
    };
  stdout.write = capture(false);
  stderr.write = capture(true);
  return {
    say: (text) => void writeOut(`${text}\n`),
    restore() {
      stdout.write = writeOut;
      stderr.write = writeError;
    },
  };
}
