/** Reading of JSON that a model or a client wrote: nothing about its shape is known, and nothing here throws. */

/** A field of an object, or undefined when the value is no object or has no such field. */
export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

/** A number, also one written as text ("7.5"); infinite ones count, what is not a number is undefined. */
export function numberOf(value: unknown): number | undefined {
  const parsed = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof parsed === 'number' && !Number.isNaN(parsed) ? parsed : undefined;
}
