import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { Json } from './definition.ts';
import { isObject } from './definition.ts';
import type { Value } from './json-values.ts';
import { canonical, compare, contains, deepEqual, extreme, total } from './json-values.ts';

/**
 * Values travel through SQLite as JSON text, SQL NULL being `undefined`. What SQL cannot decide on such texts is
 * decided here, in one SQL function `cx(name, ...texts)`.
 */
interface Builtin {
  min: number;
  max: number;
  run(args: readonly Value[]): Value;
  /** Otherwise one undefined argument makes the result undefined. */
  takesUndefined?: true;
  isBoolean?: true;
}

export function registerFunctions(db: DatabaseSync): void {
  db.function('cx', { deterministic: true, varargs: true }, (...args: SQLInputValue[]) => {
    const builtin = FUNCTIONS.get(String(args[0]));
    if (builtin === undefined) throw new Error(`No function ${String(args[0])}`);
    const values: Value[] = [];
    for (let at = 1; at < args.length; at += 1) {
      const value = parsed(args[at]);
      if (value === undefined && builtin.takesUndefined === undefined) return null;
      values.push(value);
    }
    const result = builtin.run(values);
    return result === undefined ? null : JSON.stringify(result);
  });
  for (const [name, done] of Object.entries(FOLDS)) {
    db.aggregate(`cx_${name.toLowerCase()}`, {
      start: () => [] as unknown as SQLInputValue,
      // The accumulator is the array made by `start`; the types of node:sqlite only know SQL values here.
      step: (accumulator: unknown, text: SQLInputValue) => {
        const value = parsed(text);
        if (value !== undefined) (accumulator as Json[]).push(value);
        return accumulator as SQLInputValue;
      },
      result: (accumulator: unknown) => {
        const value = done(accumulator as Json[]);
        return value === undefined ? null : JSON.stringify(value);
      },
    });
  }
}

function parsed(text: SQLInputValue | undefined): Value {
  return typeof text === 'string' ? (JSON.parse(text) as Json) : undefined;
}

/** Sums of anything but numbers are undefined, as is the extreme of values that have no order. */
const FOLDS: Readonly<Record<string, (values: readonly Json[]) => Value>> = {
  SUM: (values) => total(values),
  AVG: (values) => {
    const sum = total(values);
    return sum === undefined || values.length === 0 ? undefined : sum / values.length;
  },
  MIN: (values) => extreme(values, -1),
  MAX: (values) => extreme(values, 1),
};

const likePatterns = new Map<string, RegExp>();

function likePattern(pattern: string, mark: string): RegExp {
  const key = JSON.stringify([pattern, mark]);
  let regexp = likePatterns.get(key);
  if (regexp === undefined) {
    if (likePatterns.size > 500) likePatterns.clear();
    regexp = new RegExp(`^${likeSource(Array.from(pattern), mark)}$`, 'su');
    likePatterns.set(key, regexp);
  }
  return regexp;
}

function likeSource(chars: readonly string[], mark: string): string {
  let source = '';
  for (let at = 0; at < chars.length; at += 1) {
    const char = chars[at] ?? '';
    const close = char === '[' ? chars.indexOf(']', at + 1) : -1;
    if (char === mark && at + 1 < chars.length) {
      at += 1;
      source += quoted(chars[at] ?? '');
    } else if (char === '%') source += '.*';
    else if (char === '_') source += '.';
    else if (close > at + 1) {
      const set = chars.slice(at + 1, close).join('');
      source += `[${set.startsWith('^') ? '^' : ''}${set.replace(/^\^/, '').replace(/[\\\]^[&~|]/g, '\\$&')}]`;
      at = close;
    } else source += quoted(char);
  }
  return source;
}

function quoted(char: string): string {
  return /[\\^$.*+?()[\]{}|/-]/.test(char) ? `\\${char}` : char;
}

function order(test: (comparison: number) => boolean): Builtin {
  return {
    min: 2,
    max: 2,
    isBoolean: true,
    run: ([a, b]) => {
      const comparison = compare(a ?? null, b ?? null);
      return comparison === undefined ? undefined : test(comparison);
    },
  };
}

