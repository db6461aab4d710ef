import type { RegisteredFunction } from './worker-module.ts';

export interface RouteMatch {
  readonly fn: RegisteredFunction;
  readonly params: Record<string, string>;
}

type Test = (value: string) => boolean;
type Segment =
  | { kind: 'literal'; text: string }
  | { kind: 'parameter' | 'catch-all'; name: string; isOptional: boolean; constraints: string[] };

interface Target {
  readonly fn: RegisteredFunction;
  readonly names: readonly string[];
}

/** One level of the tree. Children are tried in the order of the fields, which is the real host's precedence. */
interface Node {
  readonly literals: Map<string, Node>;
  readonly constrained: { key: string; test: Test; node: Node }[];
  parameter: Node | undefined;
  readonly catchAlls: { key: string; test: Test; targets: Map<string, Target> }[];
  readonly targets: Map<string, Target>;
  /** Routes that end here because their last parameter is left out; an exact route goes before them. */
  readonly shortened: Map<string, Target>;
}

const newNode = (): Node => ({
  literals: new Map(),
  constrained: [],
  parameter: undefined,
  catchAlls: [],
  targets: new Map(),
  shortened: new Map(),
});

const hex32 = '[0-9a-f]{32}';
const dashed = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const patterns = new Map([
  ['guid', new RegExp(`^(?:${hex32}|${dashed}|\\{${dashed}\\}|\\(${dashed}\\))$`, 'i')],
  ['bool', /^(?:true|false)$/i],
  ['alpha', /^[a-z]*$/i],
]);
const integerBits = new Map([
  ['int', 32n],
  ['long', 64n],
]);

function constraintTest(text: string): Test {
  const key = text.trim().toLowerCase();
  const pattern = patterns.get(key);
  if (pattern) return (value) => pattern.test(value);
  const bits = integerBits.get(key);
  if (!bits) throw new Error(`the constraint "${text}" is not supported here`);
  const end = 2n ** (bits - 1n);
  return (value) => {
    if (!/^[+-]?\d{1,20}$/.test(value)) return false;
    const number = BigInt(value.replace('+', ''));
    return number >= -end && number < end;
  };
}

function parseSegment(text: string, isLast: boolean): Segment {
  if (!/[{}]/.test(text)) return { kind: 'literal', text: text.toLowerCase() };
  const [, stars = '', name, rest = '', optional] =
    /^\{(\*{0,2})([A-Za-z_]\w*)((?::[^{}?:]+)*)(\?)?\}$/.exec(text) ?? [];
  if (name === undefined) throw new Error(`the segment "${text}" is of a form that is not supported here`);
  if ((stars || optional) && !isLast) throw new Error(`"${text}" may only be the last segment`);
  const constraints = rest.split(':').slice(1);
  return { kind: stars ? 'catch-all' : 'parameter', name, isOptional: optional === '?', constraints };
}

/** A tree of path segments: a look-up costs the length of the path, however many functions there are. */
export class RouteTable {
  readonly #root = newNode();

  /** @throws Error when the template is malformed or another function answers the same method there. */
  add(template: string, methods: readonly string[], fn: RegisteredFunction): void {
    const parts = template.split('/').filter((part) => part !== '');
    const segments = parts.map((part, i) => parseSegment(part, i === parts.length - 1));
    const names: string[] = [];
    let node = this.#root;
    for (const segment of segments) {
      if (segment.kind === 'literal') {
        const next = node.literals.get(segment.text) ?? newNode();
        node.literals.set(segment.text, next);
        node = next;
        continue;
      }
      if (names.includes(segment.name)) throw new Error(`the parameter "${segment.name}" occurs twice`);
      if (segment.kind === 'catch-all' || segment.isOptional)
        register(node.shortened, methods, { fn, names: [...names] });
      names.push(segment.name);
      const key = segment.constraints.join(':').toLowerCase();
      const tests = segment.constraints.map(constraintTest);
      const test: Test = (value) => tests.every((one) => one(value));
      if (segment.kind === 'catch-all') {
        const known = node.catchAlls.find((one) => one.key === key) ?? {
          key,
          test,
          targets: new Map<string, Target>(),
        };
        if (!node.catchAlls.includes(known)) node.catchAlls.push(known);
        node.catchAlls.sort((a, b) => Number(a.key === '') - Number(b.key === ''));
        register(known.targets, methods, { fn, names });
        return;
      }
      node = parameterChild(node, key, test);
    }
    register(node.targets, methods, { fn, names });
  }

  /** `path` starts with "/" and is still percent-encoded. A known path with another method is no match, as on Azure. */
  find(method: string, path: string): RouteMatch | undefined {
    const trimmed = path.endsWith('/') ? path.slice(1, -1) : path.slice(1);
    const parts = trimmed === '' ? [] : trimmed.split('/').map(decodeSegment);
    const values: string[] = [];
    const target = walk(this.#root, parts, 0, method, values);
    if (!target) return undefined;
    const params: Record<string, string> = {};
    target.names.forEach((name, i) => {
      params[name] = values[i] ?? '';
    });
    return { fn: target.fn, params };
  }
}

function parameterChild(node: Node, key: string, test: Test): Node {
  if (key === '') {
    node.parameter ??= newNode();
    return node.parameter;
  }
  const known = node.constrained.find((one) => one.key === key);
  if (known) return known.node;
  const next = newNode();
  node.constrained.push({ key, test, node: next });
  return next;
}

function register(targets: Map<string, Target>, methods: readonly string[], target: Target): void {
  for (const method of methods) {
    const other = targets.get(method.toUpperCase());
    if (other && other.fn !== target.fn) throw new Error(`"${other.fn.metadata.name}" answers ${method} there already`);
    targets.set(method.toUpperCase(), target);
  }
}

function walk(node: Node, parts: readonly string[], at: number, method: string, values: string[]): Target | undefined {
  const part = parts[at];
  if (part === undefined) return node.targets.get(method) ?? node.shortened.get(method);
  const literal = node.literals.get(part.toLowerCase());
  const found = literal && walk(literal, parts, at + 1, method, values);
  if (found) return found;
  for (const child of node.constrained) {
    if (part === '' || !child.test(part)) continue;
    values.push(part);
    const target = walk(child.node, parts, at + 1, method, values);
    if (target) return target;
    values.pop();
  }
  if (node.parameter && part !== '') {
    values.push(part);
    const target = walk(node.parameter, parts, at + 1, method, values);
    if (target) return target;
    values.pop();
  }
  const rest = node.catchAlls.length > 0 ? parts.slice(at).join('/') : '';
  const target = node.catchAlls.find((one) => one.targets.has(method) && one.test(rest))?.targets.get(method);
  if (target) values.push(rest);
  return target;
}

/** An encoded slash stays as it is, so that it cannot make segments; what cannot be decoded is passed on as it came. */
function decodeSegment(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return segment
      .split(/(%2f)/i)
      .map((piece, i) => (i % 2 === 1 ? piece : decodeURIComponent(piece)))
      .join('');
  } catch {
    return segment;
  }
}
