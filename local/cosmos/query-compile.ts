import { badRequest } from './errors.ts';
import { servedFilter } from './index-use.ts';
import { checkOrder, checkShape } from './query-rules.ts';
import type { ParameterKind } from './sql-translate.ts';
import { sortColumns, Translator } from './sql-translate.ts';
import type { Query } from './sql-tree.ts';
import { isAggregateQuery, selectItems } from './sql-tree.ts';
import type { Container } from './store.ts';

/** A query in the parts of a SQL statement; the key, the page and the expiry of items are added at execution. */
export interface Compiled {
  query: Query;
  parameters: ReadonlySet<string>;
  from: string;
  where: string;
  /** Filter of the rows that are loaded, when they are not simply those that are returned. */
  loaded: { sql: string; parameters: ReadonlySet<string> } | undefined;
  columns: string[];
  /** JSON text of the property name per column; undefined for SELECT VALUE and SELECT *. */
  names: string[] | undefined;
  groupBy: string;
  /** Sort columns with direction; they also are the continuation, unless pages are counted. */
  sort: { sql: string; isDescending: boolean }[];
  isCounted: boolean;
  hasRoot: boolean;
}

export function compile(container: Container, query: Query, kinds: ReadonlyMap<string, ParameterKind>): Compiled {
  checkShape(query);
  const orderTerms = checkOrder(query, container.policy);
  const translator = new Translator(kinds);
  const scope = new Map<string, string>();
  if (query.from !== undefined) scope.set(query.from.alias, 'd.body');
  const joins = translator.joins(query, scope);
  const where = query.where === undefined ? '1' : translator.test(query.where.expr, scope);
  const items = selectItems(query.select);
  let columns = query.select.kind === 'star' ? ['d.body'] : items.map((item) => translator.value(item.expr, scope));
  if (query.distinct) columns = columns.map((column) => `cx('canonical', ${column})`);
  const isAggregate = isAggregateQuery(query);
  const isCounted = isAggregate || query.distinct || query.joins.length > 0 || query.from === undefined;
  const sort = orderTerms.flatMap((term) => {
    const pair = sortColumns('d.body', term.steps);
    if (pair === undefined) throw badRequest('ORDER BY cannot use a property with this name.');
    return pair.map((sql) => ({ sql, isDescending: term.isDescending }));
  });
  if (query.from !== undefined && !isAggregate && !query.distinct) {
    sort.push({ sql: 'd.pk', isDescending: false }, { sql: 'd.id', isDescending: false });
    for (let at = 1; at <= query.joins.length; at += 1) sort.push({ sql: `j${at}.key`, isDescending: false });
  }
  const served = servedFilter(query, container.policy);
  const loadsWhatItReturns = served.isWhole && !isCounted && query.offset === undefined;
  const groupBy =
    query.groupBy.length === 0
      ? ''
      : `GROUP BY ${query.groupBy.map((item) => translator.value(item.expr, scope)).join(', ')}`;
  const loading = new Translator(kinds);
  const loaded = served.filter === undefined ? '1' : loading.test(served.filter, scope);
  return {
    query,
    parameters: translator.parameters,
    from: query.from === undefined ? '' : `FROM ${container.table} AS d${joins}`,
    where,
    loaded:
      loadsWhatItReturns || query.from === undefined ? undefined : { sql: loaded, parameters: loading.parameters },
    columns,
    names: query.select.kind === 'list' ? propertyNames(items) : undefined,
    groupBy,
    sort,
    isCounted,
    hasRoot: query.from !== undefined,
  };
}

export function selectSql(compiled: Compiled, filter: string, after: string): string {
  const { query, sort } = compiled;
  const keys = compiled.isCounted ? [] : sort.map((column) => column.sql);
  const size = compiled.hasRoot && !isAggregateQuery(query) && !query.distinct ? 'd.bytes' : '0';
  const columns = [...compiled.columns, size, ...keys].map((column, at) => `${column} AS r${at}`).join(', ');
  const order = sort.map((column) => `${column.sql}${column.isDescending ? ' DESC' : ''}`).join(', ');
  return `SELECT ${query.distinct ? 'DISTINCT ' : ''}${columns} ${compiled.from} WHERE ${filter} AND (${compiled.where})${after}
    ${compiled.groupBy}${order === '' ? '' : ` ORDER BY ${order}`} LIMIT $limit OFFSET $offset`;
}

function propertyNames(items: ReturnType<typeof selectItems>): string[] {
  let unnamed = 0;
  const names = items.map((item) => {
    if (item.alias !== undefined) return item.alias;
    const last = item.expr.type === 'path' ? (item.expr.steps.at(-1) ?? item.expr.alias) : undefined;
    if (typeof last === 'string') return last;
    unnamed += 1;
    return `$${unnamed}`;
  });
  if (new Set(names).size !== names.length)
    throw badRequest('Two properties of the SELECT list have the same name; give them aliases.');
  return names.map((name) => JSON.stringify(name));
}
