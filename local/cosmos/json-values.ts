import type { Json } from './definition.ts';
import { isObject } from './definition.ts';

/** A value of the query language. */
export type Value = Json | undefined;

export function total(values: readonly Json[]): number | undefined {
  let sum = 0;
  for (const value of values) {
    if (typeof value !== 'number') return undefined;
    sum += value;
  }
  return sum;
}

export function extreme(values: readonly Json[], sign: 1 | -1): Value {
  let best: Value;
  for (const value of values) {
    if (typeof value === 'object' && value !== null) return undefined;
    if (best === undefined || Math.sign(typeRank(value) - typeRank(best) || (compare(value, best) ?? 0)) === sign)
      best = value;
  }
  return best;
}

function typeRank(value: Json): number {
  return value === null ? 1 : typeof value === 'boolean' ? 2 : typeof value === 'number' ? 3 : 4;
}

/** Negative, 0 or positive; undefined when the two have no order: different types, arrays, objects. */
export function compare(a: Json, b: Json): number | undefined {
  if (a === null && b === null) return 0;
  if (typeof a === 'number' && typeof b === 'number') return a - b === 0 ? 0 : a < b ? -1 : 1;
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if (typeof a === 'string' && typeof b === 'string') return compareCodePoints(a, b);
  return undefined;
}

/** JavaScript compares UTF-16 units, which puts U+E000..U+FFFF above the supplementary planes; the service does not. */
function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    if (left !== right) return fixedUnit(left) - fixedUnit(right);
  }
  return a.length - b.length;
}

function fixedUnit(unit: number): number {
  return unit >= 0xe000 ? unit - 0x800 : unit >= 0xd800 ? unit + 0x2000 : unit;
}

export function deepEqual(a: Json, b: Json): boolean {
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((item, at) => deepEqual(item, b[at] ?? null));
  if (isObject(a)) {
    if (!isObject(b)) return false;
    const names = Object.keys(a);
    return (
      names.length === Object.keys(b).length &&
      names.every((name) => Object.hasOwn(b, name) && deepEqual(a[name] ?? null, b[name] ?? null))
    );
  }
  return a === b;
}

/** The same text for values that are equal, whatever the order of their properties. */
export function canonical(value: Json): Json {
  if (Array.isArray(value)) return value.map(canonical);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, canonical(value[name] ?? null)]),
  );
}

export function contains(array: Json, wanted: Json, isPartial: Value): boolean {
  if (!Array.isArray(array)) return false;
  return array.some((item) => {
    if (isPartial === true && isObject(item) && isObject(wanted)) {
      return Object.entries(wanted).every(
        ([name, value]) => Object.hasOwn(item, name) && deepEqual(item[name] ?? null, value),
      );
    }
    return deepEqual(item, wanted);
  });
}
