import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { functions } from '../../functions/index.ts';
import { CosmosError } from '../../shared/adapters/cosmos/errors.ts';
import { ConfigError, loadConfig } from '../../shared/platform/config.ts';
import { AppError } from '../../shared/platform/errors.ts';
import { type Lab, type Reply, startLab } from './client.ts';

// What every answer carries, whoever asks for whatever: this file needs no change for a new endpoint.

const campus = 'https://campus.example.org';
let lab: Lab;
let compId: string;
beforeAll(async () => {
  lab = await startLab({ settings: { CORS_ORIGINS: `${campus},http://localhost:3000` } });
  compId = (await lab.makeComponent(lab.root)).comp_id;
});
afterAll(() => lab.close());

const endpoints = functions.filter((item) => item.kind === 'endpoint');
const paths = endpoints.flatMap((endpoint) =>
  endpoint.routes.map((route) => ({
    title: `${endpoint.method} /${route.replace(/^\//, '')}`,
    endpoint,
    route,
    path: `/${route.replace(/^\//, '')}`.replace(/\{\w+\}/g, randomUUID()),
  })),
);

/** What is the same for everybody, and may be kept by anybody. Everything else may hold something personal. */
const publicly: Record<string, RegExp> = {
  'get-docs-asset': /^public, max-age=\d+$/,
  'get-openapi': /^public, max-age=\d+$/,
  'get-token-keys': /^public, max-age=\d+$/,
};
/** Pages, which must be let do something. */
const pages = new Set(['get-docs', 'get-mailbox']);

const strict = new Map([
  ['strict-transport-security', 'max-age=31536000; includeSubDomains'],
  ['x-content-type-options', 'nosniff'],
  ['x-frame-options', 'DENY'],
  ['referrer-policy', 'no-referrer'],
  ['cross-origin-resource-policy', 'same-origin'],
  ['cross-origin-opener-policy', 'same-origin'],
]);
const apiPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

