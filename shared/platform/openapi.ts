import { z } from 'zod';
import type { Auth, Endpoint } from './define-endpoint.ts';
import { type ErrorCode, errorTable } from './errors.ts';
import { permissions } from './permissions.ts';
import { pipelineErrors } from './pipeline.ts';
import { Problem } from './schemas.ts';

type Json = Record<string, unknown>;

const info = {
  title: 'Lyceum API',
  version: '0.1.0',
  description:
    'Backend of a learning platform. Errors are problem documents (RFC 9457) with a stable `code`. ' +
    'Lists take `limit` and `cursor`; the next page is in the `Link` header. ' +
    '`?envelope=true` wraps any JSON answer as `{status, data, message, metadata}`.',
};

/** Schemas with an id, as references; `io` says from which side of defaults and trims they are seen. */
function named(io: 'input' | 'output'): Json {
  const { schemas } = z.toJSONSchema(z.globalRegistry, {
    uri: (id) => `#/components/schemas/${id}`,
    io,
    unrepresentable: 'any',
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, schema]) => {
      const { $schema: _schema, $id: _id, id: _name, ...rest } = schema as Json;
      return [id, rest];
    }),
  );
}

function idOf(schema: z.ZodType): string | undefined {
  return z.globalRegistry.get(schema)?.id;
}

/** A reference where the schema has a name, the schema itself otherwise. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json {
  const id = idOf(schema);
  if (id !== undefined) return { $ref: `#/components/schemas/${id}` };
  if (schema instanceof z.ZodArray) return { type: 'array', items: schemaOf(schema.element as z.ZodType, io) };
  const { $schema: _schema, ...rest } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    target: 'draft-2020-12',
  }) as Json;
  return inlineReferences(rest) as Json;
}

/** `toJSONSchema` of one schema puts named ones under `$defs`; the document has them under `components`. */
function inlineReferences(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inlineReferences);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== '$defs')
      .map(([key, item]) => [
        key,
        key === '$ref' && typeof item === 'string'
          ? item.replace('#/$defs/', '#/components/schemas/')
          : inlineReferences(item),
      ]),
  );
}

function parameters(endpoint: Endpoint): Json[] {
  const list: Json[] = [];
  for (const [where, schema] of [
    ['path', endpoint.params],
    ['query', endpoint.query],
  ] as const) {
    if (schema === undefined) continue;
    const json = schemaOf(schema, 'input') as { properties?: Record<string, Json>; required?: string[] };
    for (const [name, property] of Object.entries(json.properties ?? {})) {
      const { description, ...rest } = property;
      const required = where === 'path' || (json.required ?? []).includes(name);
      list.push({ name, in: where, required, ...(description === undefined ? {} : { description }), schema: rest });
    }
  }
  if (endpoint.idempotent) {
    list.push({
      name: 'Idempotency-Key',
      in: 'header',
      required: false,
      description: 'A repeat with the same key answers what the first request answered.',
      schema: { type: 'string', maxLength: 255 },
    });
  }
  if (endpoint.errors.includes('precondition_failed')) {
    list.push({
      name: 'If-Match',
      in: 'header',
      required: false,
      description: 'The ETag that was read; 412 when the resource changed since.',
      schema: { type: 'string' },
    });
  }
  return list;
}

/** Which of the pipeline's errors can meet this endpoint. */
export function errorsOf(endpoint: Endpoint): ErrorCode[] {
  const unmet = new Set<ErrorCode>();
  if (endpoint.auth === 'public') for (const code of ['unauthenticated', 'api_key_refused'] as const) unmet.add(code);
  if (typeof endpoint.auth === 'string') unmet.add('forbidden');
  if (typeof endpoint.auth === 'string' || endpoint.auth.fresh !== true) unmet.add('step_up_required');
  if (endpoint.idempotent !== 'secret') unmet.add('already_done');
  if (endpoint.body === undefined)
    for (const code of ['payload_too_large', 'unsupported_media_type'] as const) unmet.add(code);
  if (endpoint.body === undefined && endpoint.params === undefined && endpoint.query === undefined)
    unmet.add('validation_failed');
  if (!endpoint.idempotent)
    for (const code of ['idempotency_in_progress', 'idempotency_key_reused'] as const) unmet.add(code);
  return [...new Set([...endpoint.errors, ...pipelineErrors.filter((code) => !unmet.has(code))])];
}

