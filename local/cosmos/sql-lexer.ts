import { badRequest } from './errors.ts';

export interface Token {
  kind: 'name' | 'keyword' | 'number' | 'string' | 'parameter' | 'symbol' | 'end';
  /** Keywords in upper case, strings without quotes and escapes. */
  text: string;
  start: number;
  end: number;
}

const KEYWORDS = new Set(
  'SELECT DISTINCT TOP VALUE AS FROM IN JOIN WHERE AND OR NOT BETWEEN LIKE ESCAPE ORDER GROUP BY ASC DESC OFFSET LIMIT EXISTS ARRAY NULL TRUE FALSE UNDEFINED'.split(
    ' ',
  ),
);
const TOKEN =
  /(?<space>\s+|--[^\n]*)|(?<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?<name>[A-Za-z_]\w*)|(?<parameter>@\w+)|(?<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?<symbol>!=|<>|<=|>=|\|\||\?\?|[=<>+\-*/%()[\]{},.:?])/suy;
const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

export function tokenise(sql: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < sql.length) {
    const start = TOKEN.lastIndex;
    const groups = TOKEN.exec(sql)?.groups;
    if (groups === undefined)
      throw badRequest(`Syntax error, incorrect syntax near '${sql.slice(start, start + 20)}'.`);
    const end = TOKEN.lastIndex;
    if (groups['space'] === undefined) tokens.push(toToken(groups, sql.slice(start, end), start, end));
  }
  tokens.push({ kind: 'end', text: 'end of query', start: sql.length, end: sql.length });
  return tokens;
}

function toToken(groups: Record<string, string | undefined>, text: string, start: number, end: number): Token {
  if (groups['number'] !== undefined) return { kind: 'number', text, start, end };
  if (groups['parameter'] !== undefined) return { kind: 'parameter', text, start, end };
  if (groups['string'] !== undefined) return { kind: 'string', text: unescaped(text.slice(1, -1)), start, end };
  if (groups['symbol'] !== undefined) return { kind: 'symbol', text: text === '<>' ? '!=' : text, start, end };
  const upper = text.toUpperCase();
  return KEYWORDS.has(upper) ? { kind: 'keyword', text: upper, start, end } : { kind: 'name', text, start, end };
}

function unescaped(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/gsu, (_match, code: string | undefined, char: string | undefined) =>
    code !== undefined ? String.fromCharCode(Number.parseInt(code, 16)) : (ESCAPES[char ?? ''] ?? char ?? ''),
  );
}
