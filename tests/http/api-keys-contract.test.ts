import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CliKeyCreate } from '../../shared/api-keys/schemas.ts';
import { loadConfig } from '../../shared/platform/config.ts';
import { createRuntime } from '../../shared/services.ts';
import { type KeyLab, startKeyLab, type WireKey } from './api-keys-lab.ts';
import { principalOf } from './client.ts';

// The rows of the two contracts about API keys, as their clients call them.

let lab: KeyLab;
beforeAll(async () => {
  lab = await startKeyLab();
});
afterAll(() => lab.close());

const dayMs = 86_400_000;
const cli = '/api/v1/auth/keys';
const rest = '/api/v1/api-keys';

describe('the command line', () => {
  test('makes a key with a name alone and gets all that it prints; the secret stands nowhere else', async () => {
    const owner = await lab.makePerson('student');
    const reply = await owner.post(cli, { name: 'My laptop' });
    expect(reply.status).toBe(200);
    const made = reply.json<{ success: boolean; api_key: string; key_info: WireKey; warning: string }>();
    expect(made).toMatchObject({
      success: true,
      warning: expect.any(String),
      key_info: { name: 'My laptop', expires_at: null, metadata: {}, client_type: 'cli', scopes: ['read', 'write'] },
    });
    expect(made.key_info).toMatchObject({ id: expect.any(String), created_at: expect.any(String) });
    expect(made.api_key).toMatch(/^lyc_[0-9a-f]{8}_[0-9A-Za-z]{38}$/);
    expect(made.key_info.prefix).toBe(made.api_key.split('_')[1]);
    for (const path of [cli, `${rest}/${made.key_info.id}`, `${cli}/stats`, `${rest}/usage-stats`])
      expect((await owner.get(path)).text).not.toContain(made.api_key.slice(13));
    const { resource } = await lab.container('identity').item(`key:${made.key_info.id}`, owner.id).read();
    expect(JSON.stringify(resource)).not.toContain(made.api_key.slice(13));
    expect(resource.secrets[0].hash).toMatch(/^[0-9a-f]{64}$/);
    expect(lab.app.log.join('\n')).not.toContain(made.api_key.slice(13));
  });

  test('sends client_type and expires_in_days', async () => {
    const owner = await lab.makePerson('user');
    const before = Date.now();
    const reply = await owner.post(cli, {
      name: 'ci',
      client_type: 'ci',
      expires_in_days: 30,
      metadata: { host: 'x' },
    });
    const { key_info } = reply.json<{ key_info: WireKey & { metadata: unknown; client_type: string } }>();
    expect(key_info).toMatchObject({ client_type: 'ci', metadata: { host: 'x' } });
    expect(Math.round((Date.parse(key_info.expires_at ?? '') - before) / dayMs)).toBe(30);
  });

  test('uses the key in every header that a client has for it', async () => {
    const { owner, key } = await lab.makeOwner('student');
    const headers: Record<string, string>[] = [
      { authorization: `Bearer ${key.secret}` },
      { authorization: `bearer ${key.secret}` },
      { authorization: `Api-Key ${key.secret}` },
      { 'x-api-key': key.secret },
    ];
    for (const one of headers) {
      const reply = await lab.anyone('GET', '/api/auth/me', { headers: one });
      expect([reply.status, reply.json()['user_id']]).toEqual([200, owner.id]);
    }
  });

  test('validates a key and a token, and is refused with 401 for anything else', async () => {
    const email = `${randomUUID()}@example.org`;
    const owner = await lab.makePerson('student', { email });
    const key = await lab.makeKey(owner);
    const user = { id: owner.id, email, username: owner.username, is_active: true };
    const byKey = await lab.as(key.secret).get(`${cli}/validate`);
    expect([byKey.status, byKey.json()]).toEqual([
      200,
      { valid: true, user, key_id: key.id, message: expect.any(String) },
    ]);
    const byToken = await owner.get(`${cli}/validate`);
    expect([byToken.status, byToken.json()]).toEqual([
      200,
      { valid: true, user, key_id: null, message: expect.any(String) },
    ]);
    for (const token of [
      undefined,
      'lyc_garbage',
      `${key.secret}x`,
      key.secret.slice(0, -1),
      key.secret.toUpperCase(),
    ]) {
      const refused = await lab.anyone('GET', `${cli}/validate`, { token });
      expect(refused.refusal).toEqual([401, 'Could not validate credentials']);
    }
  });

  test('lists keys as a bare array, newest first, without those that were revoked', async () => {
    const { owner, key: first } = await lab.makeOwner('power');
    const second = await lab.makeKey(owner, { name: 'second' });
    const third = await lab.makeKey(owner, { name: 'third' });
    await owner.delete(`${cli}/${second.id}`);
    const reply = await owner.get(cli);
    const list = reply.json<WireKey[]>();
    expect(list.map((one) => one.id)).toEqual([third.id, first.id]);
    expect(list[0]).toMatchObject({
      prefix: third.prefix,
      last_used: null,
      expires_at: null,
      is_active: true,
      is_expired: false,
      created_at: expect.any(String),
      metadata: {},
    });
    const all = (await owner.get(`${cli}?include_revoked=true`)).json<WireKey[]>();
    expect(all.map((one) => [one.id, one.is_active])).toEqual([
      [third.id, true],
      [second.id, false],
      [first.id, true],
    ]);
    const page = await owner.get(`${rest}/list?limit=1`);
    expect(page.json<WireKey[]>().map((one) => one.id)).toEqual([third.id]);
    const next = /<([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1] ?? '';
    expect((await owner.get(next)).json<WireKey[]>().map((one) => one.id)).toEqual([first.id]);
  });

  test('deletes a key, which is refused from then on; a second time, and for the key of another, it is 404', async () => {
    const { owner, key } = await lab.makeOwner('student');
    const { key: other } = await lab.makeOwner('student');
    expect((await owner.delete(`${cli}/${key.id}`)).status).toBe(200);
    expect((await lab.as(key.secret).get('/api/auth/me')).status).toBe(401);
    expect((await owner.delete(`${cli}/${key.id}`)).refusal).toEqual([404, 'API key not found']);
    expect((await owner.delete(`${cli}/${other.id}`)).refusal).toEqual([404, 'API key not found']);
    expect((await lab.as(other.secret).get('/api/auth/me')).status).toBe(200);
  });

  test('is told of a sixth key that five are active; revoked and expired ones do not count', async () => {
    const owner = await lab.makePerson('student');
    const keys = [];
    for (let i = 0; i < 5; i += 1) keys.push(await lab.makeKey(owner));
    for (const path of [cli, `${rest}/create`]) {
      const sixth = await owner.post(path, { name: 'sixth' });
      expect([sixth.status, sixth.json()['code']]).toEqual([400, 'api_key_limit']);
    }
    await owner.delete(`${cli}/${keys[2]?.id}`);
    await lab.makeKey(owner);
    expect((await owner.post(cli, { name: 'seventh' })).status).toBe(400);
    // A key that is only disabled can come back, so it keeps its place.
    await lab.patch(owner, keys[0]?.id ?? '', { status: 'disabled' });
    expect((await owner.post(cli, { name: 'eighth' })).status).toBe(400);
  });

  test('counts the keys of the owner', async () => {
    const { owner, key } = await lab.makeOwner('student');
    await lab.makeKey(owner);
    await lab.patch(owner, (await lab.makeKey(owner)).id, { status: 'disabled' });
    await owner.delete(`${cli}/${key.id}`);
    expect((await owner.get(`${cli}/stats`)).json()).toEqual({
      total_keys: 3,
      active_keys: 1,
      disabled_keys: 1,
      expired_keys: 0,
      revoked_keys: 1,
      max_keys: 5,
      usage_count: 0,
      refused_count: 0,
      last_used: null,
    });
  });

  test('is not for guests', async () => {
    const guest = await lab.makePerson('guest');
    expect((await guest.post(cli, { name: 'x' })).refusal).toEqual([403, 'Operation is not open to guests']);
  });
});

describe('the manager of keys', () => {
  test('makes a key that reads, a thousand times an hour', async () => {
    const owner = await lab.makePerson('teacher');
    const reply = await owner.post(`${rest}/create`, { name: 'Game server' });
    expect(reply.status).toBe(200);
    expect(reply.json()).toMatchObject({
      key_id: expect.any(String),
      api_key: expect.stringMatching(/^lyc_/),
      name: 'Game server',
      description: null,
      scopes: ['read'],
      place_ids: [],
      status: 'active',
      expires_at: null,
      rate_limit: 1000,
      usage_count: 0,
      created_at: expect.any(String),
    });
  });

  test('makes a key with everything that can be said of one', async () => {
    const owner = await lab.makePerson('teacher');
    const reply = await owner.post(`${rest}/create`, {
      name: ' Server ',
      description: 'of the second year',
      scopes: ['read', 'script.generate', 'content.access', 'read'],
      place_ids: ['123', 456],
      ip_whitelist: ['192.0.2.0/24', '2001:db8::/32'],
      origins: ['https://App.Example.org/', 'http://localhost:3000'],
      expires_in_days: 365,
      rate_limit: 10_000,
    });
    expect(reply.json()).toMatchObject({
      name: 'Server',
      description: 'of the second year',
      scopes: ['read', 'script.generate', 'content.access'],
      place_ids: ['123', '456'],
      ip_whitelist: ['192.0.2.0/24', '2001:db8::/32'],
      origins: ['https://app.example.org', 'http://localhost:3000'],
      rate_limit: 10_000,
      rate_limits: { per_minute: null, per_hour: 10_000, per_day: null },
    });
    const limits = { per_minute: 60, per_hour: 1000, per_day: 10_000 };
    const second = await owner.post(`${rest}/create`, { name: 'second', rate_limits: limits });
    expect(second.json()['rate_limits']).toEqual(limits);
  });

  test.each<[string, Record<string, unknown>]>([
    ['a short name', { name: 'ab' }],
    ['a long name', { name: 'x'.repeat(101) }],
    ['a name of spaces', { name: '     ' }],
    ['a name of two lines', { name: 'two\nlines' }],
    ['a long description', { description: 'x'.repeat(501) }],
    ['an unknown scope', { scopes: ['read', 'everything'] }],
    ['what is for people alone', { scopes: ['account:secure_self'] }],
    ['no scope', { scopes: [] }],
    ['too many scopes', { scopes: Array.from({ length: 51 }, () => 'read') }],
    ['an end that is too near', { expires_in_days: 0 }],
    ['an end that is too far', { expires_in_days: 366 }],
    ['half a day', { expires_in_days: 1.5 }],
    ['two ends', { expires_in_days: 3, expires_at: '2099-01-01T00:00:00Z' }],
    ['an end in the past', { expires_at: '2001-01-01T00:00:00Z' }],
    ['an end that is more than ten years away', { expires_at: '2999-01-01T00:00:00Z' }],
    ['an end that is no time', { expires_at: 'tomorrow' }],
    ['too few calls', { rate_limit: 9 }],
    ['too many calls', { rate_limit: 10_001 }],
    ['too many calls in a minute', { rate_limits: { per_minute: 601 } }],
    ['no address', { ip_whitelist: ['localhost'] }],
    ['no range', { ip_whitelist: ['192.0.2.0/33'] }],
    ['no origin', { origins: ['app.example.org'] }],
    ['an origin with a path', { origins: ['https://app.example.org/x'] }],
    ['every origin', { origins: ['*'] }],
    ['no place', { place_ids: ['my place'] }],
    ['a place below zero', { place_ids: [-1] }],
    ['too many places', { place_ids: Array.from({ length: 51 }, (_, at) => at) }],
    ['metadata in metadata', { metadata: { a: { b: 1 } } }],
    ['too much metadata', { metadata: Object.fromEntries(Array.from({ length: 21 }, (_, at) => [at, at])) }],
    ['long metadata', { metadata: { a: 'x'.repeat(501) } }],
    ['credits', { credits: 'many', name: 7 }],
  ])('refuses %s with 422', async (_what, fields) => {
    const reply = await lab.root.post(`${rest}/create`, { name: 'a good name', ...fields });
    expect([reply.status, reply.json()['code']]).toEqual([422, 'validation_failed']);
  });

  test('sets an end by its time', async () => {
    const year = new Date().getUTCFullYear() + 2;
    const owner = await lab.makePerson('teacher');
    const reply = await owner.post(`${rest}/create`, { name: 'until', expires_at: `${year}-01-01T01:00:00+01:00` });
    expect(reply.json()['expires_at']).toBe(`${year}-01-01T00:00:00.000Z`);
  });

  test('lists, shows and revokes with a reason', async () => {
    const { owner, key } = await lab.makeOwner('teacher');
    expect((await owner.get(`${rest}/list`)).json<WireKey[]>().map((one) => one.key_id)).toEqual([key.id]);
    expect(await lab.show(owner, key.id)).toMatchObject({ key_id: key.id, status: 'active' });
    const reply = await owner.delete(`${rest}/${key.id}?reason=left%20in%20a%20repository`);
    expect([reply.status, reply.json()]).toEqual([200, { message: 'API key revoked successfully' }]);
    expect(await lab.show(owner, key.id)).toMatchObject({
      status: 'revoked',
      revoked_reason: 'left in a repository',
      is_active: false,
    });
    expect((await owner.get(`${rest}/list`)).json()).toEqual([]);
    expect((await owner.get(`${rest}/list?include_revoked=true`)).json<WireKey[]>()).toHaveLength(1);
    expect((await owner.delete(`${rest}/${randomUUID()}`)).refusal).toEqual([404, 'API key not found']);
  });

  test('answers 200 whether a key is good or not', async () => {
    const owner = await lab.makePerson('teacher');
    const key = (await owner.post(`${rest}/create`, { name: 'server', place_ids: [77], rate_limit: 10 })).json<{
      api_key: string;
      key_id: string;
    }>();
    expect(await lab.verify(key.api_key, '?required_scope=read', { 'x-place-id': '77' })).toMatchObject({
      valid: true,
      code: 'valid',
      key_id: key.key_id,
      scopes: ['read'],
      place_ids: ['77'],
      rate_limit_remaining: 9,
    });
    expect(await lab.verify(undefined)).toEqual({ valid: false, code: 'not_found', error: 'API key required' });
    expect(await lab.verify('nonsense')).toEqual({ valid: false, code: 'not_found', error: 'API key not found' });
    expect(await lab.verify(key.api_key)).toMatchObject({ valid: false, code: 'place_refused' });
  });

  test('changes what may be changed, and says with an ETag who was first', async () => {
    const { owner, key } = await lab.makeOwner('teacher');
    const etag = (await owner.get(`${rest}/${key.id}`)).headers.get('etag') ?? '';
    const change = { name: 'New', description: 'd', scopes: ['read'], metadata: { a: 1 }, place_ids: ['5'] };
    const changed = await lab.patch(owner, key.id, change, { 'if-match': etag });
    expect([changed.status, changed.json()]).toMatchObject([200, change]);
    expect((await lab.patch(owner, key.id, { name: 'Late' }, { 'if-match': etag })).status).toBe(412);
    // Counting is no change: what was seen before a call is still what was seen.
    const seen = changed.headers.get('etag') ?? '';
    await lab.verify(key.secret, '', { 'x-place-id': '5' });
    expect((await lab.patch(owner, key.id, { description: null }, { 'if-match': seen })).status).toBe(200);
    expect(await lab.show(owner, key.id)).toMatchObject({ name: 'New', description: null });
    await owner.delete(`${rest}/${key.id}`);
    expect((await lab.patch(owner, key.id, { status: 'active' })).status).toBe(404);
  });

  test('makes keys with the configured prefix, and keeps those of an earlier one', async () => {
    const { owner, key } = await lab.makeOwner('teacher');
    const config = loadConfig({ ...lab.app.settings, API_KEY_PREFIX: 'zbl' });
    const instance = createRuntime(config, { writeLog: () => undefined });
    const user = principalOf(owner.user);
    const request = CliKeyCreate.parse({ name: 'of today' });
    const made = await instance.services.apiKeys.create(user, request, randomUUID());
    expect(made.api_key).toMatch(/^zbl_/);
    expect(made.prefix).not.toMatch(/^zbl/);
    const verified = await instance.services.keyVerification.verify(key.secret, user.caller, undefined);
    await instance.close();
    expect(verified).toMatchObject({ valid: true, key_id: key.id });
    expect(await lab.verify(made.api_key)).toMatchObject({ valid: true, key_id: made.key_id });
  });
});
