import { badRequest } from './errors.ts';
import { TokenCursor } from './sql-cursor.ts';
import type { Token } from './sql-lexer.ts';
import type { BinaryOp, Expr, Query, Select, SelectItem, Sourced } from './sql-tree.ts';

/** Lowest first; NOT stands between AND and the comparisons. */
const LEVELS: readonly (readonly BinaryOp[])[] = [
  ['??'],
  ['OR'],
  ['AND'],
  ['=', '!=', '<', '<=', '>', '>='],
  ['||'],
  ['+', '-'],
  ['*', '/', '%'],
];
const NOT_LEVEL = 3;
const CONCAT_LEVEL = 4;
const CHAIN_MAX = 200;

/** Parses a whole query. Throws 400 where the text is not in the supported part of the language. */
export function parseQuery(sql: string): Query {
  const parser = new Parser(sql);
  const query = parser.query();
  parser.finish();
  return query;
}

class Parser extends TokenCursor {
  finish(): void {
    if (this.peek().kind !== 'end') this.fail();
  }

  query(): Query {
    this.expect('SELECT');
    const distinct = this.accept('DISTINCT');
    const top = this.accept('TOP') ? this.count() : undefined;
    const select = this.select();
    const fromStart = this.peek().start;
    const from = this.accept('FROM') ? this.from() : undefined;
    const joins: Query['joins'] = [];
    while (this.accept('JOIN')) joins.push(this.iteration());
    const fromText = this.sql.slice(fromStart, this.lastEnd(fromStart));
    const where = this.accept('WHERE') ? this.sourced() : undefined;
    const groupBy = this.accept('GROUP') ? this.byList(() => this.sourced()) : [];
    const orderBy = this.accept('ORDER') ? this.byList(() => this.orderTerm()) : [];
    let offset: Expr | undefined;
    let limit: Expr | undefined;
    if (this.accept('OFFSET')) {
      offset = this.count();
      this.expect('LIMIT');
      limit = this.count();
    }
    return { distinct, top, select, from, joins, fromText, where, groupBy, orderBy, offset, limit };
  }

  private select(): Select {
    if (this.accept('*')) return { kind: 'star' };
    if (this.accept('VALUE')) return { kind: 'value', item: this.selectItem() };
    return { kind: 'list', items: this.commaList(() => this.selectItem()) };
  }

  private selectItem(): SelectItem {
    const sourced = this.sourced();
    const isNamed = this.accept('AS') || this.peek().kind === 'name';
    return { ...sourced, alias: isNamed ? this.name() : undefined };
  }

  private from(): NonNullable<Query['from']> {
    const first = this.name();
    if (this.peek().text === '.' || this.peek().text === '[')
      throw badRequest('FROM can only name the container or iterate an array with IN.');
    if (this.accept('IN')) return { alias: first, over: this.primary() };
    const isNamed = this.accept('AS') || this.peek().kind === 'name';
    return { alias: isNamed ? this.name() : first, over: undefined };
  }

  private iteration(): { alias: string; over: Expr } {
    const alias = this.name();
    this.expect('IN');
    const over = this.primary();
    if (over.type !== 'path') throw badRequest('JOIN can only iterate an array of a document: JOIN x IN c.list.');
    return { alias, over };
  }

  private orderTerm(): Query['orderBy'][number] {
    const sourced = this.sourced();
    const isDescending = this.accept('DESC');
    if (!isDescending) this.accept('ASC');
    return { ...sourced, isDescending };
  }

  /** TOP, OFFSET and LIMIT take a number or a parameter. */
  private count(): Expr {
    const expr = this.primary();
    if (expr.type !== 'parameter' && !(expr.type === 'literal' && Number.isInteger(expr.value))) this.fail();
    return expr;
  }

  private byList<T>(item: () => T): T[] {
    this.expect('BY');
    return this.commaList(item);
  }

  private sourced(): Sourced {
    const start = this.peek().start;
    const expr = this.expression();
    return { expr, text: this.sql.slice(start, this.lastEnd(start)) };
  }

  private expression(): Expr {
    return this.nested(() => {
      const test = this.binary(0);
      if (!this.accept('?')) return test;
      const yes = this.expression();
      this.expect(':');
      return { type: 'conditional', test, yes, no: this.expression() };
    });
  }

  private binary(level: number): Expr {
    const ofLevel = LEVELS[level];
    if (ofLevel === undefined) return this.unary();
    if (level === NOT_LEVEL) {
      let negations = 0;
      while (this.accept('NOT')) negations += 1;
      let expr = this.comparison();
      for (; negations > 0; negations -= 1) expr = { type: 'not', operand: expr };
      return expr;
    }
    const first = this.binary(level + 1);
    const ops: BinaryOp[] = [];
    const operands = [first];
    for (let op = this.operator(ofLevel); op !== undefined; op = this.operator(ofLevel)) {
      ops.push(op);
      operands.push(this.binary(level + 1));
    }
    const [op] = ops;
    if (op === 'AND' || op === 'OR') return balanced(op, operands);
    if (ops.length > CHAIN_MAX) throw badRequest('The query has too many operators in a row.');
    return ops.reduce<Expr>(
      (left, each, at) => ({ type: 'binary', op: each, left, right: operands[at + 1] ?? first }),
      first,
    );
  }

