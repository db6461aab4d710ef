/** Reads templates with the tree-sitter grammar of Bicep, so that no compiler and no cloud is needed. */
import { createRequire } from 'node:module';
import { Language, type Node, Parser } from 'web-tree-sitter';
import { named, numberOfLine, plainText, readValue } from './read-value.ts';
import { at, type ObjectValue, type Value } from './value.ts';

export interface Decorator {
  name: string;
  args: Value[];
}

interface Declaration {
  name: string;
  line: number;
  decorators: Decorator[];
}

export interface Param extends Declaration {
  type: string;
  fallback: Value | undefined;
}

export interface Variable extends Declaration {
  value: Value;
}

export interface Output extends Declaration {
  type: string;
  value: Value;
}

export interface Resource extends Declaration {
  /** The whole type, `Microsoft.Web/sites/config`, also where the resource stands inside its parent. */
  type: string;
  apiVersion: string;
  isExisting: boolean;
  condition: string | undefined;
  loop: Extract<Value, { kind: 'loop' }> | undefined;
  body: ObjectValue;
  /** Symbol of the parent, written as `parent:` or by standing inside it. */
  parent: string | undefined;
}

export interface Module extends Declaration {
  path: string;
  condition: string | undefined;
  body: ObjectValue;
  params: ObjectValue | undefined;
}

export interface Reference {
  name: string;
  line: number;
  isCall: boolean;
}

export interface BicepFile {
  path: string;
  text: string;
  targetScope: string;
  /** The template that a parameter file is for. */
  using: string | undefined;
  params: Param[];
  variables: Variable[];
  resources: Resource[];
  modules: Module[];
  outputs: Output[];
  /** Names that are used, and the names that loops, lambdas, types and functions bring with them. */
  references: Reference[];
  localNames: Set<string>;
  /** Places that are not Bicep. */
  errors: { line: number; text: string }[];
}

const require = createRequire(import.meta.url);
let parser: Parser | undefined;

async function bicepParser(): Promise<Parser> {
  if (parser === undefined) {
    await Parser.init();
    const language = await Language.load(require.resolve('tree-sitter-bicep/tree-sitter-bicep.wasm'));
    parser = new Parser().setLanguage(language);
  }
  return parser;
}

function decoratorsOf(node: Node | null): Decorator[] {
  return named(node ?? undefined).flatMap((decorator) => {
    const call = named(decorator)[0];
    const value = call && readValue(call);
    return value?.kind === 'call' ? [{ name: value.name.replace(/^sys\./, ''), args: value.args }] : [];
  });
}

/** What a `resource` or `module` is given: an object, perhaps behind `if (...)` and inside `[for ...]`. */
function bodyOf(node: Node): { body: ObjectValue; condition: string | undefined; loop: Resource['loop'] } {
  if (node.type === 'if_statement') {
    const [condition, body] = named(node);
    return { ...bodyOf(body ?? node), condition: condition?.text };
  }
  if (node.type === 'for_statement') {
    const loop = readValue(node);
    const inner = node.childForFieldName('body');
    return { ...bodyOf(inner ?? node), loop: loop.kind === 'loop' ? loop : undefined };
  }
  const value = readValue(node);
  const empty: ObjectValue = { kind: 'object', line: value.line, text: value.text, properties: [] };
  return { body: value.kind === 'object' ? value : empty, condition: undefined, loop: undefined };
}

