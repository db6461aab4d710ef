import type { Node } from 'web-tree-sitter';
import type { Property, Value } from './value.ts';

/** The parts of a node that mean something; brackets, commas and comments do not. */
export function named(node: Node | undefined): Node[] {
  return (node?.namedChildren ?? []).filter((child) => child !== null && !/comment$/.test(child.type)) as Node[];
}

export const numberOfLine = (node: Node) => node.startPosition.row + 1;

/** The text inside the quotation marks of a string without `${}`. */
export function plainText(node: Node): string {
  const text = node.text;
  if (text.startsWith("'''")) return text.slice(3, -3).replace(/^\r?\n/, '');
  const escapes: Record<string, string> = { n: '\n', r: '\r', t: '\t', "'": "'", '\\': '\\', $: '$' };
  return text.slice(1, -1).replace(/\\([nrt'\\$])/g, (_, letter: string) => escapes[letter] ?? letter);
}

function readProperties(node: Node): Property[] {
  return named(node).flatMap((property): Property[] => {
    const [key, value] = named(property);
    if (property.type !== 'object_property' || !key || !value) return [];
    const name = key.type === 'string' ? plainText(key) : key.text;
    return [{ name, line: numberOfLine(property), value: readValue(value) }];
  });
}

/** The grammar reads `[a.b()]` as two items, because items may stand on lines of their own; items without a gap are one. */
function readItems(node: Node): Value[] {
  const items: Value[] = [];
  let endIndex = -1;
  for (const child of named(node)) {
    if (child.type === 'decorators') continue;
    const last = items.at(-1);
    if (last !== undefined && child.startIndex === endIndex)
      items[items.length - 1] = { kind: 'expression', line: last.line, text: last.text + child.text };
    else items.push(readValue(child));
    endIndex = child.endIndex;
  }
  return items;
}

function readLoop(node: Node, base: { line: number; text: string }): Value {
  const body = node.childForFieldName('body');
  const initializer = node.childForFieldName('initializer');
  const children = named(node);
  const parameters = children.find((child) => child.type === 'for_loop_parameters');
  const over = children.find(
    (child) => child.id !== body?.id && child.id !== initializer?.id && child.id !== parameters?.id,
  );
  if (!body || !over) return { ...base, kind: 'expression' };
  const variables = parameters ? named(parameters).map((v) => v.text) : initializer ? [initializer.text] : [];
  const inner = body.type === 'if_statement' ? named(body)[1] : body;
  return { ...base, kind: 'loop', variables, over: readValue(over), body: readValue(inner ?? body) };
}

function readChoice(node: Node, base: { line: number; text: string }): Value {
  const condition = node.childForFieldName('condition');
  const yes = node.childForFieldName('consequence');
  const no = node.childForFieldName('alternative');
  if (!condition || !yes || !no) return { ...base, kind: 'expression' };
  return {
    ...base,
    kind: 'choice',
    condition: readValue(condition),
    whenTrue: readValue(yes),
    whenFalse: readValue(no),
  };
}

function readString(node: Node, base: { line: number; text: string }): Value {
  if (named(node).some((child) => child.type === 'interpolation')) return { ...base, kind: 'expression' };
  return { ...base, kind: 'literal', value: plainText(node) };
}

const arrow = /^(\w+)\s*=>\s*/;

/**
 * The grammar takes `a => a.b == c` for a comparison whose left side is a lambda: its arrow binds too tightly. So an argument that begins
 * with a variable and an arrow is the lambda, and `readValue` reads only what is behind an arrow.
 */
function readArgument(node: Node): Value {
  const variable = arrow.exec(node.text)?.[1];
  const body = readValue(node);
  return variable === undefined ? body : { line: body.line, text: node.text, kind: 'lambda', variable, body };
}

function readCall(node: Node, base: { line: number; text: string }): Value {
  const args = named(node.childForFieldName('arguments') ?? undefined).map(readArgument);
  return { ...base, kind: 'call', name: node.childForFieldName('function')?.text.replace(arrow, '') ?? '', args };
}

function readOperation(node: Node, base: { line: number; text: string }): Value {
  const operands = named(node).map(readValue);
  const operator = node.children.find((child) => child && !child.isNamed)?.text ?? '';
  return { ...base, kind: 'operation', operator, operands };
}

export function readValue(node: Node): Value {
  const base = { line: numberOfLine(node), text: node.text.replace(arrow, '') };
  switch (node.type) {
    case 'object':
      return { ...base, kind: 'object', properties: readProperties(node) };
    case 'array':
      return { ...base, kind: 'array', items: readItems(node) };
    case 'string':
      return readString(node, base);
    case 'number':
      return { ...base, kind: 'literal', value: Number(node.text) };
    case 'boolean':
      return { ...base, kind: 'literal', value: node.text === 'true' };
    case 'null':
      return { ...base, kind: 'literal', value: null };
    case 'call_expression':
      return readCall(node, base);
    case 'ternary_expression':
      return readChoice(node, base);
    case 'binary_expression':
      return readOperation(node, base);
    case 'unary_expression':
      return named(node)[0]?.type === 'number'
        ? { ...base, kind: 'literal', value: Number(node.text) }
        : readOperation(node, base);
    case 'parenthesized_expression': {
      const inner = named(node);
      return inner.length === 1 && inner[0] ? readValue(inner[0]) : { ...base, kind: 'expression' };
    }
    case 'lambda_expression': {
      const [, body] = named(node);
      return body ? readValue(body) : { ...base, kind: 'expression' };
    }
    case 'for_statement':
      return readLoop(node, base);
    default:
      return { ...base, kind: 'expression' };
  }
}
