import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Endpoint } from '../../shared/platform/define-endpoint.ts';
import { errorTable } from '../../shared/platform/errors.ts';
import { errorsOf } from '../../shared/platform/openapi.ts';
import { beginnings, callRightly, makeWorld, operations, pathOf, tokenFor, type World } from './battery-world.ts';
import { Reply, startLab } from './client.ts';

// Every endpoint of functions/index.ts answers as it declares: this file needs no change for a new one.

const origin = 'https://campus.example.org';
let world: World;
beforeAll(async () => {
  const settings = { CORS_ORIGINS: `https://other.example.org, ${origin}` };
  world = await makeWorld(await startLab({ settings }));
});
afterAll(async () => {
  await world.close();
  await world.lab.close();
});

// Readiness has its own tests: it answers 503 here, where no blob storage runs.
const answering = operations.filter(({ endpoint }) => endpoint.name !== 'get-readiness');
const readable = answering.filter(({ endpoint }) => endpoint.method === 'GET');
const lists = operations.filter(({ endpoint }) => 'page' in endpoint.success);

function expectSchema(endpoint: Endpoint, reply: Reply): void {
  const { success } = endpoint;
  if ('raw' in success) return;
  if (!('page' in success || 'schema' in success)) {
    expect(reply.text).toBe('');
    return;
  }
  const body = reply.json<unknown>();
  expect(reply.headers.get('content-type')).toBe('application/json');
  const items = 'page' in success ? body : [body];
  if (!Array.isArray(items)) throw new Error('The body of a list is a bare array.');
  const schema = 'page' in success ? success.page : success.schema;
  // What the schema does not know would be dropped here, and the comparison would fail.
  for (const item of items) expect(schema.parse(item)).toEqual(item);
}

