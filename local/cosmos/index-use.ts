import type { IndexPolicy } from './index-policy.ts';
import type { Expr, Query } from './sql-tree.ts';
import { partsOf } from './sql-tree.ts';

/** Functions that the index can answer; any other makes the filter load documents. */
const SERVED_CALLS = new Set(
  'STARTSWITH ENDSWITH CONTAINS STRINGEQUALS ARRAY_CONTAINS IS_DEFINED IS_NULL IS_STRING IS_NUMBER IS_BOOL IS_ARRAY IS_OBJECT IS_PRIMITIVE'.split(
    ' ',
  ),
);
const SERVED_BINARY = new Set(['AND', 'OR', '=', '!=', '<', '<=', '>', '>=']);
const CONTAINER_CALLS = new Set(['IS_DEFINED', 'IS_ARRAY', 'IS_OBJECT']);

/** Path of each alias in the document: the container is [], an iterated array adds the step `[]`. */
type Aliases = ReadonlyMap<string, string[]>;

/** The conjuncts of the filter that the index serves, joined by AND; undefined when there is none. */
export function servedFilter(query: Query, policy: IndexPolicy): { filter: Expr | undefined; isWhole: boolean } {
  const aliases = aliasesOf(query, new Map());
  const all = query.where === undefined ? [] : conjuncts(query.where.expr);
  const joined = new Set(query.joins.map((join) => join.alias));
  const served = all.filter((expr) => !usesAlias(expr, joined) && isServed(expr, policy, aliases));
  const filter = served.reduce<Expr | undefined>(
    (left, right) => (left === undefined ? right : { type: 'binary', op: 'AND', left, right }),
    undefined,
  );
  return { filter, isWhole: served.length === all.length };
}

function aliasesOf(query: Query, outer: Aliases): Map<string, string[]> {
  const aliases = new Map(outer);
  const add = (alias: string, over: Expr | undefined): void => {
    aliases.set(alias, over === undefined ? [] : [...(documentPath(over, aliases) ?? ['?']), '[]']);
  };
  if (query.from !== undefined) add(query.from.alias, query.from.over);
  for (const join of query.joins) add(join.alias, join.over);
  return aliases;
}

function conjuncts(expr: Expr): Expr[] {
  return expr.type === 'binary' && expr.op === 'AND' ? [...conjuncts(expr.left), ...conjuncts(expr.right)] : [expr];
}

/** A filter on the elements of a JOIN is decided after the document is loaded. */
function usesAlias(expr: Expr, names: ReadonlySet<string>): boolean {
  if (expr.type === 'path') return names.has(expr.alias);
  if (expr.type === 'exists') return names.size > 0;
  return partsOf(expr).some((part) => usesAlias(part, names));
}

function documentPath(expr: Expr, aliases: Aliases): string[] | undefined {
  if (expr.type !== 'path') return undefined;
  const base = aliases.get(expr.alias);
  return base === undefined
    ? undefined
    : [...base, ...expr.steps.map((step) => (typeof step === 'number' ? '[]' : step))];
}

function isServed(expr: Expr, policy: IndexPolicy, aliases: Aliases): boolean {
  switch (expr.type) {
    case 'path':
      return policy.isIndexed(documentPath(expr, aliases) ?? []);
    case 'exists':
      return expr.query.where !== undefined && isServed(expr.query.where.expr, policy, aliasesOf(expr.query, aliases));
    case 'call':
      return isCallServed(expr.name, expr.args, policy, aliases);
    case 'member':
    case 'conditional':
      return false;
    default:
      if (expr.type === 'binary' && !SERVED_BINARY.has(expr.op)) return false;
      return partsOf(expr).every((part) => isServed(part, policy, aliases));
  }
}

function isCallServed(name: string, args: readonly Expr[], policy: IndexPolicy, aliases: Aliases): boolean {
  const [first, ...rest] = args;
  if (!SERVED_CALLS.has(name) || first === undefined) return false;
  if (!rest.every((part) => isServed(part, policy, aliases))) return false;
  const path = documentPath(first, aliases);
  if (path === undefined) return isServed(first, policy, aliases);
  // Elements, not the array itself, are indexed; a container value is indexed through what is below it.
  if (name === 'ARRAY_CONTAINS') return policy.isIndexed([...path, '[]']);
  return policy.isIndexed(path) || (CONTAINER_CALLS.has(name) && policy.isIndexed([...path, '*']));
}
