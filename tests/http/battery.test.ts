import { createSecretKey, randomBytes, randomUUID } from 'node:crypto';
import { decodeJwt, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defaultBodyLimitBytes, type Endpoint } from '../../shared/platform/define-endpoint.ts';
import { type ErrorCode, errorTable } from '../../shared/platform/errors.ts';
import { errorsOf } from '../../shared/platform/openapi.ts';
import { builtInRoles, permissions } from '../../shared/platform/permissions.ts';
import {
  callRightly,
  forAll,
  makeWorld,
  operations,
  parameter,
  parameterNames,
  pathOf,
  queryOf,
  rolesOf,
  tokenFor,
  type World,
} from './battery-world.ts';
import { type Reply, startLab } from './client.ts';

// Every endpoint of functions/index.ts is refused rightly: this file needs no change for a new one.

let world: World;
beforeAll(async () => {
  world = await makeWorld(await startLab());
});
afterAll(async () => {
  await world.close();
  await world.lab.close();
});

/** A problem document that the endpoint's documentation announces. */
function expectProblem(reply: Reply, endpoint: Endpoint, ...expected: ErrorCode[]): void {
  const problem = reply.json();
  expect(problem['code'], reply.text).toBeOneOf(expected);
  const code = expected.find((one) => one === problem['code']) ?? expected[0] ?? 'internal';
  expect(errorsOf(endpoint)).toContain(code);
  const { status, title } = errorTable[code];
  expect(reply.status).toBe(status);
  expect(problem).toMatchObject({ type: `urn:lyceum:error:${code}`, title, status, detail: expect.any(String) });
  expect(problem['message']).toBe(problem['detail']);
  expect(problem['request_id']).toBe(reply.headers.get('x-request-id'));
  expect(reply.headers.get('content-type')).toBe('application/problem+json');
  if (status === 401) expect(reply.headers.get('www-authenticate')).toBe('Bearer');
  if (status === 422)
    expect(problem['errors']).toEqual(expect.arrayContaining([expect.objectContaining({ msg: expect.any(String) })]));
}

const secured = operations.filter(({ endpoint }) => typeof endpoint.auth !== 'string');
const withBody = operations.filter(({ endpoint }) => endpoint.body !== undefined);
const isBodyOptional = (endpoint: Endpoint) => endpoint.body instanceof z.ZodOptional;
const withParameters = operations.filter(({ route }) => parameterNames(route).length > 0);
const withQuery = operations.filter(({ endpoint }) => endpoint.query !== undefined);

async function badTokens(): Promise<Record<string, string>> {
  const right = createSecretKey(world.lab.app.settings['JWT_SECRET'] ?? '', 'utf8');
  const other = createSecretKey(randomBytes(32));
  const nowS = Math.floor(Date.now() / 1000);
  // Right in everything but what its name says, so that each is refused for that alone.
  const { sid, ver } = decodeJwt(world.lab.root.token);
  const token = (alg = 'HS256', header = {}) =>
    new SignJWT({ role: 'admin', sid, ver })
      .setProtectedHeader({ alg, typ: 'at+jwt', ...header })
      .setSubject(world.lab.root.id)
      .setIssuedAt(nowS - 60);
  const ours = (alg?: string) => token(alg).setIssuer('lyceum').setAudience('lyceum');
  const [, payload = ''] = world.lab.root.token.split('.');
  const right600 = (made: SignJWT) => made.setExpirationTime(nowS + 600).sign(right);
  const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url');
  return {
    garbage: 'garbage',
    'three parts of garbage': 'a.b.c',
    expired: await ours()
      .setExpirationTime(nowS - 1)
      .sign(right),
    'signed with another key': await ours()
      .setExpirationTime(nowS + 600)
      .sign(other),
    'signed with another algorithm': await ours('HS512')
      .setExpirationTime(nowS + 600)
      .sign(createSecretKey(Buffer.concat([right.export(), Buffer.alloc(64)]))),
    'that says alg none': `${none}.${payload}.`,
    'with its signature cut off': `${world.lab.root.token.split('.').slice(0, 2).join('.')}.`,
    'of another issuer': await token()
      .setAudience('lyceum')
      .setExpirationTime(nowS + 600)
      .sign(right),
    'of another audience': await right600(token().setIssuer('lyceum').setAudience('another')),
    'that never expires': await ours().sign(right),
    'of another type': await right600(token('HS256', { typ: 'JWT' }).setIssuer('lyceum').setAudience('lyceum')),
    'that names a key which we do not have': await right600(
      token('HS256', { kid: '../../dev/null' }).setIssuer('lyceum').setAudience('lyceum'),
    ),
    'of a session that is over': await right600(
      new SignJWT({ role: 'admin', sid, ver: Number(ver) - 1 })
        .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
        .setSubject(world.lab.root.id)
        .setIssuedAt(nowS - 60)
        .setIssuer('lyceum')
        .setAudience('lyceum'),
    ),
    'of an account that does not exist': await ours()
      .setSubject(randomUUID())
      .setExpirationTime(nowS + 600)
      .sign(right),
  };
}

