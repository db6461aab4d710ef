import { types } from 'node:util';

/** What stands where a password, a token, a key or a student's text would have been. */
export const REDACTED = '[redacted]';

const STRING_CHARS_MAX = 1_000;
const NAME_CHARS_MAX = 100;
const DEPTH_MAX = 6;
const FIELDS_MAX = 60;
const ITEMS_MAX = 20;
const STACK_LINES_MAX = 8;
const CAUSES_MAX = 4;
const RECORD_CHARS_MAX = 16_000;

// Names that mean a credential wherever they occur in a name, even run together ("APIKEY", "passwordhash").
const CREDENTIAL_PART =
  /passw|passphrase|secret|apikey|accesskey|accountkey|privatekey|signingkey|sharedaccess|authorization|cookie|connectionstring|credential|jwt|token$/;
const CREDENTIAL_WORDS = new Set([
  'token',
  'tokens',
  'key',
  'keys',
  'pwd',
  'otp',
  'pin',
  'sas',
  'sig',
  'signature',
  'bearer',
]);
const HARMLESS_KEY = /^(?:partition|idempotency|cache|sort)key$/;
const TEXT_WORDS = new Set(
  'content contents text texts body bodies answer answers feedback essay prompt prompts html markdown quote quotes evidence transcript comment comments input output completion'.split(
    ' ',
  ),
);
/** Last words that make a number a measure of the thing ("answer_count", "tokens_in") and not the thing. */
const MEASURES = new Set(
  'tokens count length bytes size chars ms s seconds days in out total limit max min cost usd cached at age index version'.split(
    ' ',
  ),
);
/** Last words that make a text a label of the thing ("content_type", "token_id") and not the thing. */
const TEXT_LABELS = new Set('type id ids hash encoding language status version format at'.split(' '));
const CREDENTIAL_LABELS = new Set(['type', 'id']);

/** How a field is treated because of its name. */
type NameRule = 'open' | 'closed' | 'number_only' | 'label';

const rulesByName = new Map<string, NameRule>();
const RULES_REMEMBERED_MAX = 2_000;

function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
}

function judgeName(name: string): NameRule {
  const words = wordsOf(name);
  const joined = words.join('');
  const isCredential =
    !HARMLESS_KEY.test(joined) && (CREDENTIAL_PART.test(joined) || words.some((word) => CREDENTIAL_WORDS.has(word)));
  const isText = words.some((word) => TEXT_WORDS.has(word));
  if (!isCredential && !isText) return 'open';
  const last = words.at(-1) ?? '';
  if ((isCredential ? CREDENTIAL_LABELS : TEXT_LABELS).has(last)) return 'label';
  return MEASURES.has(last) ? 'number_only' : 'closed';
}

function ruleFor(name: string): NameRule {
  let rule = rulesByName.get(name);
  if (rule === undefined) {
    rule = judgeName(name.slice(0, NAME_CHARS_MAX));
    if (rulesByName.size >= RULES_REMEMBERED_MAX) rulesByName.clear();
    rulesByName.set(name, rule);
  }
  return rule;
}

function isShown(name: string, value: unknown): boolean {
  if (value === null || typeof value === 'boolean') return true;
  const rule = ruleFor(name);
  if (rule === 'open') return true;
  if (rule === 'closed') return false;
  return typeof value === 'number' || (rule === 'label' && typeof value === 'string');
}

// Things that are secret by their look, wherever they turn up: signed tokens, schemes of the Authorization header, vendor keys, our own API keys,
// parts of connection strings, signatures and credentials in addresses, password hashes.
const SECRET_LOOK = new RegExp(
  [
    String.raw`\beyJ[\w-]{5,}(?:\.[\w-]*){1,4}`,
    String.raw`\b(?:Bearer|Basic)\s+[\w\-.~+/=]{6,}`,
    String.raw`\bsk-[\w-]{6,}`,
    String.raw`\b[a-z]{2,8}_[0-9a-f]{8}_[0-9A-Za-z]{6,}`,
    // Our own refresh tokens and device tokens.
    String.raw`\bly[rd]_[\w-]{6,}`,
    String.raw`\b(?:AccountKey|SharedAccessKey|SharedAccessSignature|SharedSecretValue)\s*=\s*[^;"'\s]+`,
    String.raw`[?&](?:sig|code|key|token|access_token|refresh_token|id_token|api[_-]?key|password)=[^&\s"'#]+`,
    String.raw`\/\/[^\s/:@]*:[^\s/@]+@`,
    String.raw`\$2[abxy]\$\d\d\$[./\w]{20,}`,
    String.raw`-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`,
  ].join('|'),
  'gi',
);

/** Cuts a text to a bounded length and takes everything out of it that looks like a credential. */
export function redactText(text: string, charsMax: number = STRING_CHARS_MAX): string {
  // Cut with a margin first, so that a huge text costs nothing and a credential that straddles the cut is still recognised.
  const near = text.length > charsMax + 200 ? text.slice(0, charsMax + 200) : text;
  const clean = near.replace(SECRET_LOOK, REDACTED);
  return clean.length > charsMax || near.length < text.length
    ? `${clean.slice(0, charsMax)}... (${text.length} characters)`
    : clean;
}

/** What is left to spend on one record, and the objects that are being written, to notice a cycle. */
interface Budget {
  chars: number;
  open: unknown[];
}