function readResource(node: Node, decorators: Decorator[], outer: Resource | undefined): Resource[] {
  const [name, type, body] = named(node);
  if (!name || !type || !body) return [];
  const [ownType = '', version] = plainText(type).split('@');
  const content = bodyOf(body);
  const resource: Resource = {
    name: name.text,
    line: numberOfLine(node),
    decorators,
    type: outer ? `${outer.type}/${ownType}` : ownType,
    apiVersion: version ?? outer?.apiVersion ?? '',
    isExisting: node.children.some((child) => child?.type === 'existing'),
    ...content,
    parent: outer?.name ?? at(content.body, 'parent')?.text.replace(/\[.*$/s, ''),
  };
  const inner = node.descendantsOfType('resource_declaration').filter((n) => n && ownerOf(n)?.id === node.id);
  return [resource, ...inner.flatMap((child) => (child ? readResource(child, [], resource) : []))];
}

/** The nearest resource that a nested one stands in. */
function ownerOf(node: Node): Node | null {
  let owner = node.parent;
  while (owner !== null && owner.type !== 'resource_declaration') owner = owner.parent;
  return owner;
}

function readModule(node: Node, decorators: Decorator[]): Module[] {
  const [name, path, body] = named(node);
  if (!name || !path || !body) return [];
  const { body: content, condition } = bodyOf(body);
  const params = at(content, 'params');
  return [
    {
      name: name.text,
      line: numberOfLine(node),
      decorators,
      path: plainText(path),
      condition,
      body: content,
      params: params?.kind === 'object' ? params : undefined,
    },
  ];
}

/** What a template declares, by the node that declares it. */
const declarations: Readonly<Record<string, (file: BicepFile, node: Node, declared: Declaration) => void>> = {
  target_scope_assignment: (file, node) => {
    file.targetScope = named(node).map(plainText)[0] ?? '';
  },
  using_statement: (file, node) => {
    file.using = named(node).map(plainText)[0];
  },
  resource_declaration: (file, node, { decorators }) =>
    void file.resources.push(...readResource(node, decorators, undefined)),
  module_declaration: (file, node, { decorators }) => void file.modules.push(...readModule(node, decorators)),
  variable_declaration: (file, node, declared) => {
    const [, value] = named(node);
    if (value) file.variables.push({ ...declared, value: readValue(value) });
  },
  parameter_declaration: (file, node, declared) => {
    const [, type, fallback] = named(node);
    file.params.push({ ...declared, type: type?.text ?? '', fallback: fallback && readValue(fallback) });
  },
  output_declaration: (file, node, declared) => {
    const [, type, value] = named(node);
    if (value) file.outputs.push({ ...declared, type: type?.text ?? '', value: readValue(value) });
  },
};

function declare(file: BicepFile, node: Node, decorators: Decorator[]): void {
  declarations[node.type]?.(file, node, { name: named(node)[0]?.text ?? '', line: numberOfLine(node), decorators });
  if (/^(type_declaration|user_defined_function|import_)/.test(node.type))
    for (const word of node.descendantsOfType('identifier')) if (word) file.localNames.add(word.text);
}

const bindsNames = new Set(['for_statement', 'for_loop_parameters', 'lambda_expression']);

/** The names that this place brings with it instead of using them. */
function boundNames(node: Node): Node[] {
  if (node.type === 'for_statement') return [node.childForFieldName('initializer')].filter((n) => n !== null);
  const children = named(node);
  if (node.type === 'for_loop_parameters') return children;
  const head = children[0];
  return head?.type === 'parenthesized_expression' ? named(head) : head ? [head] : [];
}

function collectNames(file: BicepFile, node: Node): void {
  const { parent } = node;
  if (bindsNames.has(node.type)) for (const bound of boundNames(node)) file.localNames.add(bound.text);
  const isKey = parent?.type === 'object_property' && named(parent)[0]?.id === node.id;
  const isDeclared = parent !== null && /_declaration$/.test(parent.type) && named(parent)[0]?.id === node.id;
  const isType = parent !== null && /(type|type_declaration)$/.test(parent.type);
  if (node.type === 'identifier' && !isKey && !isDeclared && !isType) {
    const isCall = parent?.type === 'call_expression' && parent.childForFieldName('function')?.id === node.id;
    // An item of an array that is called is read as two items (see readValue), so the bracket after it decides too.
    file.references.push({
      name: node.text,
      line: numberOfLine(node),
      isCall: isCall || file.text[node.endIndex] === '(',
    });
  }
  if (node.isError || node.isMissing)
    file.errors.push({ line: numberOfLine(node), text: node.text.split('\n')[0] ?? '' });
  else for (const child of node.children) if (child) collectNames(file, child);
}

/** Reads one template; `.bicepparam` files too, whose values come as variables. */
export async function readBicep(path: string, text: string): Promise<BicepFile> {
  // The grammar knows `param name type` alone; a variable is what a value without a type is. Lengths stay, so lines and columns do.
  const source = path.endsWith('.bicepparam') ? text.replace(/^param(?=\s)/gm, 'var  ') : text;
  const tree = (await bicepParser()).parse(source);
  if (tree === null) throw new Error(`${path} could not be read`);
  const file: BicepFile = {
    path,
    text: source,
    targetScope: 'resourceGroup',
    using: undefined,
    params: [],
    variables: [],
    resources: [],
    modules: [],
    outputs: [],
    references: [],
    localNames: new Set(),
    errors: [],
  };
  let decorators: Decorator[] = [];
  for (const node of named(tree.rootNode)) {
    if (node.type === 'decorators') decorators = decoratorsOf(node);
    else {
      declare(file, node, decorators);
      decorators = [];
    }
  }
  collectNames(file, tree.rootNode);
  tree.delete();
  return file;
}
