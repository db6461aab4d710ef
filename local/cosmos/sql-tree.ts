/** The tree of a query of the Cosmos SQL dialect. */
export type Expr =
  | { type: 'literal'; value: null | boolean | number | string | undefined }
  | { type: 'parameter'; name: string }
  /** `c.a[0]["b c"]`: a source's alias and fixed steps. */
  | { type: 'path'; alias: string; steps: (string | number)[] }
  /** `c.list[@at]`: a step that is only known at execution. */
  | { type: 'member'; object: Expr; step: Expr }
  | { type: 'not' | 'minus' | 'plus'; operand: Expr }
  | { type: 'binary'; op: BinaryOp; left: Expr; right: Expr }
  | { type: 'in'; operand: Expr; list: Expr[] }
  | { type: 'between'; operand: Expr; low: Expr; high: Expr }
  | { type: 'like'; operand: Expr; pattern: Expr; escape: Expr | undefined }
  | { type: 'conditional'; test: Expr; yes: Expr; no: Expr }
  | { type: 'call'; name: string; args: Expr[] }
  | { type: 'exists'; query: Query }
  | { type: 'array'; items: Expr[] }
  | { type: 'object'; entries: { name: string; value: Expr }[] };

export type BinaryOp = 'AND' | 'OR' | '=' | '!=' | '<' | '<=' | '>' | '>=' | '+' | '-' | '*' | '/' | '%' | '||' | '??';

/** An expression with its source text, from which the query plan writes the query anew. */
export interface Sourced {
  expr: Expr;
  text: string;
}

export interface SelectItem extends Sourced {
  alias: string | undefined;
}

export type Select = { kind: 'star' } | { kind: 'value'; item: SelectItem } | { kind: 'list'; items: SelectItem[] };

export interface Query {
  distinct: boolean;
  top: Expr | undefined;
  select: Select;
  /** The alias of the container, or of the iterated array when `over` is given. */
  from: { alias: string; over: Expr | undefined } | undefined;
  joins: { alias: string; over: Expr }[];
  /** From FROM to before WHERE, as written. */
  fromText: string;
  where: Sourced | undefined;
  groupBy: Sourced[];
  orderBy: (Sourced & { isDescending: boolean })[];
  offset: Expr | undefined;
  limit: Expr | undefined;
}

export const AGGREGATES: ReadonlySet<string> = new Set(['COUNT', 'SUM', 'MIN', 'MAX', 'AVG']);

/** The direct parts of an expression; the query of EXISTS is not one of them. */
export function partsOf(expr: Expr): Expr[] {
  switch (expr.type) {
    case 'member':
      return [expr.object, expr.step];
    case 'not':
    case 'minus':
    case 'plus':
      return [expr.operand];
    case 'binary':
      return [expr.left, expr.right];
    case 'in':
      return [expr.operand, ...expr.list];
    case 'between':
      return [expr.operand, expr.low, expr.high];
    case 'like':
      return [expr.operand, expr.pattern, ...(expr.escape === undefined ? [] : [expr.escape])];
    case 'conditional':
      return [expr.test, expr.yes, expr.no];
    case 'call':
      return expr.args;
    case 'array':
      return expr.items;
    case 'object':
      return expr.entries.map((entry) => entry.value);
    default:
      return [];
  }
}

export function hasAggregate(expr: Expr): boolean {
  return (expr.type === 'call' && AGGREGATES.has(expr.name)) || partsOf(expr).some(hasAggregate);
}

export function selectItems(select: Select): SelectItem[] {
  if (select.kind === 'star') return [];
  return select.kind === 'value' ? [select.item] : select.items;
}

export function isAggregateQuery(query: Query): boolean {
  return query.groupBy.length > 0 || selectItems(query.select).some((item) => hasAggregate(item.expr));
}
