import { badRequest } from './errors.ts';
import { FUNCTIONS } from './sql-functions.ts';
import type { Expr, Query } from './sql-tree.ts';
import { AGGREGATES, hasAggregate } from './sql-tree.ts';

/**
 * SQL for one expression. A `value` yields JSON text or NULL for undefined; a `test` yields 1, 0 or NULL, whose
 * AND, OR and NOT are exactly those of the service for undefined.
 */
interface Piece {
  sql: string;
  form: 'value' | 'test';
  /** Never an array or object, so that equality of texts is equality of values. */
  isScalar: boolean;
}

export type ParameterKind = 'scalar' | 'compound';

/** What a name stands for in SQL: the JSON text of a document or of an array element. */
type Scope = ReadonlyMap<string, string>;

/** Translates expressions of one query. Every refusal is a 400. */
export class Translator {
  readonly parameters = new Set<string>();
  private readonly kinds: ReadonlyMap<string, ParameterKind>;
  private nextTable = 1;

  constructor(kinds: ReadonlyMap<string, ParameterKind>) {
    this.kinds = kinds;
  }

  /** The FROM clause after the container's table, and the names that it brings. */
  joins(query: Query, scope: Map<string, string>): string {
    let sql = '';
    for (const join of query.joins) {
      if (scope.has(join.alias)) throw badRequest(`The alias ${join.alias} is used twice.`);
      const table = this.iterate(join.over, scope);
      sql += `, ${table.sql}`;
      scope.set(join.alias, `${table.name}.value`);
    }
    return sql;
  }

  private iterate(over: Expr, scope: Scope): { sql: string; name: string } {
    const name = `j${this.nextTable++}`;
    return { name, sql: `json_each(coalesce(cx('elements', ${this.value(over, scope)}), '[]')) AS ${name}` };
  }

  value(expr: Expr, scope: Scope): string {
    const piece = this.piece(expr, scope);
    return piece.form === 'value' ? piece.sql : `CASE ${piece.sql} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END`;
  }

  test(expr: Expr, scope: Scope): string {
    const piece = this.piece(expr, scope);
    return piece.form === 'test' ? piece.sql : `CASE ${piece.sql} WHEN 'true' THEN 1 WHEN 'false' THEN 0 END`;
  }

  private piece(expr: Expr, scope: Scope): Piece {
    switch (expr.type) {
      case 'literal':
        return {
          sql: expr.value === undefined ? 'NULL' : quote(JSON.stringify(expr.value)),
          form: 'value',
          isScalar: true,
        };
      case 'parameter':
        return this.parameter(expr.name);
      case 'path':
        return value(this.path(expr.alias, expr.steps, scope));
      case 'member':
        return value(`cx('step', ${this.value(expr.object, scope)}, ${this.value(expr.step, scope)})`);
      case 'not':
        return test(`(NOT ${this.test(expr.operand, scope)})`);
      case 'minus':
        return this.call('-', [{ type: 'literal', value: 0 }, expr.operand], scope);
      case 'plus':
        return this.call('+', [{ type: 'literal', value: 0 }, expr.operand], scope);
      case 'binary':
        return this.binary(expr, scope);
      case 'in':
        return test(this.membership(expr.operand, expr.list, scope));
      case 'between':
        return test(
          `(${this.test(compare('>=', expr.operand, expr.low), scope)} AND ${this.test(compare('<=', expr.operand, expr.high), scope)})`,
        );
      case 'like':
        return this.call('like', [expr.operand, expr.pattern, expr.escape ?? { type: 'literal', value: '' }], scope);
      case 'conditional':
        return value(
          `CASE WHEN ${this.test(expr.test, scope)} THEN ${this.value(expr.yes, scope)} ELSE ${this.value(expr.no, scope)} END`,
        );
      case 'call':
        return this.named(expr.name, expr.args, scope);
      case 'exists':
        return test(this.exists(expr.query, scope));
      case 'array':
        return value(`cx('array'${expr.items.map((item) => `, ${this.value(item, scope)}`).join('')})`);
      case 'object': {
        const parts = expr.entries.map(
          (entry) => `, ${quote(JSON.stringify(entry.name))}, ${this.value(entry.value, scope)}`,
        );
        return value(`cx('object'${parts.join('')})`);
      }
    }
  }

  private parameter(name: string): Piece {
    const kind = this.kinds.get(name);
    if (kind === undefined) throw badRequest(`The parameter ${name} is used in the query but not given.`);
    this.parameters.add(name);
    return { sql: name, form: 'value', isScalar: kind === 'scalar' };
  }

  private path(alias: string, steps: readonly (string | number)[], scope: Scope): string {
    const root = scope.get(alias);
    if (root === undefined) throw badRequest(`Identifier '${alias}' could not be resolved.`);
    if (steps.length === 0) return root;
    const path = jsonPath(steps);
    if (path !== undefined) return `(${root} -> ${path})`;
    return steps.reduce<string>((base, step) => `cx('step', ${base}, ${quote(JSON.stringify(step))})`, root);
  }

  private binary(expr: Extract<Expr, { type: 'binary' }>, scope: Scope): Piece {
    const { op, left, right } = expr;
    if (op === 'AND' || op === 'OR') return test(`(${this.test(left, scope)} ${op} ${this.test(right, scope)})`);
    if (op === '=') return test(this.equal(left, right, scope));
    if (op === '!=') return test(`(NOT ${this.equal(left, right, scope)})`);
    if (op === '??') return value(`coalesce(${this.value(left, scope)}, ${this.value(right, scope)})`);
    return this.call(op, [left, right], scope);
  }

