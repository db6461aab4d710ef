import { badRequest } from './errors.ts';
import type { IndexPolicy, OrderTerm } from './index-policy.ts';
import type { Expr, Query } from './sql-tree.ts';
import { hasAggregate, isAggregateQuery, partsOf, selectItems } from './sql-tree.ts';

/** True for what cannot be answered by simply concatenating the partitions' answers. */
export function isComplex(query: Query): boolean {
  return (
    query.orderBy.length > 0 ||
    query.top !== undefined ||
    query.offset !== undefined ||
    query.distinct ||
    isAggregateQuery(query)
  );
}

/** Refuses combinations that the service, or this stand-in, does not answer. */
export function checkShape(query: Query): void {
  if (query.from?.over !== undefined)
    throw badRequest('FROM x IN c.list is only supported inside EXISTS; use FROM c JOIN x IN c.list.');
  if (query.select.kind === 'star' && (query.from === undefined || query.joins.length > 0)) {
    throw badRequest("'SELECT *' is only valid with a single input set.");
  }
  if (query.from === undefined && (query.orderBy.length > 0 || query.groupBy.length > 0))
    throw badRequest('ORDER BY and GROUP BY need FROM.');
  if (query.top !== undefined && query.offset !== undefined)
    throw badRequest('TOP cannot be used together with OFFSET LIMIT.');
  if (query.where !== undefined && hasAggregate(query.where.expr))
    throw badRequest('Aggregates are not allowed in WHERE.');
  if (query.groupBy.some((item) => hasAggregate(item.expr)))
    throw badRequest('Aggregates are not allowed in GROUP BY.');
  if (isAggregateQuery(query)) checkGrouping(query);
  if (query.distinct && query.orderBy.length > 0) {
    const selected = new Set(selectItems(query.select).map((item) => JSON.stringify(item.expr)));
    if (!query.orderBy.every((term) => selected.has(JSON.stringify(term.expr)))) {
      throw badRequest('With DISTINCT, ORDER BY can only use what is selected.');
    }
  }
}

function checkGrouping(query: Query): void {
  if (query.orderBy.length > 0) throw badRequest('ORDER BY cannot be combined with GROUP BY or aggregates.');
  if (query.select.kind === 'star') throw badRequest("'SELECT *' cannot be combined with GROUP BY.");
  const groups = new Set(query.groupBy.map((item) => JSON.stringify(item.expr)));
  for (const item of selectItems(query.select)) {
    if (!isGrouped(item.expr, groups)) {
      throw badRequest(
        `Property reference '${item.text}' is invalid in the select list: it is neither aggregated nor in GROUP BY.`,
      );
    }
  }
}

function isGrouped(expr: Expr, groups: ReadonlySet<string>): boolean {
  if (groups.has(JSON.stringify(expr))) return true;
  if (expr.type === 'call' && hasAggregate(expr)) return true;
  if (expr.type === 'path' || expr.type === 'exists') return false;
  return partsOf(expr).every((part) => isGrouped(part, groups));
}

/** The paths of ORDER BY. Refuses an expression, an excluded path, and several paths without their composite index. */
export function checkOrder(query: Query, policy: IndexPolicy): OrderTerm[] {
  const terms = query.orderBy.map((term): { steps: string[]; isDescending: boolean } => {
    const { expr } = term;
    const steps = expr.type === 'path' && expr.alias === query.from?.alias ? expr.steps : [];
    const names = steps.filter((step) => typeof step === 'string');
    if (names.length === 0 || names.length !== steps.length) {
      throw badRequest('Unsupported ORDER BY clause. ORDER BY item expression could not be mapped to a document path.');
    }
    return { steps: names, isDescending: term.isDescending };
  });
  const excluded = terms.find((term) => !policy.isIndexed(term.steps));
  if (terms.length === 1 && excluded !== undefined) {
    throw badRequest(
      `The index path corresponding to the specified order-by item is excluded: /${excluded.steps.join('/')}.`,
    );
  }
  if (terms.length > 1 && !policy.hasComposite(terms)) {
    throw badRequest('The order by query does not have a corresponding composite index that it can be served from.');
  }
  return terms;
}