describe.each(secured)('$title', ({ endpoint, route }) => {
  test('is refused with 401 without credentials and with a scheme that is not Bearer', async () => {
    const schemes = [undefined, 'Basic cm9vdDpyb290', 'Bearer', 'Bearer ', world.lab.root.token];
    await forAll(schemes, async (authorization) => {
      const headers = authorization === undefined ? {} : { authorization };
      const options = { token: undefined, headers };
      const reply = await callRightly(world, endpoint, route, { options, isRefused: true });
      expectProblem(reply, endpoint, 'unauthenticated');
      expect(reply.detail).toBe('Could not validate credentials');
    });
  });

  test('is refused with 401 for every token that is not valid', async () => {
    const path = await pathOf(world, endpoint, route, { isRefused: true });
    await forAll(Object.entries(await badTokens()), async ([what, token]) => {
      const reply = await world.lab.anyone(endpoint.method, path, { token });
      expect([what, reply.status]).toEqual([what, 401]);
      expectProblem(reply, endpoint, 'unauthenticated');
    });
  });

  const refusedRoles = builtInRoles.filter((role) => !rolesOf(endpoint).includes(role));
  test.each(refusedRoles)('is refused with 403 and its sentence for the role %s', async (role) => {
    const reply = await callRightly(world, endpoint, route, {
      options: { token: world.people[role].token },
      isRefused: true,
    });
    expectProblem(reply, endpoint, 'forbidden');
    if (typeof endpoint.auth !== 'string') expect(reply.detail).toBe(permissions[endpoint.auth.permission].refusal);
  });
});

describe.each(withBody)('$title', ({ endpoint, route }) => {
  const send = (raw: string, type = 'application/json') =>
    callRightly(world, endpoint, route, { options: { raw, headers: { 'content-type': type } }, isRefused: true });

  test('refuses what is no JSON object with 422', async () => {
    const texts = ['{', '{"a":}', '[]', 'null', '"text"', '7', '{}x', '{"a":1,}', '\u0000', '[{"a":1}]'];
    if (!isBodyOptional(endpoint)) texts.push('');
    await forAll(texts, async (raw) => expectProblem(await send(raw), endpoint, 'validation_failed'));
  });

  test('refuses other media types with 415', async () => {
    const types = ['text/plain', 'application/xml', 'multipart/form-data; boundary=x', 'nonsense'];
    if (!endpoint.consumes?.includes('form')) types.push('application/x-www-form-urlencoded');
    await forAll(types, async (type) => expectProblem(await send('{"a":1}', type), endpoint, 'unsupported_media_type'));
  });

  test('refuses a body over its limit with 413', async () => {
    const limit = endpoint.bodyLimitBytes ?? defaultBodyLimitBytes;
    expectProblem(await send(`{"a":"${'x'.repeat(limit)}"}`), endpoint, 'payload_too_large');
  });

  test('refuses every field of a wrong type with 422', async () => {
    const body = endpoint.body instanceof z.ZodOptional ? endpoint.body.unwrap() : endpoint.body;
    const shape = body && 'shape' in body ? Object.keys(Object(body.shape)) : [];
    expect(shape.length, 'the body of an endpoint is an object with named fields').toBeGreaterThan(0);
    for (const wrong of [{ a: { b: [] } }, 1e308]) {
      expectProblem(
        await send(JSON.stringify(Object.fromEntries(shape.map((key) => [key, wrong])))),
        endpoint,
        'validation_failed',
      );
    }
  });
});