  private equal(left: Expr, right: Expr, scope: Scope): string {
    const a = this.piece(left, scope);
    const b = this.piece(right, scope);
    if (a.isScalar || b.isScalar) return `(${this.value(left, scope)} = ${this.value(right, scope)})`;
    return `(cx('=', ${this.value(left, scope)}, ${this.value(right, scope)}) = 'true')`;
  }

  /** Lists of scalars stay one SQL list, however long they are. */
  private membership(operand: Expr, list: readonly Expr[], scope: Scope): string {
    const areScalar = list.every((item) => this.piece(item, scope).isScalar);
    if (!areScalar) return `(${list.map((item) => this.equal(operand, item, scope)).join(' OR ')})`;
    return `(${this.value(operand, scope)} IN (${list.map((item) => this.value(item, scope)).join(', ')}))`;
  }

  private named(name: string, args: readonly Expr[], scope: Scope): Piece {
    if (AGGREGATES.has(name)) return this.aggregate(name, args, scope);
    const first = args[0];
    if ((name === 'IS_DEFINED' || name === 'IS_NULL') && first !== undefined && args.length === 1) {
      const inner = this.value(first, scope);
      return test(name === 'IS_DEFINED' ? `(${inner} IS NOT NULL)` : `(coalesce(${inner}, '') = 'null')`);
    }
    if (!/^[A-Z]/.test(name)) throw badRequest(`'${name}' is not a recognized built-in function name.`);
    return this.call(name, args, scope);
  }

  private aggregate(name: string, args: readonly Expr[], scope: Scope): Piece {
    const argument = args[0];
    if (argument === undefined || args.length !== 1) throw badRequest(`The ${name} function requires 1 argument.`);
    if (hasAggregate(argument)) throw badRequest('Aggregates cannot be nested.');
    const inner = this.value(argument, scope);
    return value(name === 'COUNT' ? `CAST(count(${inner}) AS TEXT)` : `cx_${name.toLowerCase()}(${inner})`);
  }

  private call(name: string, args: readonly Expr[], scope: Scope): Piece {
    const builtin = FUNCTIONS.get(name);
    if (builtin === undefined)
      throw badRequest(`'${name}' is not a recognized built-in function name, or this stand-in does not support it.`);
    if (args.length < builtin.min || args.length > builtin.max)
      throw badRequest(`The ${name} function does not take ${args.length} arguments.`);
    const sql = `cx(${[quote(name), ...args.map((arg) => this.value(arg, scope))].join(', ')})`;
    return builtin.isBoolean ? test(`(${sql} = 'true')`) : value(sql);
  }

  private exists(query: Query, outer: Scope): string {
    const { from, select } = query;
    const isPlain =
      query.groupBy.length === 0 && query.orderBy.length === 0 && query.top === undefined && query.offset === undefined;
    if (from?.over === undefined || !isPlain || select.kind !== 'value') {
      throw badRequest('EXISTS is supported as EXISTS(SELECT VALUE x FROM x IN c.list [JOIN ...] [WHERE ...]).');
    }
    const scope = new Map(outer);
    const table = this.iterate(from.over, scope);
    scope.set(from.alias, `${table.name}.value`);
    const joins = this.joins(query, scope);
    const where = query.where === undefined ? '1' : this.test(query.where.expr, scope);
    if (hasAggregate(select.item.expr)) throw badRequest('Aggregates are not supported inside EXISTS.');
    return `EXISTS (SELECT 1 FROM ${table.sql}${joins} WHERE (${where}) AND ${this.value(select.item.expr, scope)} IS NOT NULL)`;
  }
}

function compare(op: '>=' | '<=', left: Expr, right: Expr): Expr {
  return { type: 'binary', op, left, right };
}

function value(sql: string): Piece {
  return { sql, form: 'value', isScalar: false };
}

function test(sql: string): Piece {
  return { sql, form: 'test', isScalar: true };
}

export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A SQLite JSON path, or undefined for names that such a path cannot say. */
function jsonPath(steps: readonly (string | number)[]): string | undefined {
  let path = '$';
  for (const step of steps) {
    if (typeof step === 'number') {
      if (!Number.isInteger(step) || step < 0) return undefined;
      path += `[${step}]`;
    } else {
      if (step === '' || JSON.stringify(step) !== `"${step}"`) return undefined;
      path += `."${step}"`;
    }
  }
  return quote(path);
}

/**
 * The columns that sort by one path: first by type (undefined, null, booleans, numbers, strings, arrays, objects),
 * then by value. Neither is ever NULL, so that a continuation can compare with them.
 */
export function sortColumns(root: string, steps: readonly string[]): [string, string] | undefined {
  const path = jsonPath(steps);
  if (path === undefined) return undefined;
  const rank = `CASE json_type(${root}, ${path}) WHEN 'null' THEN 1 WHEN 'false' THEN 2 WHEN 'true' THEN 3 WHEN 'integer' THEN 4
    WHEN 'real' THEN 4 WHEN 'text' THEN 5 WHEN 'array' THEN 6 WHEN 'object' THEN 7 ELSE 0 END`;
  const raw = `(${root} ->> ${path})`;
  return [rank, `CASE typeof(${raw}) WHEN 'integer' THEN CAST(${raw} AS REAL) WHEN 'null' THEN 0 ELSE ${raw} END`];
}