function errorResponses(endpoint: Endpoint): Json {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of errorsOf(endpoint)) {
    const { status } = errorTable[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus]
      .sort(([a], [b]) => a - b)
      .map(([status, codes]) => [
        String(status),
        {
          description: codes.map((code) => `\`${code}\`: ${errorTable[code].title}`).join('; '),
          ...(status === 429 || status === 503
            ? { headers: { 'Retry-After': { schema: { type: 'integer' }, description: 'Seconds' } } }
            : {}),
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      ]),
  );
}

function successResponse(endpoint: Endpoint): Json {
  const { success } = endpoint;
  if ('raw' in success) return { description: 'Success', content: { [success.raw]: {} } };
  if (!('page' in success || 'schema' in success)) return { description: 'Success, without a body' };
  const schema =
    'page' in success ? { type: 'array', items: schemaOf(success.page, 'output') } : schemaOf(success.schema, 'output');
  const headers =
    'page' in success
      ? { Link: { schema: { type: 'string' }, description: 'The next page, when there is one: `<...>; rel="next"`' } }
      : undefined;
  return { description: 'Success', ...(headers ? { headers } : {}), content: { 'application/json': { schema } } };
}

function requestBody(endpoint: Endpoint): Json {
  if (endpoint.body === undefined) return {};
  const schema = schemaOf(endpoint.body, 'input');
  const types = (endpoint.consumes ?? ['json']).map((type) =>
    type === 'json' ? 'application/json' : 'application/x-www-form-urlencoded',
  );
  const required = !endpoint.body.safeParse(undefined).success;
  return { requestBody: { required, content: Object.fromEntries(types.map((type) => [type, { schema }])) } };
}

function securityOf(auth: Auth): Json {
  if (auth === 'public') return { security: [] };
  // An empty requirement says that no credentials are a possibility too.
  if (auth === 'optional' || auth === 'if_valid') return { security: [{ bearer: [] }, { api_key: [] }, {}] };
  return {
    'x-permission': auth.permission,
    'x-roles': permissions[auth.permission].roles,
    ...(auth.fresh === true ? { 'x-fresh': true } : {}),
  };
}

function operation(endpoint: Endpoint, index: number): Json {
  const { auth } = endpoint;
  return {
    operationId: index === 0 ? endpoint.name : `${endpoint.name}-${index + 1}`,
    tags: [endpoint.tag],
    summary: endpoint.summary,
    ...(index === 0 ? {} : { description: `The same as \`${endpoint.name}\`, under the name that other clients use.` }),
    ...securityOf(auth),
    'x-rate-limit': endpoint.rateLimit,
    parameters: parameters(endpoint),
    ...requestBody(endpoint),
    responses: { [endpoint.success.status]: successResponse(endpoint), ...errorResponses(endpoint) },
  };
}

/** The names of all schemas that an endpoint's request refers to, directly or through others. */
function reachable(from: unknown, schemas: Json, found = new Set<string>()): Set<string> {
  for (const [, id] of JSON.stringify(from ?? null).matchAll(/#\/components\/schemas\/(\w+)/g)) {
    if (id === undefined || found.has(id)) continue;
    found.add(id);
    reachable(schemas[id], schemas, found);
  }
  return found;
}

/** The whole API as an OpenAPI 3.1 document, from the same declarations that serve it. */
export function buildOpenApi(endpoints: readonly Endpoint[]): Json {
  const paths: Record<string, Json> = {};
  for (const endpoint of endpoints) {
    endpoint.routes.forEach((route, index) => {
      const path = route.startsWith('/') ? route : `/${route}`;
      paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: operation(endpoint, index) };
    });
  }
  const inputs = named('input');
  const outputs = named('output');
  const bodies = endpoints.map((endpoint) => requestBody(endpoint));
  const successes = endpoints.map((endpoint) => successResponse(endpoint));
  const asInput = reachable(bodies, inputs);
  const asOutput = reachable([successes, { $ref: `#/components/schemas/${idOf(Problem)}` }], outputs);
  const schemas = Object.fromEntries(
    [...new Set([...asInput, ...asOutput])].sort().map((id) => [id, asOutput.has(id) ? outputs[id] : inputs[id]]),
  );
  return {
    openapi: '3.1.0',
    info,
    servers: [{ url: '/' }],
    security: [{ bearer: [] }, { api_key: [] }],
    tags: [...new Set(endpoints.map((endpoint) => endpoint.tag))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An access token (JWT) or an API key' },
        api_key: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
      schemas,
    },
  };
}
