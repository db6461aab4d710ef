import type { IncomingHttpHeaders } from 'node:http';

type Stop = 'complete' | 'truncated' | 'refused';

export interface VendorFault {
  status: number;
  message: string;
}

const ANTHROPIC_STOPS: Record<Stop, string> = { complete: 'end_turn', truncated: 'max_tokens', refused: 'refusal' };

export interface VendorUsage {
  /** The whole input, cached parts included. */
  input: number;
  output: number;
  cached?: number;
  cacheWrite?: number;
}

export function anthropicAnswer(model: string, text: string, stop: Stop, usage: VendorUsage): object {
  const cached = usage.cached ?? 0;
  const written = usage.cacheWrite ?? 0;
  return {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model,
    content: stop === 'refused' ? [] : [{ type: 'text', text }],
    stop_reason: ANTHROPIC_STOPS[stop],
    stop_sequence: null,
    usage: {
      input_tokens: usage.input - cached - written,
      output_tokens: usage.output,
      cache_read_input_tokens: cached,
      cache_creation_input_tokens: written,
    },
  };
}

export function anthropicError(type: string, message: string): object {
  return { type: 'error', error: { type, message } };
}

const OPENAI_STOPS: Record<Stop, string> = { complete: 'stop', truncated: 'length', refused: 'stop' };

export function openAiAnswer(model: string, text: string, stop: Stop, usage: VendorUsage): object {
  const isRefused = stop === 'refused';
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model,
    choices: [
      {
        index: 0,
        finish_reason: OPENAI_STOPS[stop],
        message: { role: 'assistant', content: isRefused ? null : text, refusal: isRefused ? text : null },
      },
    ],
    usage: {
      prompt_tokens: usage.input,
      completion_tokens: usage.output,
      total_tokens: usage.input + usage.output,
      prompt_tokens_details: { cached_tokens: usage.cached ?? 0, cache_write_tokens: usage.cacheWrite ?? 0 },
    },
  };
}

export function openAiError(type: string, message: string): object {
  return { error: { type, code: type, message, param: null } };
}

export function findAnthropicFault(
  headers: IncomingHttpHeaders,
  body: Record<string, unknown>,
): VendorFault | undefined {
  // The vendor takes a key in either header; newer SDKs send the second.
  if (!headers['x-api-key'] && !headers.authorization) return { status: 401, message: 'x-api-key header is required' };
  if (!headers['anthropic-version']) return { status: 400, message: 'anthropic-version: header is required' };
  if (typeof body['max_tokens'] !== 'number') return { status: 400, message: 'max_tokens: Field required' };
  const faults = [...walk(body['system']), ...walk(body['messages'])].flatMap((node) =>
    node['text'] === '' || node['content'] === '' ? ['text content blocks must be non-empty'] : [],
  );
  const format = [...walk(body['output_config'])].find((node) => node['type'] === 'json_schema');
  if (format) faults.push(...findSchemaFaults(format['schema']));
  return faults[0] === undefined ? undefined : { status: 400, message: faults[0] };
}

export function findOpenAiFault(headers: IncomingHttpHeaders, body: Record<string, unknown>): VendorFault | undefined {
  if (!headers.authorization) return { status: 401, message: 'You did not provide an API key.' };
  const format = [...walk(body['response_format'])].find((node) => 'strict' in node);
  if (format?.['strict'] !== true) return undefined;
  const faults = findSchemaFaults(format['schema']);
  for (const node of walk(format['schema'])) {
    if (node['type'] !== 'object') continue;
    const names = Object.keys(Object(node['properties']));
    const required: unknown = node['required'];
    if (!Array.isArray(required) || names.some((name) => !required.includes(name))) {
      faults.push("'required' is required to be supplied and to be an array including every key in properties");
    }
  }
  return faults[0] === undefined ? undefined : { status: 400, message: faults[0] };
}

/** Keywords that constrained decoding of at least one of the vendors, or of Azure OpenAI, refuses. */
const REFUSED_KEYWORDS = [
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'maxItems',
  'pattern',
  'oneOf',
  'allOf',
  'default',
];

function findSchemaFaults(schema: unknown): string[] {
  return [...walk(schema)].flatMap((node) => {
    // A property may carry a keyword's name; only nodes that are schemas are looked at.
    const isSchema = typeof node['type'] === 'string' || Array.isArray(node['type']) || 'oneOf' in node;
    if (!isSchema) return [];
    const faults = REFUSED_KEYWORDS.filter((keyword) => keyword in node).map(
      (keyword) => `'${keyword}' is not permitted`,
    );
    if (node['type'] === 'object' && node['additionalProperties'] !== false)
      faults.push("'additionalProperties' must be false");
    return faults;
  });
}

/** Every object within a JSON value. */
function* walk(value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return;
  // An object that came from JSON has string keys.
  if (!Array.isArray(value)) yield value as Record<string, unknown>;
  for (const child of Object.values(value)) yield* walk(child);
}
