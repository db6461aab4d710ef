/**
 * Works out values of a template as far as they follow from its own text: the settings of an app, whether it spans zones. What
 * Azure computes, or the environment says, is `Computed`.
 */
import type { Value } from './value.ts';

/** A value that is known when it is deployed; the text is what the template says. */
export class Computed {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type Known = string | number | boolean | null | Known[] | KnownObject | Computed;
export interface KnownObject {
  [name: string]: Known;
}

export interface Scope {
  get(name: string): Known | undefined;
  /** The content of a file that the template loads, by the path that it writes. */
  json(path: string): Known | undefined;
}

export function isObject(value: Known | undefined): value is KnownObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Computed);
}

type Call = Extract<Value, { kind: 'call' }>;

/** What a deployment sets beside the defaults of its parameter file: a school's has a model. */
const environment: Readonly<Record<string, string>> = {
  SECRET_NAMES: JSON.stringify(['anthropic-api-key']),
};

const isText = (value: Known | undefined) => typeof value === 'string';
const isNumber = (value: Known | undefined) => typeof value === 'number';

/** Functions of Bicep that matter here; undefined is what they cannot say without Azure. */
const functions: Readonly<Record<string, (args: Known[], call: Call) => Known | undefined>> = {
  union: (args) => {
    if (args.every(isObject)) return Object.assign({}, ...args);
    return args.every(Array.isArray) ? args.flat() : undefined;
  },
  max: (args) => (args.every(isNumber) ? Math.max(...(args as number[])) : undefined),
  min: (args) => (args.every(isNumber) ? Math.min(...(args as number[])) : undefined),
  join: ([list, by]) => (Array.isArray(list) && list.every(isText) ? list.join(String(by)) : undefined),
  split: ([text, by]) => (isText(text) && isText(by) ? String(text).split(String(by)) : undefined),
  empty: ([value]) => (isText(value) || Array.isArray(value) ? (value as string | Known[]).length === 0 : undefined),
  string: ([value]) => (isText(value) || isNumber(value) || typeof value === 'boolean' ? String(value) : undefined),
  int: ([value]) => (isText(value) || isNumber(value) ? Number(value) : undefined),
  bool: ([value]) => (isText(value) ? value === 'true' : undefined),
  // What a parameter file parses is its own text, so it is what its author wrote.
  json: ([text]) => (isText(text) ? (JSON.parse(String(text)) as Known) : undefined),
  contains: ([whole, part]) => {
    if (Array.isArray(whole))
      return whole.some((item) => item instanceof Computed) ? undefined : whole.includes(part ?? null);
    return isText(whole) && isText(part) ? String(whole).includes(String(part)) : undefined;
  },
  items: ([object]) => (isObject(object) ? Object.entries(object).map(([key, value]) => ({ key, value })) : undefined),
  readEnvironmentVariable: ([name, fallback]) => environment[String(name)] ?? fallback,
};

/** Functions that ask a lambda about each item of a list; undefined where it cannot say. */
const overLists: Readonly<Record<string, (list: Known[], asks: ((item: Known) => Known)[]) => Known | undefined>> = {
  filter: (list, [keeps]) => {
    const answers = list.map((item) => keeps?.(item));
    return answers.every((answer) => typeof answer === 'boolean')
      ? list.filter((_, index) => answers[index])
      : undefined;
  },
  toObject: (list, [keyOf, made = (item) => item]) => {
    const entries = list.map((item) => [keyOf?.(item), made(item)] as const);
    return entries.every(([key]) => isText(key)) ? Object.fromEntries(entries) : undefined;
  },
};

function evaluateOverList(call: Call, scope: Scope): Known | undefined {
  const [over, ...lambdas] = call.args;
  const list = over && evaluate(over, scope);
  if (!Array.isArray(list)) return undefined;
  const asks = lambdas.flatMap((lambda) => {
    if (lambda.kind !== 'lambda') return [];
    const within = (item: Known): Scope => ({
      ...scope,
      get: (name) => (name === lambda.variable ? item : scope.get(name)),
    });
    return [(item: Known) => evaluate(lambda.body, within(item))];
  });
  return asks.length === lambdas.length ? overLists[call.name]?.(list, asks) : undefined;
}

function evaluateCall(call: Call, scope: Scope): Known {
  if (call.name in overLists) return evaluateOverList(call, scope) ?? new Computed(call.text);
  const args = call.args.map((arg) => evaluate(arg, scope));
  if (call.name === 'loadJsonContent') return scope.json(String(args[0])) ?? new Computed(call.text);
  return functions[call.name]?.(args, call) ?? new Computed(call.text);
}

const arithmetic: Readonly<Record<string, (left: number, right: number) => Known>> = {
  '*': (left, right) => left * right,
  '/': (left, right) => Math.trunc(left / right),
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '<': (left, right) => left < right,
  '<=': (left, right) => left <= right,
  '>': (left, right) => left > right,
  '>=': (left, right) => left >= right,
};

function evaluateOperation(operation: Extract<Value, { kind: 'operation' }>, scope: Scope): Known {
  const [left, right] = operation.operands.map((operand) => evaluate(operand, scope));
  const { operator } = operation;
  const isKnown = !(left instanceof Computed) && !(right instanceof Computed);
  if (operator === '!' && typeof left === 'boolean') return !left;
  if (operator === '==' && isKnown) return left === right;
  if (operator === '!=' && isKnown) return left !== right;
  const decides = operator === '||';
  if (operator === '&&' || decides) {
    if (left === decides || right === decides) return decides;
    if (left === !decides && right === !decides) return !decides;
  }
  const known = typeof left === 'number' && typeof right === 'number' ? arithmetic[operator]?.(left, right) : undefined;
  return known ?? new Computed(operation.text);
}

/** A text with `${name}` or `${name.of.something}` in it, where all of these are known. */
function fillIn(text: string, scope: Scope): string | undefined {
  let isKnown = true;
  const filled = text.slice(1, -1).replace(/\$\{([^}]*)\}/g, (_, name: string) => {
    const value = evaluateText(name.trim(), scope);
    if (!isText(value) && !isNumber(value)) isKnown = false;
    return String(value);
  });
  return isKnown ? filled.replace(/\\(['\\$])/g, '$1') : undefined;
}

/** `name`, `name.of.something`, `loadJsonContent('x.json').of.something`, and texts. */
function evaluateText(text: string, scope: Scope): Known | undefined {
  if (text.startsWith("'")) return fillIn(text, scope);
  const match = /^(?:loadJsonContent\('([^']+)'\)|(\w+))((?:\.\w+)*)$/.exec(text);
  let value = match?.[1] === undefined ? scope.get(match?.[2] ?? '') : scope.json(match[1]);
  for (const name of match?.[3]?.split('.').slice(1) ?? []) value = isObject(value) ? value[name] : undefined;
  return value;
}

export function evaluate(value: Value, scope: Scope): Known {
  switch (value.kind) {
    case 'literal':
      return value.value;
    case 'array':
      return value.items.map((item) => evaluate(item, scope));
    case 'object':
      return Object.fromEntries(value.properties.map((p) => [p.name, evaluate(p.value, scope)]));
    case 'choice': {
      const condition = evaluate(value.condition, scope);
      if (typeof condition !== 'boolean') return new Computed(value.text);
      return evaluate(condition ? value.whenTrue : value.whenFalse, scope);
    }
    case 'call':
      return evaluateCall(value, scope);
    case 'operation':
      return evaluateOperation(value, scope);
    default:
      return evaluateText(value.text, scope) ?? new Computed(value.text);
  }
}
