import { createHash } from 'node:crypto';
import type { SQLInputValue, StatementSync } from 'node:sqlite';
import { queryCharge, startedKb } from './charge.ts';
import type { Json } from './definition.ts';
import { isObject } from './definition.ts';
import { badRequest } from './errors.ts';
import type { Compiled } from './query-compile.ts';
import { compile, selectSql } from './query-compile.ts';
import { isComplex } from './query-rules.ts';
import { parseQuery } from './sql-parser.ts';
import type { ParameterKind } from './sql-translate.ts';
import type { Expr, Query } from './sql-tree.ts';
import type { Container, Store, StoredRow } from './store.ts';

const PAGE_ITEMS_DEFAULT = 100;
const PAGE_BYTES_MAX = 4 * 1024 * 1024;
const CACHE_MAX = 500;

export interface QuerySpec {
  query: string;
  parameters: ReadonlyMap<string, Json>;
}

/** The part of a container that a query sees: one logical partition, a prefix of keys, or all. */
export type KeyScope = { kind: 'key' | 'prefix'; text: string } | { kind: 'all' };

export interface Page {
  items: string[];
  continuation: string | undefined;
  charge: number;
}

/** Place in a result: values of the sort columns of the last row, or the number of rows given; and what TOP or LIMIT leave. */
interface Position {
  after?: (string | number)[];
  given?: number;
  left?: number;
}

export class Queries {
  private readonly store: Store;
  private readonly parsed = new Map<string, Query>();
  private readonly compiled = new Map<string, Compiled>();

  constructor(store: Store) {
    this.store = store;
  }

  parse(sql: string): Query {
    return remembered(this.parsed, sql, () => parseQuery(sql));
  }

  /** True for a query that the SDK must run through a query plan when it has no partition key. */
  isComplex(spec: QuerySpec): boolean {
    return isComplex(this.parse(spec.query));
  }

  execute(
    container: Container,
    spec: QuerySpec,
    scope: KeyScope,
    maxItems: number | undefined,
    continuation: string | undefined,
  ): Page {
    const compiled = this.compile(container, spec);
    const { query } = compiled;
    const position: Position = continuation === undefined ? {} : readPosition(continuation, fingerprint(spec, scope));
    const pageSize = maxItems === undefined || maxItems < 1 ? PAGE_ITEMS_DEFAULT : maxItems;
    const limit = count(query.top, spec) ?? count(query.limit, spec);
    const left = position.left ?? limit ?? Number.POSITIVE_INFINITY;
    const skip = continuation === undefined ? (count(query.offset, spec) ?? 0) : 0;
    const wanted = Math.min(pageSize, left);

    const bind = bindings(compiled.parameters, spec);
    const filter = this.scopeFilter(container, compiled, scope, bind);
    const counted = compiled.isCounted ? (position.given ?? 0) : 0;
    bind['$limit'] = wanted + 1;
    bind['$offset'] = skip + counted;
    const after = afterFilter(compiled, position, bind);
    const sql = selectSql(compiled, filter, after);
    const page = this.readPage(sql, bind, compiled, wanted);
    const remaining = left - page.rows;
    const next: Position = Number.isFinite(remaining) ? { left: remaining } : {};
    if (compiled.isCounted) next.given = page.rows + counted + skip;
    else if (page.last !== undefined) next.after = page.last;
    const isFirst = continuation === undefined;
    const loadedKb =
      compiled.loaded === undefined
        ? page.loadedKb
        : isFirst
          ? this.loadedKb(container, compiled, compiled.loaded, scope, spec)
          : 0;
    return {
      items: page.items,
      continuation: page.hasMore && remaining > 0 ? writePosition(next, fingerprint(spec, scope)) : undefined,
      charge: queryCharge(loadedKb, page.returnedKb),
    };
  }

  private readPage(sql: string, bind: Record<string, SQLInputValue>, compiled: Compiled, wanted: number) {
    const items: string[] = [];
    let [rows, bytes, loadedKb, returnedKb, hasMore] = [0, 0, 0, 0, false];
    let last: (string | number)[] | undefined;
    const width = compiled.columns.length;
    for (const row of this.prepare(sql).iterate(bind)) {
      if (rows === wanted || bytes > PAGE_BYTES_MAX) {
        hasMore = true;
        break;
      }
      rows += 1;
      const text = output(row, compiled);
      loadedKb += startedKb(Number(row[`r${width}`]));
      if (text !== undefined) {
        items.push(text);
        bytes += text.length;
        returnedKb += startedKb(text.length);
      }
      if (!compiled.isCounted) {
        last = compiled.sort.map((_column, at) => {
          const key = row[`r${width + 1 + at}`];
          return typeof key === 'string' ? key : Number(key);
        });
      }
    }
    return { items, rows, loadedKb, returnedKb, hasMore, last };
  }

  /** Whether a stored document fulfils `from c where ...`. */
  matches(container: Container, row: StoredRow, predicate: string): boolean {
    const spec: QuerySpec = { query: `SELECT VALUE 1 ${predicate}`, parameters: new Map() };
    const compiled = this.compile(container, spec);
    if (!compiled.hasRoot || compiled.query.joins.length > 0 || isComplex(compiled.query))
      throw badRequest('The condition of a patch must be: from c where ...');
    return (
      this.prepare(`SELECT 1 ${compiled.from} WHERE d.rid = $rid AND (${compiled.where})`).get({ $rid: row.rid }) !==
      undefined
    );
  }

