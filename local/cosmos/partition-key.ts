import type { Json, JsonObject } from './definition.ts';
import { isObject } from './definition.ts';
import { badRequest } from './errors.ts';

const COMPONENT_MAX_BYTES = 2048;
/** `/a/b` or `/"odd name"/b`. */
const PATH_STEP = /\/(?:"([^"]*)"|([^/]+))/g;

/**
 * Keys are stored as the JSON of their components joined by commas: `"comp-1","student-7"`. A comma cannot stand
 * outside the quotes of a component, so every key under a prefix sorts between `prefix,` and `prefix-`.
 */
function keyText(components: readonly Json[]): string {
  return components.map((component) => JSON.stringify(component)).join(',');
}

export function pathSteps(path: string): string[] {
  return [...path.matchAll(PATH_STEP)].map((match) => match[1] ?? match[2] ?? '');
}

function valueAt(document: JsonObject, steps: readonly string[]): Json | undefined {
  let value: Json | undefined = document;
  for (const step of steps) {
    value = isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }
  return value;
}

/** The key inside a document; a missing value is the "none" key, written as `{}` on the wire. */
export function keyOf(document: JsonObject, paths: readonly string[][]): string {
  return keyText(
    checkedComponents(
      paths.map((steps) => {
        const value = valueAt(document, steps);
        return value === undefined ? {} : value;
      }),
    ),
  );
}

/** Reads the header or batch field: a JSON array with one to `levels` components. */
export function parseKey(text: string, levels: number): { text: string; isFull: boolean } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw badRequest(`Partition key ${text} is invalid.`);
  }
  if (!Array.isArray(parsed) || parsed.length === 0 || parsed.length > levels) {
    throw badRequest(
      `Partition key provided either doesn't correspond to definition in the collection or is invalid: ${text}.`,
      1001,
    );
  }
  return { text: keyText(checkedComponents(parsed)), isFull: parsed.length === levels };
}

function checkedComponents(components: readonly unknown[]): Json[] {
  return components.map((component) => {
    if (component === null || typeof component === 'boolean' || typeof component === 'number') return component;
    if (typeof component === 'string') {
      if (Buffer.byteLength(component) > COMPONENT_MAX_BYTES) {
        throw badRequest(`Partition key exceeds the maximum size of ${COMPONENT_MAX_BYTES} bytes.`);
      }
      return component;
    }
    if (isObject(component) && Object.keys(component).length === 0) return {};
    throw badRequest('Partition key value must be a string, a number, a boolean or null.', 1001);
  });
}
