import { badRequest } from './errors.ts';
import type { Token } from './sql-lexer.ts';
import { tokenise } from './sql-lexer.ts';
import type { BinaryOp } from './sql-tree.ts';

const DEPTH_MAX = 100;

/** A place in the tokens of a query, and the steps that a parser takes there. */
export class TokenCursor {
  protected readonly sql: string;
  private readonly tokens: Token[];
  private at = 0;
  private depth = 0;

  constructor(sql: string) {
    this.sql = sql;
    this.tokens = tokenise(sql);
  }

  /** Refuses nesting that would exhaust the stack. */
  protected nested<T>(work: () => T): T {
    this.depth += 1;
    if (this.depth > DEPTH_MAX) throw badRequest('The query is nested too deeply.');
    const result = work();
    this.depth -= 1;
    return result;
  }

  protected commaList<T>(item: () => T): T[] {
    const list = [item()];
    while (this.accept(',')) list.push(item());
    return list;
  }

  protected operator(ops: readonly BinaryOp[]): BinaryOp | undefined {
    const token = this.peek();
    const op =
      token.kind === 'symbol' || token.kind === 'keyword'
        ? ops.find((candidate) => candidate === token.text)
        : undefined;
    if (op !== undefined) this.next();
    return op;
  }

  protected name(): string {
    const token = this.next();
    return token.kind === 'name' ? token.text : this.fail(token);
  }

  protected peekSymbol(text: string): boolean {
    return this.peek().kind === 'symbol' && this.peek().text === text;
  }

  protected accept(text: string): boolean {
    const token = this.peek();
    const fits = (token.kind === 'symbol' || token.kind === 'keyword') && token.text === text;
    if (fits) this.at += 1;
    return fits;
  }

  protected expect(text: string): void {
    if (!this.accept(text)) this.fail();
  }

  protected peek(ahead = 0): Token {
    return (
      this.tokens[Math.min(this.at + ahead, this.tokens.length - 1)] ?? { kind: 'end', text: '', start: 0, end: 0 }
    );
  }

  protected next(): Token {
    const token = this.peek();
    this.at += 1;
    return token;
  }

  protected lastEnd(start: number): number {
    return Math.max(start, this.tokens[this.at - 1]?.end ?? start);
  }

  protected fail(token = this.peek()): never {
    throw badRequest(`Syntax error, incorrect syntax near '${token.text}' at position ${token.start}.`);
  }
}
