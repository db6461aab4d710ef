/** The only source of time in Lyceum, injected so that tests can move it. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** ISO 8601 UTC with milliseconds, the form in which every time is stored and sent. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
