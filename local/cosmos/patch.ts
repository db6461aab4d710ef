import type { Json, JsonObject } from './definition.ts';
import { isObject } from './definition.ts';
import { badRequest } from './errors.ts';

const OPERATIONS_MAX = 10;
const SYSTEM_PROPERTIES = new Set(['id', '_rid', '_self', '_etag', '_ts', '_attachments']);

interface PatchOperation {
  op: string;
  steps: string[];
  value: Json | undefined;
  from: string[];
}

export interface PatchRequest {
  operations: PatchOperation[];
  /** The SQL filter predicate, `from c where ...`. */
  condition: string | undefined;
}

/** Accepts `[...]` and `{operations, condition}`. */
export function parsePatch(body: unknown, keyPaths: readonly string[][]): PatchRequest {
  const list = Array.isArray(body) ? body : isObject(body) ? body['operations'] : undefined;
  if (!Array.isArray(list) || list.length === 0) throw badRequest('A patch needs a list of operations.');
  if (list.length > OPERATIONS_MAX) {
    throw badRequest(`The number of patch operations can't exceed ${OPERATIONS_MAX}.`);
  }
  const condition = isObject(body) ? body['condition'] : undefined;
  if (condition !== undefined && typeof condition !== 'string')
    throw badRequest('The condition of a patch must be a string.');
  return { operations: list.map((item) => parseOperation(item, keyPaths)), condition };
}

function parseOperation(item: unknown, keyPaths: readonly string[][]): PatchOperation {
  if (!isObject(item) || typeof item['op'] !== 'string' || typeof item['path'] !== 'string') {
    throw badRequest('A patch operation needs op and path.');
  }
  const op = item['op'];
  const steps = pointer(item['path']);
  const from = op === 'move' ? pointer(item['from']) : [];
  for (const touched of op === 'move' ? [steps, from] : [steps]) {
    const isKey = keyPaths.some((path) => path.every((step, at) => touched[at] === undefined || touched[at] === step));
    if (isKey || SYSTEM_PROPERTIES.has(touched[0] ?? '')) {
      throw badRequest(
        `Patch operation ${op} cannot change ${item['path']}: ids, partition keys and system properties are immutable.`,
      );
    }
  }
  const value = item['value'];
  if (['add', 'set', 'replace', 'incr'].includes(op) && value === undefined)
    throw badRequest(`Patch operation ${op} needs a value.`);
  return { op, steps, value, from };
}

function pointer(path: Json | undefined): string[] {
  if (typeof path !== 'string' || !path.startsWith('/') || path.length < 2)
    throw badRequest(`Patch path ${String(path)} is invalid.`);
  return path
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Changes `document` in place. Throws 400 when a path does not fit the document. */
export function applyPatch(document: JsonObject, operations: readonly PatchOperation[]): void {
  for (const operation of operations) {
    const { op, steps } = operation;
    switch (op) {
      case 'add':
      case 'set':
        put(document, steps, operation.value ?? null, op === 'add');
        break;
      case 'replace':
        if (read(document, steps) === undefined) throw missing(op, steps);
        put(document, steps, operation.value ?? null, false);
        break;
      case 'remove':
        take(document, steps, op);
        break;
      case 'incr':
        put(document, steps, incremented(read(document, steps), operation), false);
        break;
      case 'move':
        put(document, steps, take(document, operation.from, op), true);
        break;
      default:
        throw badRequest(`Patch operation ${op} is not supported.`);
    }
  }
}

function incremented(current: Json | undefined, operation: PatchOperation): number {
  if (typeof operation.value !== 'number') throw badRequest('incr needs a number.');
  if (current === undefined) return operation.value;
  if (typeof current !== 'number')
    throw badRequest(`incr cannot change /${operation.steps.join('/')}: it is not a number.`);
  return current + operation.value;
}

function missing(op: string, steps: readonly string[]): Error {
  return badRequest(`Patch operation ${op} is invalid: the path /${steps.join('/')} does not exist in the item.`);
}

function read(document: Json, steps: readonly string[]): Json | undefined {
  let value: Json | undefined = document;
  for (const step of steps) {
    if (Array.isArray(value)) value = value[indexIn(value, step, 0)];
    else value = isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }
  return value;
}

function parentOf(document: Json, steps: readonly string[], op: string): { parent: Json[] | JsonObject; last: string } {
  const parent = read(document, steps.slice(0, -1));
  const last = steps.at(-1);
  if (last === undefined || (!Array.isArray(parent) && !isObject(parent))) throw missing(op, steps);
  return { parent, last };
}

function put(document: JsonObject, steps: readonly string[], value: Json, inserts: boolean): void {
  const { parent, last } = parentOf(document, steps, inserts ? 'add' : 'set');
  if (Array.isArray(parent)) {
    const at = indexIn(parent, last, 1);
    if (inserts || at === parent.length) parent.splice(at, 0, value);
    else parent[at] = value;
  } else {
    // defineProperty, so that a property called __proto__ is data like any other.
    Object.defineProperty(parent, last, { value, enumerable: true, configurable: true, writable: true });
  }
}

function take(document: JsonObject, steps: readonly string[], op: string): Json {
  const { parent, last } = parentOf(document, steps, op);
  const value = read(parent, [last]);
  if (value === undefined) throw missing(op, steps);
  if (Array.isArray(parent)) parent.splice(indexIn(parent, last, 0), 1);
  else delete parent[last];
  return value;
}

/** `-` is the place after the last element; `room` says how far past the end an index may point. */
function indexIn(array: readonly Json[], step: string, room: 0 | 1): number {
  if (step === '-' && room === 1) return array.length;
  const at = /^(0|[1-9]\d*)$/.test(step) ? Number(step) : Number.NaN;
  if (!(at < array.length + room)) throw badRequest(`Patch path step ${step} is not an index of the array.`);
  return at;
}