function arithmetic(work: (a: number, b: number) => number): Builtin {
  return {
    min: 2,
    max: 2,
    run: ([a, b]) => (typeof a === 'number' && typeof b === 'number' ? finite(work(a, b)) : undefined),
  };
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

function ofNumber(work: (value: number) => number): Builtin {
  return { min: 1, max: 1, run: ([value]) => (typeof value === 'number' ? finite(work(value)) : undefined) };
}

function ofText(work: (value: string) => Json): Builtin {
  return { min: 1, max: 1, run: ([value]) => (typeof value === 'string' ? work(value) : undefined) };
}

/** Two strings and an optional flag that makes the comparison ignore case. */
function textTest(test: (text: string, part: string) => boolean): Builtin {
  return {
    min: 2,
    max: 3,
    isBoolean: true,
    run: ([text, part, ignoresCase]) => {
      if (typeof text !== 'string' || typeof part !== 'string') return undefined;
      return ignoresCase === true ? test(text.toLowerCase(), part.toLowerCase()) : test(text, part);
    },
  };
}

function typeTest(test: (value: Value) => boolean): Builtin {
  return { min: 1, max: 1, isBoolean: true, takesUndefined: true, run: ([value]) => test(value) };
}

export const FUNCTIONS: ReadonlyMap<string, Builtin> = new Map<string, Builtin>([
  ['=', { min: 2, max: 2, isBoolean: true, run: ([a, b]) => deepEqual(a ?? null, b ?? null) }],
  ['<', order((comparison) => comparison < 0)],
  ['<=', order((comparison) => comparison <= 0)],
  ['>', order((comparison) => comparison > 0)],
  ['>=', order((comparison) => comparison >= 0)],
  ['+', arithmetic((a, b) => a + b)],
  ['-', arithmetic((a, b) => a - b)],
  ['*', arithmetic((a, b) => a * b)],
  ['/', arithmetic((a, b) => a / b)],
  ['%', arithmetic((a, b) => a % b)],
  ['||', { min: 2, max: 2, run: concat }],
  ['step', { min: 2, max: 2, run: ([base, step]) => stepInto(base, step) }],
  [
    'elements',
    { min: 1, max: 1, run: ([value]) => (Array.isArray(value) ? value.map((item) => JSON.stringify(item)) : []) },
  ],
  ['canonical', { min: 1, max: 1, run: ([value]) => canonical(value ?? null) }],
  ['array', { min: 0, max: 1000, takesUndefined: true, run: (items) => items.filter((item) => item !== undefined) }],
  ['object', { min: 0, max: 1000, takesUndefined: true, run: makeObject }],
  ['like', { min: 3, max: 3, isBoolean: true, run: ([text, pattern, mark]) => like(text, pattern, mark) }],
  ['IS_ARRAY', typeTest(Array.isArray)],
  ['IS_OBJECT', typeTest(isObject)],
  ['IS_STRING', typeTest((value) => typeof value === 'string')],
  ['IS_NUMBER', typeTest((value) => typeof value === 'number')],
  ['IS_BOOL', typeTest((value) => typeof value === 'boolean')],
  ['IS_PRIMITIVE', typeTest((value) => value === null || ['string', 'number', 'boolean'].includes(typeof value))],
  [
    'ARRAY_CONTAINS',
    {
      min: 2,
      max: 3,
      isBoolean: true,
      run: ([array, wanted, partial]) => contains(array ?? null, wanted ?? null, partial),
    },
  ],
  ['ARRAY_LENGTH', { min: 1, max: 1, run: ([array]) => (Array.isArray(array) ? array.length : undefined) }],
  ['CONTAINS', textTest((text, part) => text.includes(part))],
  ['STARTSWITH', textTest((text, part) => text.startsWith(part))],
  ['ENDSWITH', textTest((text, part) => text.endsWith(part))],
  ['STRINGEQUALS', textTest((text, part) => text === part)],
  ['LOWER', ofText((text) => text.toLowerCase())],
  ['UPPER', ofText((text) => text.toUpperCase())],
  ['LENGTH', ofText((text) => text.length)],
  ['TRIM', ofText((text) => text.trim())],
  ['CONCAT', { min: 2, max: 100, run: concat }],
  ['SUBSTRING', { min: 3, max: 3, run: ([text, from, length]) => substring(text, from, length) }],
  ['ABS', ofNumber(Math.abs)],
  // Halves go away from zero, unlike Math.round.
  ['ROUND', ofNumber((value) => Math.sign(value) * Math.round(Math.abs(value)))],
  ['FLOOR', ofNumber(Math.floor)],
  ['CEILING', ofNumber(Math.ceil)],
]);

function like(text: Value, pattern: Value, mark: Value): Value {
  return typeof text === 'string' && typeof pattern === 'string' && typeof mark === 'string'
    ? likePattern(pattern, mark).test(text)
    : undefined;
}

function substring(text: Value, from: Value, length: Value): Value {
  if (typeof text !== 'string' || typeof from !== 'number' || typeof length !== 'number') return undefined;
  const start = Math.max(0, from);
  return text.slice(start, start + Math.max(0, length));
}

function concat(args: readonly Value[]): Value {
  return args.every((arg) => typeof arg === 'string') ? args.join('') : undefined;
}

function stepInto(base: Value, step: Value): Value {
  if (Array.isArray(base)) return typeof step === 'number' ? base[step] : undefined;
  return isObject(base) && typeof step === 'string' && Object.hasOwn(base, step) ? base[step] : undefined;
}

/** Name, value, name, value, ...: a property whose value is undefined is left out. */
function makeObject(args: readonly Value[]): Json {
  const entries: [string, Json][] = [];
  for (let at = 0; at + 1 < args.length; at += 2) {
    const value = args[at + 1];
    if (value !== undefined) entries.push([String(args[at]), value]);
  }
  return Object.fromEntries(entries);
}
