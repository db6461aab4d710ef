import { z } from 'zod';

type JsonObject = Record<string, unknown>;

/** A JSON Schema that both vendors accept for constrained output. */
export interface OutputSchema {
  schema: JsonObject;
  /** Whether the vendors' constrained decoding can express the schema; if not, it is only told to the model. */
  isExpressible: boolean;
  /** Some vendors additionally demand that every property is required. */
  hasOptional: boolean;
}

const cache = new WeakMap<z.ZodType, OutputSchema>();

/**
 * The JSON Schema of what the model has to write. Limits that constrained decoding does not know (lengths, ranges, patterns)
 * move to the description, where the model reads them; the zod schema checks them afterwards in any case.
 */
export function outputSchemaOf(schema: z.ZodType): OutputSchema {
  const known = cache.get(schema);
  if (known) return known;
  const marks = { isExpressible: true, hasOptional: false };
  // The model writes the schema's input; what transforms and defaults make of it is the output.
  const converted = convert(z.toJSONSchema(schema, { io: 'input' }), marks);
  const isObject = converted['type'] === 'object';
  const result = { schema: converted, ...marks, isExpressible: marks.isExpressible && isObject };
  cache.set(schema, result);
  return result;
}

interface Marks {
  isExpressible: boolean;
  hasOptional: boolean;
}

const DROPPED = new Set(['$schema', '$id', 'id', 'default', 'propertyNames']);
const KEPT = new Set(['type', 'enum', 'const', 'required', 'title', 'description']);
/** zod writes references only for recursive schemas, which one of the vendors does not take. */
const INEXPRESSIBLE = new Set(['$ref', 'allOf', 'prefixItems', 'patternProperties', 'not', 'if', 'then', 'else']);

function convert(node: unknown, marks: Marks): JsonObject {
  if (!isObject(node)) {
    marks.isExpressible = false;
    return {};
  }
  const result: JsonObject = {};
  const limits: string[] = [];
  for (const [key, value] of Object.entries(node)) {
    if (DROPPED.has(key) || isUnlimited(value)) continue;
    if (KEPT.has(key)) result[key] = value;
    else if (INEXPRESSIBLE.has(key)) {
      marks.isExpressible = false;
      result[key] = value;
    } else if (!convertChildren(key, value, result, marks)) limits.push(`${key}: ${JSON.stringify(value)}`);
  }
  if (node['type'] === 'object') closeObject(node, result, marks);
  if (!['type', 'anyOf', 'enum', 'const'].some((key) => key in result)) marks.isExpressible = false;
  if (limits.length > 0) {
    const described = typeof result['description'] === 'string' ? `${result['description']} ` : '';
    result['description'] = `${described}{${limits.join(', ')}}`;
  }
  return result;
}

/** zod gives every integer the bounds of a safe one, which tell the model nothing. */
function isUnlimited(value: unknown): boolean {
  return typeof value === 'number' && Math.abs(value) === Number.MAX_SAFE_INTEGER;
}

/** Converts a keyword that holds schemas; false when the keyword is not one of these. */
function convertChildren(key: string, value: unknown, result: JsonObject, marks: Marks): boolean {
  switch (key) {
    case 'properties':
    case '$defs':
      result[key] = mapObject(value, (child) => convert(child, marks));
      return true;
    case 'items':
      result[key] = convert(value, marks);
      return true;
    // The vendors know only anyOf; zod writes oneOf for discriminated unions, whose branches exclude each other anyway.
    case 'anyOf':
    case 'oneOf':
      result['anyOf'] = Array.isArray(value) ? value.map((child) => convert(child, marks)) : [];
      return true;
    case 'additionalProperties':
      return true;
    default:
      return false;
  }
}

function closeObject(node: JsonObject, result: JsonObject, marks: Marks): void {
  const extra = node['additionalProperties'];
  if (extra !== undefined && extra !== false) {
    // A record has keys that the schema does not know, which constrained decoding cannot produce.
    marks.isExpressible = false;
    result['additionalProperties'] = isObject(extra) ? convert(extra, marks) : extra;
    return;
  }
  result['additionalProperties'] = false;
  const names = Object.keys(isObject(node['properties']) ? node['properties'] : {});
  const required = Array.isArray(node['required']) ? node['required'] : [];
  if (names.some((name) => !required.includes(name))) marks.hasOptional = true;
}

function mapObject(value: unknown, map: (child: unknown) => unknown): JsonObject {
  if (!isObject(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, map(child)]));
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Told to the model where the vendor cannot enforce the schema. */
export function schemaInstruction(output: OutputSchema): string {
  return `Answer with one JSON object and nothing else. It must satisfy this JSON Schema:\n${JSON.stringify(output.schema)}`;
}
