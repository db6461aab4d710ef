import type { Endpoint } from '../../shared/platform/define-endpoint.ts';

type Json = Record<string, unknown>;

/** A JSON Schema of the kind that zod prints, as a TypeScript type. Fails on what it does not know. */
export function typeOf(schema: unknown): string {
  if (typeof schema !== 'object' || schema === null) return 'unknown';
  const json = schema as Json;
  if (typeof json['$ref'] === 'string') return json['$ref'].replace('#/components/schemas/', '');
  if (json['const'] !== undefined) return JSON.stringify(json['const']);
  if (Array.isArray(json['enum'])) return json['enum'].map((value) => JSON.stringify(value)).join(' | ');
  const union = json['anyOf'] ?? json['oneOf'];
  if (Array.isArray(union)) return [...new Set(union.map(typeOf))].join(' | ');
  if (Array.isArray(json['allOf'])) return json['allOf'].map(typeOf).join(' & ');
  return plainType(json);
}

function plainType(json: Json): string {
  const { type } = json;
  if (Array.isArray(type)) return type.map((one) => plainType({ ...json, type: one })).join(' | ');
  switch (json['type']) {
    case 'string':
      return 'string';
    case 'number':
    case 'integer':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'null':
      return 'null';
    case 'array':
      return `${grouped(typeOf(json['items']))}[]`;
    case 'object':
      return objectType(json);
    case undefined:
      return 'unknown';
    default:
      throw new Error(`The client generator does not know the schema type ${JSON.stringify(json['type'])}.`);
  }
}

function grouped(type: string): string {
  return /[|&]/.test(type) ? `(${type})` : type;
}

function objectType(json: Json): string {
  const properties = json['properties'] as Record<string, Json> | undefined;
  if (properties === undefined) {
    const values = json['additionalProperties'];
    return `Record<string, ${typeof values === 'object' ? typeOf(values) : 'unknown'}>`;
  }
  const required = (json['required'] as string[] | undefined) ?? [];
  const lines = Object.entries(properties).map(([name, property]) => {
    const comment = typeof property['description'] === 'string' ? `/** ${property['description']} */\n` : '';
    return `${comment}${name}${required.includes(name) ? '' : '?'}: ${typeOf(property)};`;
  });
  return `{\n${indent(lines.join('\n'))}\n}`;
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '  ');
}

function camel(name: string): string {
  return name.replace(/-(\w)/g, (_match, letter: string) => letter.toUpperCase());
}

interface Operation {
  parameters: { name: string; in: string; required: boolean; schema: Json; description?: string }[];
  requestBody?: { content: Record<string, { schema: Json }> };
  responses: Record<string, { content?: Record<string, { schema?: Json }> }>;
}

function method(endpoint: Endpoint, operation: Operation): string {
  const path = operation.parameters.filter((parameter) => parameter.in === 'path');
  const query = operation.parameters.filter((parameter) => parameter.in === 'query');
  const body = operation.requestBody?.content['application/json']?.schema;
  const fields = [...path, ...query].map(
    ({ name, required, schema }) => `${name}${required ? '' : '?'}: ${typeOf(schema)}`,
  );
  if (body !== undefined) fields.push(`body: ${typeOf(body)}`);
  if (endpoint.idempotent) fields.push('idempotencyKey?: string');
  if (endpoint.errors.includes('precondition_failed')) fields.push('ifMatch?: string');
  const isOptional = path.length === 0 && body === undefined;
  const schema = operation.responses[String(endpoint.success.status)]?.content?.['application/json']?.schema;
  const isPage = 'page' in endpoint.success;
  const result = isPage ? `Page<${typeOf((schema as Json)['items'])}>` : typeOf(schema);
  const route = endpoint.routes[0] ?? '';
  const url = `/${route.replace(/^\//, '')}`.replace(
    /\{(\w+)\}/g,
    (_match, name: string) => `\${encodeURIComponent(args.${name})}`,
  );
  const args = fields.length === 0 ? '' : `args: { ${fields.join('; ')} }${isOptional ? ' = {}' : ''}`;
  const options = [
    ...(query.length > 0 ? [`query: { ${query.map(({ name }) => `${name}: args.${name}`).join(', ')} }`] : []),
    ...(body === undefined ? [] : ['body: args.body']),
    ...(endpoint.idempotent ? ['idempotencyKey: args.idempotencyKey'] : []),
    ...(endpoint.errors.includes('precondition_failed') ? ['ifMatch: args.ifMatch'] : []),
  ];
  const call = `${isPage ? 'page' : 'json'}<${isPage ? typeOf((schema as Json)['items']) : result}>('${endpoint.method}', \`${url}\`, { ${options.join(', ')} })`;
  return `/** ${endpoint.summary} */\n${camel(endpoint.name)}: (${args}): Promise<${result}> => ${call},`;
}

