/**
 * How long a vendor asks us to stay away, in milliseconds from `nowMs`: `retry-after-ms`, else `Retry-After` in seconds or
 * as an HTTP date. Undefined when nothing usable is said or the time has passed.
 */
export function retryAfterMs(headers: { get(name: string): string | null }, nowMs: number): number | undefined {
  const ms = positive(headers.get('retry-after-ms'));
  if (ms !== undefined) return ms;
  const value = headers.get('retry-after');
  const seconds = positive(value);
  if (seconds !== undefined) return seconds * 1000;
  // A number that is not positive must not be taken for a date: "-5" and "0" parse as years.
  if (value === null || Number.isFinite(Number(value))) return undefined;
  const waitMs = Date.parse(value) - nowMs;
  return waitMs > 0 ? waitMs : undefined;
}

function positive(text: string | null): number | undefined {
  if (text === null || text.trim() === '') return undefined;
  const number = Number(text);
  return Number.isFinite(number) && number > 0 ? number : undefined;
}