function expectRules(reply: Reply, operation?: string): void {
  for (const [name, value] of strict) expect([name, reply.headers.get(name)]).toEqual([name, value]);
  const permissions = reply.headers.get('permissions-policy') ?? '';
  for (const feature of ['camera', 'geolocation', 'microphone']) expect(permissions).toContain(`${feature}=()`);
  const policy = reply.headers.get('content-security-policy') ?? '';
  const isPage = operation !== undefined && pages.has(operation) && reply.status === 200;
  if (!isPage) expect(policy).toBe(apiPolicy);
  for (const part of ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"])
    expect(policy).toContain(part);
  const kept = operation === undefined || reply.status !== 200 ? undefined : publicly[operation];
  if (kept) expect(reply.headers.get('cache-control')).toMatch(kept);
  else expect(reply.headers.get('cache-control')).toBe('no-store');
  expect(reply.headers.get('vary')).toMatch(/\borigin\b/i);
  expect(reply.headers.get('x-request-id')).toBeTruthy();
  for (const name of ['set-cookie', 'x-powered-by', 'server']) expect(reply.headers.get(name)).toBeNull();
  if (reply.status !== 204 && reply.status !== 304) expect(reply.headers.get('content-type')).toBeTruthy();
}

const corsNames = (reply: Reply) => [...reply.headers.keys()].filter((name) => name.startsWith('access-control-'));

describe.each(paths)('$title', ({ endpoint, route, path }) => {
  const raw = endpoint.body === undefined ? {} : { raw: '{}' };
  const call = (headers: Record<string, string>) =>
    lab.anyone(endpoint.method, path, { ...raw, headers: { 'content-type': 'application/json', ...headers } });

  test('answers whoever is not known with all the headers', async () => {
    const reply = await call({});
    expectRules(reply, endpoint.name);
    expect(corsNames(reply)).toEqual([]);
  });

  test('lets pages of a configured origin read its answer, and no others', async () => {
    const allowed = await call({ origin: campus });
    expectRules(allowed, endpoint.name);
    expect(allowed.headers.get('access-control-allow-origin')).toBe(campus);
    expect(allowed.headers.get('access-control-allow-credentials')).toBe('true');
    expect(corsNames(await call({ origin: 'https://evil.example.org' }))).toEqual([]);
  });

  test('is announced to a preflight with the methods of its path', async () => {
    const methods = paths.filter((one) => one.route === route).map((one) => one.endpoint.method);
    const reply = await lab.anyone('OPTIONS', path, {
      headers: {
        origin: campus,
        'access-control-request-method': endpoint.method,
        'access-control-request-headers': 'authorization,content-type,idempotency-key',
      },
    });
    expect([reply.status, reply.text]).toEqual([204, '']);
    expectRules(reply);
    expect(reply.headers.get('access-control-allow-origin')).toBe(campus);
    const allowed = reply.headers.get('access-control-allow-methods')?.split(', ') ?? [];
    expect(allowed).toEqual(expect.arrayContaining([...methods, 'OPTIONS']));
    expect(allowed.includes('HEAD')).toBe(allowed.includes('GET'));
    expect(reply.headers.get('access-control-allow-headers')).toBe('authorization, content-type, idempotency-key');
    expect(Number(reply.headers.get('access-control-max-age'))).toBeGreaterThan(0);
    expect(reply.headers.get('vary')).toMatch(/Access-Control-Request-Headers/);
  });
});

describe('an answer of every kind has all the headers:', () => {
  const components = '/api/configure/flexagecomps/';
  const bearer = () => ({ authorization: `Bearer ${lab.root.token}` });
  let repair = () => {};
  afterEach(() => repair());

  /** From now on whoever asks who they are meets this error. */
  function breakHealth(error: Error): void {
    const { health } = lab.app.runtime.services;
    const original = health.check;
    health.check = () => Promise.reject(error);
    repair = () => {
      health.check = original;
    };
  }

  test.each<[number, string, () => Promise<Reply>]>([
    [200, 'a list', () => lab.root.get(components)],
    [200, 'a HEAD', () => lab.root.call('HEAD', components)],
    [200, 'an envelope', () => lab.root.get(`${components}?envelope=true`)],
    [200, 'lines to download', () => lab.root.get('/api/v1/admin/audit/export')],
    [201, 'something new', () => lab.root.post(components, { comp_name: 'New' })],
    [204, 'a question for methods', () => lab.anyone('OPTIONS', components)],
    [401, 'nobody', () => lab.anyone('GET', components)],
    [404, 'an unknown address', () => lab.anyone('GET', '/nothing/here')],
    [404, 'a question for methods of an unknown address', () => lab.anyone('OPTIONS', '/nothing/here')],
    [404, 'an unknown thing', () => lab.root.get(`${components}${randomUUID()}`)],
    [405, 'a wrong method', () => lab.anyone('PATCH', components)],
    [
      413,
      'too much',
      () =>
        lab.root.call('POST', components, {
          raw: `{"a":"${'x'.repeat(1_100_000)}"}`,
          headers: { 'content-type': 'application/json' },
        }),
    ],
    [
      415,
      'another media type',
      () => lab.root.call('POST', components, { raw: 'x', headers: { 'content-type': 'text/plain' } }),
    ],
    [422, 'what is wrong', () => lab.root.post(components, {})],
  ])('%i for %s', async (status, _, call) => {
    const reply = await call();
    expect(reply.status).toBe(status);
    expectRules(reply);
  });

  test('304 for what has not changed', async () => {
    const path = `${components}${compId}`;
    const etag = (await lab.root.get(path)).headers.get('etag') ?? '';
    const reply = await lab.anyone('GET', path, { headers: { ...bearer(), 'if-none-match': etag, origin: campus } });
    expect([reply.status, reply.text, reply.headers.get('etag')]).toEqual([304, '', etag]);
    expectRules(reply);
    expect(reply.headers.get('access-control-allow-origin')).toBe(campus);
  });

  test('403 for whoever may not', async () => {
    const reply = await (await lab.makePerson('student')).get(components);
    expect(reply.status).toBe(403);
    expectRules(reply);
  });

  test.each([
    [429, new AppError('rate_limited', undefined, { retryAfterS: 3 })],
    [500, new Error('Something that nobody foresaw')],
    [503, new CosmosError(503, 'The database is away.', { retryAfterS: 3 })],
  ])('%i for what goes wrong, and a page may read when to try again', async (status, error) => {
    breakHealth(error);
    const reply = await lab.anyone('GET', '/health/ready', { headers: { origin: campus } });
    expect(reply.status).toBe(status);
    expectRules(reply);
    expect(reply.headers.get('access-control-allow-origin')).toBe(campus);
    if (status !== 500) expect(reply.headers.get('retry-after')).toBe('3');
    expect(reply.text).not.toMatch(/nobody foresaw|database/);
  });
});

describe('pages of other origins', () => {
  test.each([
    'null',
    'https://evil.example.org',
    `${campus}.evil.org`,
    `https://evil${campus.slice(8)}`,
    `https://evil.org/${campus}`,
    `${campus}@evil.org`,
    `${campus}:8443`,
    `${campus}/`,
    campus.toUpperCase(),
    campus.replace('https', 'http'),
    'https://example.org',
    'http://localhost',
    'http://localhost:30001',
    `${campus} https://evil.example.org`,
    `${campus},http://localhost:3000`,
    '*',
    'file://',
    '',
  ])('as %s get no word of CORS, whatever they ask for', async (origin) => {
    const preflight = { 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' };
    for (const reply of [
      await lab.anyone('GET', '/health', { headers: { origin } }),
      await lab.anyone('GET', '/api/auth/me', { headers: { origin } }),
      await lab.anyone('GET', '/nothing/here', { headers: { origin } }),
      await lab.anyone('DELETE', '/health', { headers: { origin } }),
      await lab.anyone('OPTIONS', '/api/auth/me', { headers: { origin, ...preflight } }),
      await lab.anyone('OPTIONS', '/nothing/here', { headers: { origin, ...preflight } }),
    ]) {
      expect(corsNames(reply)).toEqual([]);
      expectRules(reply);
    }
  });

  test('are all others when no origin is configured', async () => {
    const { runtime } = lab.app;
    const before = runtime.corsOrigins;
    runtime.corsOrigins = [];
    const headers = { origin: campus, 'access-control-request-method': 'GET' };
    const replies = [
      await lab.anyone('GET', '/health', { headers }),
      await lab.anyone('OPTIONS', '/health', { headers }),
    ];
    runtime.corsOrigins = before;
    expect(replies.flatMap(corsNames)).toEqual([]);
  });

  test.each([
    '*',
    'null',
    'https://*.example.org',
    'example.org',
    `${campus}/`,
    'https://Campus.example.org',
    'file:///x',
    'https://campus.example.org:443',
  ])('cannot be let in by the setting %s', (value) => {
    expect(() => loadConfig({ ...lab.app.settings, CORS_ORIGINS: `http://localhost:3000,${value}` })).toThrow(
      ConfigError,
    );
  });
});

describe('pages of configured origins', () => {
  test('may read the headers that clients read', async () => {
    const reply = await lab.root.get('/api/auth/me', { origin: 'http://localhost:3000' });
    expect(reply.headers.get('access-control-allow-origin')).toBe('http://localhost:3000');
    const exposed = reply.headers.get('access-control-expose-headers')?.split(', ');
    for (const name of [
      'ETag',
      'Link',
      'Retry-After',
      'X-Request-Id',
      'Idempotency-Replayed',
      'RateLimit-Limit',
      'RateLimit-Remaining',
      'RateLimit-Reset',
      'X-RateLimit-Limit',
      'X-RateLimit-Remaining',
      'X-RateLimit-Reset',
      'WWW-Authenticate',
    ]) {
      expect(exposed).toContain(name);
    }
    expect(exposed).not.toContain('*');
  });

  const ask = (path: string, headers: Record<string, string> = {}) =>
    lab.anyone('OPTIONS', path, { headers: { origin: campus, 'access-control-request-method': 'POST', ...headers } });

  test('are told of no method at an unknown address', async () => {
    for (const path of ['/nothing/here', '/api', '/api/v1/admin/audit/export/more']) {
      const reply = await ask(path);
      expect([path, reply.status, reply.headers.get('access-control-allow-methods')]).toEqual([path, 404, null]);
    }
  });

  test('are told of the methods of the path, and of no others', async () => {
    const methods = async (path: string) =>
      (await ask(path)).headers.get('access-control-allow-methods')?.split(', ').sort();
    expect(await methods('/api/v1/admin/audit/verify')).toEqual(['OPTIONS', 'POST']);
    expect(await methods('/api/v1/admin/audit')).toEqual(['GET', 'HEAD', 'OPTIONS']);
    expect(await methods(`/api/configure/flexagecomps/${randomUUID()}`)).toEqual([
      'DELETE',
      'GET',
      'HEAD',
      'OPTIONS',
      'PUT',
    ]);
  });

  test('may send the headers that they name, as far as these are names', async () => {
    const allowed = async (names: string) =>
      (await ask('/api/v1/admin/audit/verify', { 'access-control-request-headers': names })).headers.get(
        'access-control-allow-headers',
      );
    expect(await allowed('authorization, x-anything')).toBe('authorization, x-anything');
    expect(await allowed('a b, <script>, x-y, ,;')).toBe('x-y');
    expect(await allowed('"')).toBeNull();
    expect((await ask('/api/v1/admin/audit/verify')).headers.get('access-control-allow-headers')).toBeNull();
    expect((await allowed(Array.from({ length: 80 }, (_, n) => `x-${n}`).join(',')))?.split(', ')).toHaveLength(50);
  });
});

describe('a request that no endpoint takes', () => {
  test.each([
    ['GET', '/reset/a-secret-in-a-path', 404, 'not_found'],
    ['PATCH', '/health', 405, 'method_not_allowed'],
    ['OPTIONS', '/health', 204, undefined],
  ])(
    '%s %s leaves one line in the log, with its id, its status, and nothing of its path',
    async (method, path, status, code) => {
      const id = randomUUID();
      expect((await lab.anyone(method, path, { headers: { 'x-request-id': id } })).status).toBe(status);
      const lines = lab.app.lines().filter((line) => line['request_id'] === id);
      expect(lines).toEqual([
        expect.objectContaining({
          event: 'request',
          operation: 'answer-unmatched',
          status,
          cosmos_calls: 0,
          ms: expect.any(Number),
        }),
      ]);
      expect(lines[0]?.['code']).toBe(code);
      expect(JSON.stringify(lines)).not.toContain('a-secret');
    },
  );
});