function expectSafeHeaders(reply: Reply): void {
  expect(reply.headers.get('x-content-type-options')).toBe('nosniff');
  expect(reply.headers.get('x-frame-options')).toBe('DENY');
  expect(reply.headers.get('referrer-policy')).toBe('no-referrer');
  expect(reply.headers.get('content-security-policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
  expect(reply.headers.get('strict-transport-security')).toMatch(/^max-age=\d{7,}/);
  expect(reply.headers.get('x-powered-by')).toBeNull();
  expect(reply.headers.get('server')).toBeNull();
}

describe.each(answering)('$title', ({ endpoint, route }) => {
  test('answers what it declares, with and without a slash at the end, and never redirects', async () => {
    for (const hasSlash of route === '/' ? [false] : [false, true]) {
      const reply = await callRightly(world, endpoint, route, { hasSlash, options: { headers: { origin } } });
      expect([hasSlash, reply.status, reply.status < 300 ? '' : reply.text]).toEqual([
        hasSlash,
        endpoint.success.status,
        '',
      ]);
      expectSchema(endpoint, reply);
      expectSafeHeaders(reply);
      expect(reply.headers.get('access-control-allow-origin')).toBe(origin);
      expect(reply.headers.get('x-request-id')).toBeTruthy();
      if (!('raw' in endpoint.success || endpoint.name === 'get-token-keys'))
        expect(reply.headers.get('cache-control')).toBe('no-store');
    }
  });

  /** Without a token, so that it is refused before it does anything; a public one answers as ever. */
  const callBare = (headers: Record<string, string>) =>
    callRightly(world, endpoint, route, { options: { token: undefined, headers }, isRefused: true });

  test('takes a request id that the caller sends, and makes one in place of a strange one', async () => {
    const given = (id: string) => callBare({ 'x-request-id': id });
    expect((await given('my-request.1:2')).headers.get('x-request-id')).toBe('my-request.1:2');
    const made = (await given(`strange id ${'x'.repeat(200)}`)).headers.get('x-request-id');
    expect(made).toMatch(/^[0-9a-f-]{36}$/);
  });

  // An answer without a body has nothing to wrap.
  const isWrapped = 'schema' in endpoint.success || 'page' in endpoint.success;
  test.runIf(isWrapped)('wraps its answer for who asks for an envelope', async () => {
    const query = '?envelope=true';
    const force = endpoint.query?.shape['force_regenerate'] === undefined ? '' : '&force_regenerate=true';
    const byQuery = await callRightly(world, endpoint, route, { query: query + force });
    const accept = 'application/vnd.lyceum.envelope+json';
    const byHeader = await callRightly(world, endpoint, route, { options: { headers: { accept } } });
    for (const reply of [byQuery, byHeader]) {
      expect(reply.status).toBe(endpoint.success.status);
      expect(reply.headers.get('content-type')).toBe(accept);
      const { data, ...rest } = reply.json();
      expect(rest).toEqual({
        status: 'success',
        message: 'OK',
        metadata: {
          timestamp: expect.stringMatching(/Z$/),
          request_id: reply.headers.get('x-request-id'),
          execution_time: expect.any(Number),
        },
      });
      const bare = new Headers({ 'content-type': 'application/json' });
      expectSchema(endpoint, new Reply(reply.status, bare, JSON.stringify(data)));
    }
    if (typeof endpoint.auth === 'string') return;
    const path = await pathOf(world, endpoint, route);
    const refused = await world.lab.anyone(endpoint.method, `${path}?envelope=true`);
    expect(refused.status).toBe(401);
    expect(refused.json()).toMatchObject({
      status: 'error',
      data: null,
      message: expect.any(String),
      error: { code: 'unauthenticated' },
    });
  });

  test('may be called from a page of a configured origin, and from no other', async () => {
    const from = (page: string) => callBare({ origin: page });
    const allowed = await from(origin);
    expect(allowed.headers.get('access-control-allow-origin')).toBe(origin);
    expect(allowed.headers.get('access-control-allow-credentials')).toBe('true');
    expect(allowed.headers.get('access-control-expose-headers')).toMatch(/ETag.*Link.*Retry-After.*X-Request-Id/);
    expect(allowed.headers.get('vary')).toMatch(/origin/i);
    const other = await from(`${origin}.evil.org`);
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
    expect(other.headers.get('vary')).toMatch(/origin/i);
  });

  test('answers the preflight of a configured origin', async () => {
    const path = await pathOf(world, endpoint, route, { isRefused: true });
    const ask = (page: string) =>
      world.lab.anyone('OPTIONS', path, {
        headers: {
          origin: page,
          'access-control-request-method': endpoint.method,
          'access-control-request-headers': 'authorization, if-match',
        },
      });
    const reply = await ask(origin);
    expect(reply.status).toBe(204);
    expect(reply.headers.get('access-control-allow-origin')).toBe(origin);
    expect(reply.headers.get('access-control-allow-methods')?.split(', ')).toContain(endpoint.method);
    expect(reply.headers.get('access-control-allow-headers')).toBe('authorization, if-match');
    expect(reply.headers.get('access-control-max-age')).toBe('7200');
    expect((await ask('https://evil.example.org')).headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe.each(readable)('$title', ({ endpoint, route }) => {
  test('answers HEAD like GET, without the body', async () => {
    const path = await pathOf(world, endpoint, route);
    const get = await callRightly(world, endpoint, route);
    const head = await world.lab.anyone('HEAD', path, { token: tokenFor(world, endpoint) });
    expect([head.status, head.text]).toEqual([get.status, '']);
    expect(head.headers.get('content-type')).toBe(get.headers.get('content-type'));
    expect(head.headers.get('etag')).toBe(get.headers.get('etag'));
  });

  test.runIf(!beginnings.has(endpoint.name))('changes nothing when it is called twice', async () => {
    await world.settle();
    const [first, second] = [await callRightly(world, endpoint, route), await callRightly(world, endpoint, route)];
    expect(second.text).toBe(first.text);
  });
});

describe.each(lists)('$title', ({ endpoint, route }) => {
  const ids = (reply: Reply) => reply.json<unknown[]>().map((item) => JSON.stringify(item));
  const next = (reply: Reply) => /^<([^>]+)>; rel="next"$/.exec(reply.headers.get('link') ?? '')?.[1];

  test('is a bare array, whose pages together are the whole list', async () => {
    await world.settle();
    const whole = await callRightly(world, endpoint, route, { query: '?limit=1000' });
    const all = ids(whole);
    if (all.length < 2) {
      throw new Error(
        `${endpoint.name} lists fewer than two items: make more of them in makeWorld of tests/http/battery-world.ts.`,
      );
    }
    expect(next(whole)).toBeUndefined();
    const limit = Math.ceil(all.length / 3);
    let page = await callRightly(world, endpoint, route, { query: `?limit=${limit}` });
    const seen = ids(page);
    expect(seen).toHaveLength(limit);
    for (let link = next(page); link !== undefined; link = next(page)) {
      expect(link.startsWith('/')).toBe(true);
      page = await world.lab.anyone('GET', link, { token: tokenFor(world, endpoint) });
      expect(page.status).toBe(200);
      seen.push(...ids(page));
      if (seen.length > all.length) break;
    }
    expect(seen).toEqual(all);
  });

  test.runIf(endpoint.query?.shape['skip'] !== undefined)('leaves out what is skipped', async () => {
    const all = ids(await callRightly(world, endpoint, route, { query: '?limit=1000' }));
    expect(ids(await callRightly(world, endpoint, route, { query: '?skip=1&limit=1000' }))).toEqual(all.slice(1));
    expect(ids(await callRightly(world, endpoint, route, { query: '?skip=100000' }))).toEqual([]);
    // A cursor says where to start, so what was skipped before it is not skipped again.
    const second = await callRightly(world, endpoint, route, { query: '?skip=1&limit=1' });
    expect(next(second) ?? '').not.toContain('skip');
  });
});

test('the OpenAPI document names every path, error and schema, and each reference leads somewhere', async () => {
  const reply = await world.lab.anyone('GET', '/openapi.json');
  const document = reply.json<{
    openapi: string;
    paths: Record<string, Record<string, { operationId: string; responses: Record<string, { description: string }> }>>;
    components: { schemas: Record<string, unknown> };
  }>();
  expect(document.openapi).toMatch(/^3\.1/);
  const operationIds = new Set<string>();
  for (const { endpoint, route } of operations) {
    const operation = document.paths[route.startsWith('/') ? route : `/${route}`]?.[endpoint.method.toLowerCase()];
    expect(operation?.operationId, route).toMatch(new RegExp(`^${endpoint.name}(-\\d)?$`));
    operationIds.add(operation?.operationId ?? '');
    expect(Object.keys(operation?.responses ?? {})).toContain(String(endpoint.success.status));
    for (const code of errorsOf(endpoint)) {
      expect(operation?.responses[errorTable[code].status]?.description, `${endpoint.name} ${code}`).toContain(
        `\`${code}\``,
      );
    }
  }
  expect(operationIds.size).toBe(operations.length);
  const known = Object.keys(document.components.schemas);
  const referred = [...reply.text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
  expect(referred.length).toBeGreaterThan(operations.length);
  expect(known).toEqual(expect.arrayContaining([...new Set(referred)]));
  expect(reply.text).not.toContain('"$defs"');
});

test('nothing that the battery did was an internal error', () => {
  const failed = world.lab.app.lines().filter((line) => line.event === 'request' && Number(line.status) >= 500);
  expect(failed).toEqual([]);
});
