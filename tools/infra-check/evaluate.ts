/**
 * Works out values of a template as far as they follow from its own text: the settings of an app, whether it spans zones. What
 * Azure computes, or the environment says, is `Computed`.
 */
import { posix } from 'node:path';
import type { BicepFile, Module } from './read-bicep.ts';
import type { Templates } from './templates.ts';
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

export function isObject(value: Known | undefined): value is KnownObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Computed);
}

type Scope = (name: string) => Known | undefined;

function union(args: Known[], text: string): Known {
  if (args.every(isObject)) return Object.assign({}, ...args);
  if (args.every(Array.isArray)) return args.flat();
  return new Computed(text);
}

/** `toObject(items(x), entry => entry.key, entry => ...)`: the names of x, each with a text made of it. */
function toObject(call: Extract<Value, { kind: 'call' }>, scope: Scope): Known {
  const [items, key, made] = call.args;
  const source = items?.kind === 'call' && items.name === 'items' && items.args[0];
  const object = source ? evaluate(source, scope) : undefined;
  if (!isObject(object) || !key?.text.endsWith('.key')) return new Computed(call.text);
  return Object.fromEntries(Object.keys(object).map((name) => [name, new Computed(made?.text ?? '')]));
}

function evaluateCall(call: Extract<Value, { kind: 'call' }>, scope: Scope): Known {
  if (call.name === 'toObject') return toObject(call, scope);
  const args = call.args.map((arg) => evaluate(arg, scope));
  const [first, second] = args;
  const isNumber = args.every((arg) => typeof arg === 'number');
  if (call.name === 'union') return union(args, call.text);
  if (call.name === 'max' && isNumber) return Math.max(...(args as number[]));
  if (call.name === 'min' && isNumber) return Math.min(...(args as number[]));
  if (call.name === 'join' && Array.isArray(first) && first.every((item) => typeof item === 'string'))
    return first.join(String(second));
  if (call.name === 'empty' && (typeof first === 'string' || Array.isArray(first))) return first.length === 0;
  return new Computed(call.text);
}

function evaluateOperation(operation: Extract<Value, { kind: 'operation' }>, scope: Scope): Known {
  const [left, right] = operation.operands.map((operand) => evaluate(operand, scope));
  const isKnown = !(left instanceof Computed) && !(right instanceof Computed);
  if (operation.operator === '!' && typeof left === 'boolean') return !left;
  if (operation.operator === '==' && isKnown) return left === right;
  if (operation.operator === '!=' && isKnown) return left !== right;
  if (operation.operator === '&&' && (left === false || right === false)) return false;
  if (operation.operator === '&&' && left === true && right === true) return true;
  if (operation.operator === '||' && (left === true || right === true)) return true;
  if (operation.operator === '||' && left === false && right === false) return false;
  if (operation.operator === '*' && typeof left === 'number' && typeof right === 'number') return left * right;
  return new Computed(operation.text);
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
      return scope(value.text) ?? new Computed(value.text);
  }
}

/** The names of a file: its variables, and its parameters as they are given, else with their defaults. */
export function scopeOf(file: BicepFile, given: KnownObject): Scope {
  const scope: Scope = (name) => {
    const param = file.params.find((p) => p.name === name);
    if (param) return given[name] ?? (param.fallback ? evaluate(param.fallback, scope) : undefined);
    const variable = file.variables.find((v) => v.name === name);
    return variable && evaluate(variable.value, scope);
  };
  return scope;
}

export interface Call {
  /** Which parameters the deployment had. */
  parameterFile: BicepFile;
  caller: BicepFile;
  module: Module;
  scope: Scope;
}

function parameters(file: BicepFile): KnownObject {
  return Object.fromEntries(file.variables.map((v) => [v.name, evaluate(v.value, scopeOf(file, {}))]));
}

/** The scope of main.bicep in each deployment that there is a parameter file for. */
export function deployments(templates: Templates): { parameterFile: BicepFile; main: BicepFile; scope: Scope }[] {
  const main = templates.files.find((file) => file.path.endsWith('main.bicep'));
  if (!main) return [];
  return templates.parameterFiles.map((parameterFile) => ({
    parameterFile,
    main,
    scope: scopeOf(main, parameters(parameterFile)),
  }));
}

/** The file that a module names. */
export function fileOf(templates: Templates, caller: BicepFile, module: Module): BicepFile | undefined {
  const path = posix.join(posix.dirname(caller.path), module.path);
  return templates.files.find((file) => file.path === path);
}

/** Each use of a file as a module of main.bicep, in each deployment; a file that nobody uses stands for itself. */
export function callsOf(templates: Templates, file: BicepFile): Call[] {
  return deployments(templates).flatMap(({ parameterFile, main, scope }) =>
    main.modules
      .filter((module) => fileOf(templates, main, module) === file)
      .map((module) => {
        const given = module.params ? evaluate(module.params, scope) : {};
        return { parameterFile, caller: main, module, scope: scopeOf(file, isObject(given) ? given : {}) };
      }),
  );
}