const runtime = `/** An answer that is not a success; \`problem.code\` is stable and made to program against. */
export class LyceumError extends Error {
  readonly status: number;
  readonly problem: Problem;
  /** Seconds after which another try makes sense. */
  readonly retryAfterS: number | undefined;

  constructor(problem: Problem, retryAfterS: number | undefined) {
    super(problem.detail);
    this.name = 'LyceumError';
    this.status = problem.status;
    this.problem = problem;
    this.retryAfterS = retryAfterS;
  }
}

export interface Page<T> {
  items: T[];
  /** Give it as \`cursor\` to get the next page; undefined on the last one. */
  nextCursor: string | undefined;
}

export interface ClientOptions {
  /** For example \`http://127.0.0.1:7071\`. */
  baseUrl: string;
  /** The access token to send, when there is one. */
  token?: () => string | undefined;
  /** Another implementation of fetch. */
  fetch?: typeof fetch;
}

interface CallOptions {
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  idempotencyKey?: string | undefined;
  ifMatch?: string | undefined;
}

function createTransport(options: ClientOptions) {
  async function send(method: string, path: string, call: CallOptions): Promise<Response> {
    const url = new URL(path, options.baseUrl);
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const headers = new Headers();
    const token = options.token?.();
    if (token !== undefined) headers.set('authorization', \`Bearer \${token}\`);
    if (call.body !== undefined) headers.set('content-type', 'application/json');
    if (call.idempotencyKey !== undefined) headers.set('idempotency-key', call.idempotencyKey);
    if (call.ifMatch !== undefined) headers.set('if-match', call.ifMatch);
    const body = call.body === undefined ? null : JSON.stringify(call.body);
    const response = await (options.fetch ?? fetch)(url, { method, headers, body });
    if (response.ok) return response;
    const retryAfter = response.headers.get('retry-after');
    throw new LyceumError((await response.json()) as Problem, retryAfter === null ? undefined : Number(retryAfter));
  }
  return {
    async json<T>(method: string, path: string, call: CallOptions): Promise<T> {
      const response = await send(method, path, call);
      // An answer without a body, as to a deletion.
      return (response.status === 204 ? undefined : await response.json()) as T;
    },
    async page<T>(method: string, path: string, call: CallOptions): Promise<Page<T>> {
      const response = await send(method, path, call);
      const link = /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
      const nextCursor = link === undefined ? undefined : (new URL(link, options.baseUrl).searchParams.get('cursor') ?? undefined);
      return { items: (await response.json()) as T[], nextCursor };
    },
  };
}
`;

/** client/lyceum.ts: one type per schema and one method per endpoint, without any dependency. */
export function renderClient(endpoints: readonly Endpoint[], openapi: Json): string {
  const schemas = (openapi['components'] as { schemas: Record<string, Json> }).schemas;
  const paths = openapi['paths'] as Record<string, Record<string, Operation>>;
  const types = Object.entries(schemas).map(([name, schema]) => {
    const comment = typeof schema['description'] === 'string' ? `/** ${schema['description']} */\n` : '';
    return `${comment}export type ${name} = ${typeOf(schema)};\n`;
  });
  const methods = endpoints
    .filter((endpoint) => !('raw' in endpoint.success))
    .map((endpoint) => {
      const operation = paths[`/${(endpoint.routes[0] ?? '').replace(/^\//, '')}`]?.[endpoint.method.toLowerCase()];
      if (operation === undefined) throw new Error(`${endpoint.name} is not in the OpenAPI document.`);
      return method(endpoint, operation);
    });
  return [
    '// Generated by `npm run generate` from the declarations in functions/. Do not edit.\n',
    ...types,
    runtime,
    '/** Everything that the API can do, one method per operation. Throws `LyceumError`. */',
    'export function createLyceumClient(options: ClientOptions) {',
    '  const { json, page } = createTransport(options);',
    '  return {',
    indent(indent(methods.join('\n'))),
    '  };',
    '}',
    '',
    'export type LyceumClient = ReturnType<typeof createLyceumClient>;',
    '',
  ].join('\n');
}