describe.each(withParameters)('$title', ({ endpoint, route }) => {
  test('answers 404 for ids that nothing has', async () => {
    for (const name of parameterNames(route)) {
      const given = { [name]: parameter(endpoint.name, name).unknown };
      expectProblem(await callRightly(world, endpoint, route, { given }), endpoint, 'not_found');
    }
  });

  test('answers 422 for what is no id', async () => {
    for (const name of parameterNames(route)) {
      await forAll(parameter(endpoint.name, name).malformed ?? [], async (malformed) => {
        const given = { [name]: encodeURI(malformed) };
        const reply = await callRightly(world, endpoint, route, { given, isRefused: true });
        expectProblem(reply, endpoint, 'validation_failed', 'not_found');
        if (!malformed.includes('%2f')) expect([malformed, reply.status]).toEqual([malformed, 422]);
      });
    }
  });
});

describe.each(withQuery)('$title', ({ endpoint, route }) => {
  const names = Object.keys(endpoint.query?.shape ?? {});
  const extremes = [
    '-1',
    '0',
    '1e9',
    '1000000000000000000000',
    '1.5',
    'NaN',
    'Infinity',
    '',
    'garbage',
    '0x10',
    '%00',
    '%ff',
    '[]',
    'AAAA',
    '%F0%9F%98%80',
  ];

  test.each(names)('answers extreme values of %s with 422 or rightly, never with 500', async (name) => {
    await forAll(extremes, async (value) => {
      const query = `${queryOf(endpoint) === '' ? '?' : `${queryOf(endpoint)}&`}${name}=${value}`;
      const reply = await callRightly(world, endpoint, route, { query });
      if (reply.status === endpoint.success.status) return;
      expectProblem(reply, endpoint, 'validation_failed', ...endpoint.errors);
    });
  });

  test.runIf(names.includes('limit'))('refuses limits below 1 and above 1000, and a negative skip', async () => {
    const bad = ['limit=-1', 'limit=0', 'limit=1001', 'limit=1e9', 'limit=1.5', 'limit=x', 'limit='];
    if (names.includes('skip')) bad.push('skip=-1', 'skip=1e9', 'skip=x');
    await forAll(bad, async (query) => {
      const reply = await callRightly(world, endpoint, route, { query: `?${query}` });
      expect([query, reply.status]).toEqual([query, 422]);
      expectProblem(reply, endpoint, 'validation_failed');
    });
  });

  test.runIf(names.includes('limit'))('takes unknown and doubled parameters for harmless', async () => {
    const reply = await callRightly(world, endpoint, route, { query: '?limit=1&limit=2&unknown=1&__proto__=1' });
    expect(reply.status).toBe(200);
  });
});

describe('paths', () => {
  const methodsByRoute = Map.groupBy(operations, ({ route }) => route);

  /** Whether a path of fixed words is one of a path with parameters: `keys/list` is a `keys/{key_id}` to other methods. */
  const isOneOf = (route: string, general: string): boolean => {
    const [words, parts] = [route.split('/'), general.split('/')];
    return words.length === parts.length && parts.every((part, at) => part.startsWith('{') || part === words[at]);
  };

  test.each([...methodsByRoute.keys()])('/%s answers other methods with 405 and what it allows', async (route) => {
    const here = methodsByRoute.get(route) ?? [];
    const matching = operations.filter((one) => isOneOf(route, one.route)).map(({ endpoint }) => endpoint.method);
    const allowed = [...new Set(matching)].sort();
    const [first] = here;
    if (first === undefined) throw new Error('A path without an endpoint.');
    const path = await pathOf(world, first.endpoint, route, { isRefused: true });
    const others = (['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const).filter((method) => !allowed.includes(method));
    for (const method of others) {
      const reply = await world.lab.anyone(method, path, { token: tokenFor(world, first.endpoint) });
      expect([method, reply.status, reply.json()['code']]).toEqual([method, 405, 'method_not_allowed']);
      expect(reply.headers.get('allow')?.split(', ').sort()).toEqual(allowed);
    }
  });

  test('an unknown path is a 404 problem document for every method', async () => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      for (const path of [
        '/nothing',
        '/api',
        '/api/student',
        '/api/configure/entries/x/y/z',
        '/%00',
        '/api//auth/me',
      ]) {
        const reply = await world.lab.anyone(method, path);
        expect([path, reply.status]).toEqual([path, 404]);
        expect(reply.headers.get('content-type')).toBe('application/problem+json');
      }
    }
  });
});

test('nothing that the battery did was an internal error', () => {
  const failed = world.lab.app.lines().filter((line) => line.event === 'request' && Number(line.status) >= 500);
  expect(failed.filter((line) => line.operation !== 'get-readiness')).toEqual([]);
});
