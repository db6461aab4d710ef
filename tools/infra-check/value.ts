/** What stands behind a name in a template. Literals and structure are read; everything that is computed stays text. */
export type Value = { line: number; text: string } & (
  | { kind: 'literal'; value: string | number | boolean | null }
  | { kind: 'object'; properties: Property[] }
  | { kind: 'array'; items: Value[] }
  | { kind: 'call'; name: string; args: Value[] }
  | { kind: 'choice'; condition: Value; whenTrue: Value; whenFalse: Value }
  | { kind: 'operation'; operator: string; operands: Value[] }
  | { kind: 'lambda'; variable: string; body: Value }
  | { kind: 'loop'; variables: string[]; over: Value; body: Value }
  | { kind: 'expression' }
);

export interface Property {
  name: string;
  line: number;
  value: Value;
}

export type ObjectValue = Extract<Value, { kind: 'object' }>;

/** The value behind a path of names, `properties.siteConfig.minTlsVersion`; undefined where one of them is not written. */
export function at(value: Value | undefined, path: string): Value | undefined {
  let current = value;
  for (const name of path.split('.')) {
    if (current?.kind !== 'object') return undefined;
    current = current.properties.find((property) => property.name === name)?.value;
  }
  return current;
}

export function literalOf(value: Value | undefined): string | number | boolean | null | undefined {
  return value?.kind === 'literal' ? value.value : undefined;
}

/** Everything that a value can become: both sides of every `condition ? a : b`. */
export function outcomes(value: Value): Value[] {
  return value.kind === 'choice' ? [...outcomes(value.whenTrue), ...outcomes(value.whenFalse)] : [value];
}

function partsOf(value: Value): Value[] {
  switch (value.kind) {
    case 'object':
      return value.properties.map((property) => property.value);
    case 'array':
      return value.items;
    case 'call':
      return value.args;
    case 'choice':
      return [value.condition, value.whenTrue, value.whenFalse];
    case 'operation':
      return value.operands;
    case 'lambda':
      return [value.body];
    case 'loop':
      return [value.over, value.body];
    default:
      return [];
  }
}

/** A value and everything inside it. */
export function* walk(value: Value): Generator<Value> {
  yield value;
  for (const part of partsOf(value)) yield* walk(part);
}

/** Every property anywhere inside a value. */
export function* allProperties(value: Value): Generator<Property> {
  for (const part of walk(value)) if (part.kind === 'object') yield* part.properties;
}
