import type { HttpRequest } from '@azure/functions';
import { AppError, validationError } from './errors.ts';
import { isCleanText } from './rich-text.ts';

const maxDepth = 64;
const utf8 = new TextDecoder('utf-8', { fatal: true });

function invalid(msg: string, type: string, cause?: unknown): AppError {
  return validationError([{ loc: ['body'], msg, type }], cause);
}

async function readBytes(request: HttpRequest, limitBytes: number): Promise<Uint8Array> {
  const tooLarge = () => new AppError('payload_too_large', `The body may have at most ${limitBytes} bytes.`);
  const declared = request.headers.get('content-length');
  if (declared !== null) {
    if (Number(declared) > limitBytes) throw tooLarge();
    return new Uint8Array(await request.arrayBuffer());
  }
  // Without a declared length the body is counted while it arrives, so that nobody can fill the memory.
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    const bytes = chunk instanceof Uint8Array ? chunk : Buffer.from(String(chunk));
    size += bytes.byteLength;
    if (size > limitBytes) throw tooLarge();
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

/** True when brackets nest deeper than any honest body; checked on the text because parsers and printers recurse. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === 92) i += 1;
      else if (code === 34) inString = false;
    } else if (code === 34) inString = true;
    else if (code === 123 || code === 91) {
      depth += 1;
      if (depth > maxDepth) return true;
    } else if (code === 125 || code === 93) depth -= 1;
  }
  return false;
}

function uncleanPath(value: unknown, path: (string | number)[]): (string | number)[] | undefined {
  if (typeof value === 'string') return isCleanText(value) ? undefined : path;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, item] of Object.entries(value)) {
    if (!isCleanText(key)) return path;
    const found = uncleanPath(item, [...path, Array.isArray(value) ? Number(key) : key]);
    if (found) return found;
  }
  return undefined;
}

function assertClean(value: unknown): void {
  const loc = uncleanPath(value, ['body']);
  if (loc)
    throw validationError([{ loc, msg: 'Text contains characters that cannot be stored', type: 'unclean_text' }]);
}

function parseJson(text: string): unknown {
  if (isTooDeep(text)) throw invalid(`The body is nested deeper than ${maxDepth} levels`, 'too_deep');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid('The body is not valid JSON', 'json_invalid', error);
  }
  // Only an escape can bring these characters in, because the bytes were checked to be UTF-8.
  if (/\\u(?:0000|d[89a-f])/i.test(text)) assertClean(value);
  return value;
}

function mediaType(request: HttpRequest): 'json' | 'form' | 'other' {
  const declared = request.headers.get('content-type');
  if (declared === null) return 'json';
  const type = declared.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type === 'application/json' || type.endsWith('+json')) return 'json';
  return type === 'application/x-www-form-urlencoded' ? 'form' : 'other';
}

/** The body as a value, still unchecked against any schema. An absent body is undefined. */
export async function readBody(
  request: HttpRequest,
  consumes: readonly ('json' | 'form')[],
  limitBytes: number,
): Promise<unknown> {
  const bytes = await readBytes(request, limitBytes);
  if (bytes.byteLength === 0) return undefined;
  const type = mediaType(request);
  if (type === 'other' || !consumes.includes(type)) {
    throw new AppError('unsupported_media_type', `This endpoint reads ${consumes.join(' or ')}.`);
  }
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch (error) {
    throw invalid('The body is not valid UTF-8', 'utf8_invalid', error);
  }
  if (type === 'json') return parseJson(text);
  const form = Object.fromEntries(new URLSearchParams(text));
  assertClean(form);
  return form;
}
