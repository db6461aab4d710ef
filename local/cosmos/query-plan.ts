import { badRequest } from './errors.ts';
import type { QuerySpec } from './query.ts';
import { count } from './query.ts';
import { checkShape } from './query-rules.ts';
import type { Query, SelectItem } from './sql-tree.ts';
import { isAggregateQuery, selectItems } from './sql-tree.ts';

const SDK_AGGREGATES: Readonly<Record<string, string>> = {
  COUNT: 'Count',
  SUM: 'Sum',
  MIN: 'Min',
  MAX: 'Max',
  AVG: 'Average',
};
/** The SDK puts its own filter in this place of a rewritten ORDER BY query, or `true`. */
const FILTER_PLACE = '{documentdb-formattableorderbyquery-filter}';

/** What the SDK needs to run a query over several partitions. Throws 400 for what is not supported there. */
export function queryPlan(query: Query, spec: QuerySpec): Record<string, unknown> {
  checkShape(query);
  if (query.distinct) throw badRequest('DISTINCT is not supported without a partition key.');
  const top = count(query.top, spec);
  const offset = count(query.offset, spec);
  const limit = count(query.limit, spec);
  const isAggregate = isAggregateQuery(query);
  return {
    partitionedQueryExecutionInfoVersion: 2,
    queryInfo: {
      distinctType: 'None',
      top: top ?? null,
      offset: offset ?? null,
      limit: limit ?? null,
      orderBy: query.orderBy.map((term) => (term.isDescending ? 'Descending' : 'Ascending')),
      orderByExpressions: query.orderBy.map((term) => term.text),
      groupByExpressions: [],
      groupByAliases: [],
      aggregates: isAggregate ? [aggregateOf(query).kind] : [],
      groupByAliasToAggregateType: {},
      rewrittenQuery: isAggregate ? aggregateOf(query).rewritten : rewritten(query, top, offset, limit),
      hasSelectValue: query.select.kind === 'value',
      dCountInfo: null,
      hasNonStreamingOrderBy: false,
    },
    queryRanges: [{ min: '', max: 'FF', isMinInclusive: true, isMaxInclusive: false }],
  };
}

function whereText(query: Query, extra: string): string {
  const own = query.where === undefined ? '' : `(${query.where.text})`;
  const parts = [own, extra].filter((part) => part !== '');
  return parts.length === 0 ? '' : ` WHERE ${parts.join(' AND ')}`;
}

/** An empty text tells the SDK to send the query as it is. */
function rewritten(
  query: Query,
  top: number | undefined,
  offset: number | undefined,
  limit: number | undefined,
): string {
  if (query.orderBy.length === 0 && offset === undefined) return '';
  const topText = top === undefined ? '' : `TOP ${top} `;
  const limitText = limit === undefined ? '' : ` OFFSET 0 LIMIT ${(offset ?? 0) + limit}`;
  if (query.orderBy.length === 0)
    return `SELECT ${topText}${plainSelect(query)} ${query.fromText}${whereText(query, '')}${limitText}`;
  const alias = query.from?.alias ?? 'c';
  const items = query.orderBy.map((term) => `{"item": ${term.text}}`).join(', ');
  const order = query.orderBy.map((term) => `${term.text} ${term.isDescending ? 'DESC' : 'ASC'}`).join(', ');
  return `SELECT ${topText}${alias}._rid, [${items}] AS orderByItems, ${payload(query, alias)} AS payload ${query.fromText}${whereText(query, `(${FILTER_PLACE})`)} ORDER BY ${order}${limitText}`;
}

function plainSelect(query: Query): string {
  if (query.select.kind === 'star') return '*';
  const items = selectItems(query.select).map(
    (item) => `${item.text}${item.alias === undefined ? '' : ` AS ${item.alias}`}`,
  );
  return `${query.select.kind === 'value' ? 'VALUE ' : ''}${items.join(', ')}`;
}

function payload(query: Query, alias: string): string {
  if (query.select.kind === 'star') return alias;
  if (query.select.kind === 'value') return query.select.item.text;
  return `{${query.select.items.map((item) => `${JSON.stringify(nameOf(item))}: ${item.text}`).join(', ')}}`;
}

function nameOf(item: SelectItem): string {
  const last = item.alias ?? (item.expr.type === 'path' ? (item.expr.steps.at(-1) ?? item.expr.alias) : undefined);
  if (typeof last !== 'string')
    throw badRequest('Without a partition key, every selected expression of an ORDER BY query needs an alias.');
  return last;
}

function aggregateOf(query: Query): { kind: string; rewritten: string } {
  const item = query.select.kind === 'value' ? query.select.item : undefined;
  const kind = item?.expr.type === 'call' ? SDK_AGGREGATES[item.expr.name] : undefined;
  if (
    item?.expr.type !== 'call' ||
    kind === undefined ||
    query.groupBy.length > 0 ||
    query.top !== undefined ||
    query.offset !== undefined
  ) {
    throw badRequest(
      'Without a partition key, an aggregate is only supported as SELECT VALUE COUNT|SUM|MIN|MAX|AVG(...), without GROUP BY.',
    );
  }
  const argument = item.text.slice(item.text.indexOf('(') + 1, item.text.lastIndexOf(')'));
  const forms: Readonly<Record<string, string>> = {
    AVG: `{"sum": SUM(${argument}), "count": COUNT(${argument})}`,
    MIN: `{"min": MIN(${argument}), "count": COUNT(${argument})}`,
    MAX: `{"max": MAX(${argument}), "count": COUNT(${argument})}`,
  };
  const form = forms[item.expr.name] ?? item.text;
  return { kind, rewritten: `SELECT VALUE [{"item": ${form}}] ${query.fromText}${whereText(query, '')}` };
}
