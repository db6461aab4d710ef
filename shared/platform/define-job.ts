import type { z } from 'zod';
import type { Services } from './define-endpoint.ts';

export interface JobContext {
  services: Services;
  /** The same for every delivery of one message. */
  messageId: string;
}

/** A queue-triggered function. Returning completes the message, throwing hands it back to the queue. */
export interface Worker {
  kind: 'worker';
  name: string;
  queue: string;
  summary: string;
  schema: z.ZodType;
  handler: (message: unknown, context: JobContext) => Promise<void>;
}

export function defineWorker<T extends z.ZodType>(
  spec: Omit<Worker, 'kind' | 'schema' | 'handler'> & {
    schema: T;
    handler: (message: z.output<T>, context: JobContext) => Promise<void>;
  },
): Worker {
  // `mount` parses each message with this schema before it calls the handler, so the narrower type holds.
  return { ...spec, kind: 'worker', handler: spec.handler as Worker['handler'] };
}

/** A function on a six-field schedule (seconds first, UTC). It must be harmless to run twice. */
export interface Timer {
  kind: 'timer';
  name: string;
  schedule: string;
  summary: string;
  handler: (context: { services: Services }) => Promise<void>;
}

export function defineTimer(spec: Omit<Timer, 'kind'>): Timer {
  return { ...spec, kind: 'timer' };
}

/** A function that sees every change of a container's documents, at least once, in order within a partition. */
export interface ChangeFeed {
  kind: 'change-feed';
  name: string;
  container: string;
  summary: string;
  handler: (documents: readonly unknown[], context: { services: Services }) => Promise<void>;
}

export function defineChangeFeed(spec: Omit<ChangeFeed, 'kind'>): ChangeFeed {
  return { ...spec, kind: 'change-feed' };
}