function spend(budget: Budget, text: string): string {
  const clean = redactText(text);
  budget.chars -= clean.length;
  return clean;
}

// JSON.parse quotes the text that it could not read, and that text may be a student's.
const QUOTED_BY_JSON_PARSE = /(?:\.\.\.)?"[\s\S]*"(?:\.\.\.)?(?= is not valid JSON)/;
const TOKEN_OF_JSON_PARSE = /^Unexpected token '?[\s\S]{1,2}'?,/;

function errorMessage(error: Error): string {
  const { message } = error;
  if (typeof message !== 'string') return '';
  if (error.name !== 'SyntaxError') return message;
  return message.replace(QUOTED_BY_JSON_PARSE, REDACTED).replace(TOKEN_OF_JSON_PARSE, 'Unexpected token,');
}

function stackLines(error: Error): string | undefined {
  if (typeof error.stack !== 'string') return undefined;
  // The stack repeats the message, which is already shown in its redacted form: only the frames are kept.
  const messageAt = error.message === '' ? -1 : error.stack.indexOf(error.message);
  const frames = messageAt < 0 ? error.stack : error.stack.slice(messageAt + error.message.length);
  return frames
    .split('\n')
    .filter((line) => /^ {4}at /.test(line))
    .slice(0, STACK_LINES_MAX)
    .map((line) => line.trim())
    .join(' | ');
}

function describeError(error: Error, budget: Budget, depth: number): Record<string, unknown> {
  const described: Record<string, unknown> = {
    name: spend(budget, String(error.name)),
    message: spend(budget, errorMessage(error)),
  };
  if ('code' in error && (typeof error.code === 'string' || typeof error.code === 'number')) {
    described['code'] = typeof error.code === 'string' ? spend(budget, error.code) : error.code;
  }
  const stack = stackLines(error);
  if (stack) described['stack'] = spend(budget, stack);
  if (depth < CAUSES_MAX) {
    if (error.cause !== undefined) described['cause'] = describeCause(error.cause, budget, depth);
    if (error instanceof AggregateError) {
      described['errors'] = error.errors.slice(0, CAUSES_MAX).map((inner) => describeCause(inner, budget, depth));
    }
  }
  return described;
}

function describeCause(cause: unknown, budget: Budget, depth: number): unknown {
  if (isError(cause)) {
    if (budget.open.includes(cause)) return '[circular]';
    return within(budget, cause, () => describeError(cause, budget, depth + 1));
  }
  return clean(cause, budget, depth + 1);
}

function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value);
}

function within<T>(budget: Budget, value: unknown, write: () => T): T {
  budget.open.push(value);
  try {
    return write();
  } finally {
    budget.open.pop();
  }
}

function cleanObject(value: object, budget: Budget, depth: number): unknown {
  if (budget.open.includes(value)) return '[circular]';
  if (isError(value)) return within(budget, value, () => describeError(value, budget, 0));
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof URL) return spend(budget, value.href);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
  if (depth >= DEPTH_MAX) return '[deeper]';
  if (Array.isArray(value)) return within(budget, value, () => cleanArray(value, budget, depth));
  if (value instanceof Set) return within(budget, value, () => cleanArray([...value], budget, depth));
  if (value instanceof Map) {
    return within(budget, value, () => cleanFields(Object.fromEntries([...value].slice(0, FIELDS_MAX)), budget, depth));
  }
  return within(budget, value, () => cleanFields(value, budget, depth));
}

function cleanArray(items: readonly unknown[], budget: Budget, depth: number): unknown[] {
  const shown = items.slice(0, ITEMS_MAX).map((item) => clean(item, budget, depth + 1) ?? null);
  if (items.length > ITEMS_MAX) shown.push(`[${items.length - ITEMS_MAX} more]`);
  return shown;
}

function readField(object: object, name: string): unknown {
  try {
    return Reflect.get(object, name);
  } catch {
    return '[unreadable]';
  }
}

function cleanFields(object: object, budget: Budget, depth: number): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  let fields = 0;
  for (const name of Object.keys(object)) {
    if (fields >= FIELDS_MAX || budget.chars <= 0) {
      shown['more'] = true;
      break;
    }
    const value = readField(object, name);
    if (value === undefined || typeof value === 'function' || name === '__proto__') continue;
    fields += 1;
    budget.chars -= name.length + 4;
    const shownName = name.length > 24 ? redactText(name, NAME_CHARS_MAX) : name;
    shown[shownName] = isShown(name, value) ? clean(value, budget, depth + 1) : REDACTED;
  }
  return shown;
}

function clean(value: unknown, budget: Budget, depth: number): unknown {
  if (budget.chars <= 0) return '[cut]';
  switch (typeof value) {
    case 'string':
      return spend(budget, value);
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'boolean':
    case 'undefined':
      return value;
    case 'bigint':
      return value.toString();
    case 'object':
      return value === null ? null : cleanObject(value, budget, depth);
    default:
      return `[${typeof value}]`;
  }
}

/**
 * A copy of the fields that is safe to print: bounded in depth, number and length, free of cycles, and without any password, token, key
 * or text that a person wrote. What a field holds is judged by its name (in any spelling) and by the look of its value.
 */
export function redactFields(fields: object): Record<string, unknown> {
  const budget: Budget = { chars: RECORD_CHARS_MAX, open: [fields] };
  return isError(fields) ? describeError(fields, budget, 0) : cleanFields(fields, budget, 0);
}