  private loadedKb(
    container: Container,
    compiled: Compiled,
    loaded: NonNullable<Compiled['loaded']>,
    scope: KeyScope,
    spec: QuerySpec,
  ): number {
    const bind = bindings(loaded.parameters, spec);
    const filter = this.scopeFilter(container, compiled, scope, bind);
    const sql = `SELECT sum(max(1, (d.bytes + 1023) / 1024)) AS kb FROM ${container.table} AS d WHERE ${filter} AND (${loaded.sql})`;
    return Number(this.prepare(sql).get(bind)?.['kb'] ?? 0);
  }

  private scopeFilter(
    container: Container,
    compiled: Compiled,
    scope: KeyScope,
    bind: Record<string, SQLInputValue>,
  ): string {
    if (!compiled.hasRoot) return '1';
    const parts: string[] = [];
    if (scope.kind === 'key') {
      parts.push('d.pk = $pk');
      bind['$pk'] = scope.text;
    } else if (scope.kind === 'prefix') {
      parts.push('d.pk >= $pk AND d.pk < $pkEnd');
      bind['$pk'] = `${scope.text},`;
      bind['$pkEnd'] = `${scope.text}-`;
    }
    if (container.hasTtl) {
      parts.push('(d.expires_ms IS NULL OR d.expires_ms > $now)');
      bind['$now'] = this.store.now();
    }
    return parts.length === 0 ? '1' : parts.join(' AND ');
  }

  /** The text of the statement comes from the query, so what SQLite refuses in it is a fault of the request. */
  private prepare(sql: string): StatementSync {
    try {
      const statement = this.store.prepare(sql);
      // Our own parameters begin with $ and the query's with @; without their signs `@now` and `$now` would be one.
      statement.setAllowBareNamedParameters(false);
      return statement;
    } catch (error) {
      throw badRequest(`The query is too large or too complex: ${error instanceof Error ? error.message : ''}.`);
    }
  }

  private compile(container: Container, spec: QuerySpec): Compiled {
    const kinds = new Map<string, ParameterKind>();
    for (const [name, value] of spec.parameters)
      kinds.set(name, typeof value === 'object' && value !== null ? 'compound' : 'scalar');
    const key = JSON.stringify([container.definition.id, spec.query, [...kinds]]);
    return remembered(this.compiled, key, () => compile(container, this.parse(spec.query), kinds));
  }
}

function output(row: Record<string, unknown>, compiled: Compiled): string | undefined {
  if (compiled.names === undefined) {
    const value = row['r0'];
    return typeof value === 'string' ? value : undefined;
  }
  let text = '';
  for (let at = 0; at < compiled.names.length; at += 1) {
    const value = row[`r${at}`];
    if (typeof value === 'string') text += `${text === '' ? '' : ','}${compiled.names[at]}:${value}`;
  }
  return `{${text}}`;
}

/** Rows after the last one given, by all sort columns: `a > x OR (a = x AND (b > y OR ...))`. */
function afterFilter(compiled: Compiled, position: Position, bind: Record<string, SQLInputValue>): string {
  const after = position.after;
  if (compiled.isCounted || after === undefined) return '';
  if (after.length !== compiled.sort.length) throw badRequest('The continuation token is invalid.');
  let sql = '0';
  for (let at = compiled.sort.length - 1; at >= 0; at -= 1) {
    const column = compiled.sort[at];
    bind[`$after${at}`] = after[at] ?? 0;
    if (column !== undefined)
      sql = `(${column.sql} ${column.isDescending ? '<' : '>'} $after${at} OR (${column.sql} = $after${at} AND ${sql}))`;
  }
  return ` AND ${sql}`;
}

function bindings(names: ReadonlySet<string>, spec: QuerySpec): Record<string, SQLInputValue> {
  const bind: Record<string, SQLInputValue> = {};
  for (const name of names) bind[name] = JSON.stringify(spec.parameters.get(name));
  return bind;
}

/** A continuation only fits the query, the parameters and the key that it was made for. */
function fingerprint(spec: QuerySpec, scope: KeyScope): string {
  return createHash('sha256')
    .update(JSON.stringify([spec.query, [...spec.parameters], scope]))
    .digest('base64url');
}

function writePosition(position: Position, query: string): string {
  return Buffer.from(JSON.stringify({ ...position, query })).toString('base64');
}

function readPosition(continuation: string, query: string): Position {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(continuation, 'base64').toString('utf8'));
  } catch {
    parsed = undefined;
  }
  if (!isObject(parsed) || parsed['query'] !== query)
    throw badRequest('The continuation token is invalid or belongs to another query.');
  // The fingerprint inside says that this server made the token for this query, in this shape.
  return parsed as unknown as Position;
}

/** The value of TOP, OFFSET or LIMIT. */
export function count(expr: Expr | undefined, spec: QuerySpec): number | undefined {
  if (expr === undefined) return undefined;
  const value =
    expr.type === 'parameter' ? spec.parameters.get(expr.name) : expr.type === 'literal' ? expr.value : undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0)
    throw badRequest('TOP, OFFSET and LIMIT need a whole number, zero or more.');
  return value;
}

function remembered<T>(cache: Map<string, T>, key: string, make: () => T): T {
  let value = cache.get(key);
  if (value === undefined) {
    if (cache.size >= CACHE_MAX) cache.clear();
    value = make();
    cache.set(key, value);
  }
  return value;
}