  private comparison(): Expr {
    let left = this.binary(CONCAT_LEVEL);
    const ops = LEVELS[NOT_LEVEL] ?? [];
    for (let op = this.operator(ops); op !== undefined; op = this.operator(ops)) {
      left = { type: 'binary', op, left, right: this.binary(CONCAT_LEVEL) };
    }
    const next = this.peek(1).text;
    const isNegated =
      this.peek().text === 'NOT' && (next === 'IN' || next === 'BETWEEN' || next === 'LIKE') && this.accept('NOT');
    const test = this.membership(left);
    return isNegated ? { type: 'not', operand: test } : test;
  }

  private membership(operand: Expr): Expr {
    if (this.accept('IN')) {
      this.expect('(');
      const list = this.commaList(() => this.expression());
      this.expect(')');
      return { type: 'in', operand, list };
    }
    if (this.accept('BETWEEN')) {
      const low = this.binary(CONCAT_LEVEL);
      this.expect('AND');
      return { type: 'between', operand, low, high: this.binary(CONCAT_LEVEL) };
    }
    if (this.accept('LIKE')) {
      const pattern = this.binary(CONCAT_LEVEL);
      return { type: 'like', operand, pattern, escape: this.accept('ESCAPE') ? this.binary(CONCAT_LEVEL) : undefined };
    }
    return operand;
  }

  private unary(): Expr {
    if (this.accept('-')) return { type: 'minus', operand: this.nested(() => this.unary()) };
    if (this.accept('+')) return { type: 'plus', operand: this.nested(() => this.unary()) };
    return this.postfix(this.primary());
  }

  private primary(): Expr {
    const token = this.next();
    switch (token.kind) {
      case 'number':
        return { type: 'literal', value: Number(token.text) };
      case 'string':
        return { type: 'literal', value: token.text };
      case 'parameter':
        return { type: 'parameter', name: token.text };
      case 'name':
        if (this.peek().text === '(' && this.peek().kind === 'symbol') return this.call(token.text);
        return this.postfix({ type: 'path', alias: token.text, steps: [] });
      case 'keyword':
        return this.keyword(token);
      default:
        return this.bracketed(token);
    }
  }

  private keyword(token: Token): Expr {
    if (token.text === 'NULL') return { type: 'literal', value: null };
    if (token.text === 'TRUE' || token.text === 'FALSE') return { type: 'literal', value: token.text === 'TRUE' };
    if (token.text === 'UNDEFINED') return { type: 'literal', value: undefined };
    if (token.text === 'EXISTS') {
      this.expect('(');
      const query = this.query();
      this.expect(')');
      return { type: 'exists', query };
    }
    return this.fail(token);
  }

  private bracketed(token: Token): Expr {
    if (token.text === '(') {
      if (this.peek().text === 'SELECT')
        throw badRequest('Scalar subqueries are not supported; EXISTS(SELECT VALUE ...) is.');
      const expr = this.expression();
      this.expect(')');
      return expr;
    }
    if (token.text === '[') {
      const items = this.peek().text === ']' ? [] : this.commaList(() => this.expression());
      this.expect(']');
      return { type: 'array', items };
    }
    if (token.text === '{') {
      const entries = this.peek().text === '}' ? [] : this.commaList(() => this.entry());
      this.expect('}');
      return { type: 'object', entries };
    }
    return this.fail(token);
  }

  private entry(): { name: string; value: Expr } {
    const token = this.next();
    if (token.kind !== 'string' && token.kind !== 'name') this.fail(token);
    this.expect(':');
    return { name: token.text, value: this.expression() };
  }

  private call(name: string): Expr {
    this.expect('(');
    const args = this.peek().text === ')' ? [] : this.commaList(() => this.expression());
    this.expect(')');
    return this.postfix({ type: 'call', name: name.toUpperCase(), args });
  }

  private postfix(base: Expr): Expr {
    let expr = base;
    for (;;) {
      if (this.peekSymbol('.')) {
        this.next();
        expr = withStep(expr, { type: 'literal', value: this.name() });
      } else if (this.peekSymbol('[')) {
        this.next();
        expr = withStep(expr, this.expression());
        this.expect(']');
      } else return expr;
    }
  }
}

/** Long chains become flat trees, which neither this code nor SQLite finds too deep. */
function balanced(op: 'AND' | 'OR', operands: readonly Expr[]): Expr {
  const [only] = operands;
  if (only !== undefined && operands.length === 1) return only;
  const half = operands.length >> 1;
  return { type: 'binary', op, left: balanced(op, operands.slice(0, half)), right: balanced(op, operands.slice(half)) };
}

function withStep(expr: Expr, step: Expr): Expr {
  if (
    expr.type === 'path' &&
    step.type === 'literal' &&
    (typeof step.value === 'string' || typeof step.value === 'number')
  ) {
    return { ...expr, steps: [...expr.steps, step.value] };
  }
  return { type: 'member', object: expr, step };
}
