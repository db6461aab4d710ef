import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Lab, type Person, startLab } from './client.ts';

let lab: Lab;
let nowMs = Date.now();
beforeAll(async () => {
  lab = await startLab({ overrides: { clock: { now: () => nowMs } } });
});
afterAll(() => lab.close());

const me = '/api/v1/users/me';
const address = () => `${randomUUID()}@example.org`;
const canLogIn = async (username: string, password: string) =>
  (await lab.anyone('POST', '/api/auth/login/json', { json: { username, password } })).status;

test.each(['/api/v1/users/me', '/api/v1/users/me/profile', '/api/auth/me'])(
  '%s answers the own account',
  async (path) => {
    const person = await lab.makePerson('guest');
    const reply = await person.get(path);
    expect([reply.status, reply.json()['user_id']]).toEqual([200, person.id]);
    expect((await lab.anyone('GET', path)).status).toBe(401);
  },
);

describe.each(['PUT', 'PATCH'])('%s /api/v1/users/me', (method) => {
  const change = (person: Person, json: unknown, headers = {}) => person.call(method, me, { json, headers });

  test('changes what is named, and the answer is the account', async () => {
    const person = await lab.makePerson('student', { full_name: 'Ann Example' });
    const fields = {
      username: `ann ${randomUUID()}`,
      email: address(),
      first_name: 'Ann',
      last_name: 'Other',
      display_name: 'Annie',
      language: 'de-AT',
      timezone: 'Europe/Vienna',
      preferences: { theme: 'dark', panes: [1, 2, { open: true }] },
    };
    const reply = await change(person, fields);
    expect(reply.status).toBe(200);
    expect(reply.json()).toMatchObject({ ...fields, full_name: 'Ann Example', is_verified: false });
    expect((await person.get(me)).text).toBe(reply.text);
    expect(await canLogIn(fields.username, person.password)).toBe(200);
    expect(await canLogIn(fields.email, person.password)).toBe(200);
    expect(await canLogIn(person.username, person.password)).toBe(401);
  });

  test('what is taken is a conflict, with the texts of the pages', async () => {
    const [one, other] = [await lab.makePerson('user', { email: address() }), await lab.makePerson('user')];
    expect((await change(other, { username: one.username })).refusal).toEqual([409, 'Username already taken']);
    const upper = one.user.email?.toUpperCase();
    expect((await change(other, { email: upper })).refusal).toEqual([409, 'Email already registered']);
  });

  test.each([
    ['role', { role: 'admin' }],
    ['tier', { tier: 'enterprise' }],
    ['status', { status: 'active', is_verified: true, mfa_enabled: false }],
    ['password', { password: 'another long password' }],
    ['id', { user_id: randomUUID(), id: randomUUID() }],
    ['stored fields', { session_version: 99, password_hash: 'x', second_factors: {}, type: 'role', pk: 'x' }],
  ])('nobody changes the own %s with it', async (_what, json) => {
    const person = await lab.makePerson('student');
    const before = await person.get(me);
    const reply = await change(person, json);
    expect([reply.status, reply.text]).toEqual([200, before.text]);
    expect((await person.get('/api/v1/admin/users')).status).toBe(403);
    expect(await canLogIn(person.username, person.password)).toBe(200);
  });

  test('is_active may be sent back, but ends nothing', async () => {
    const person = await lab.makePerson('user');
    expect((await change(person, { is_active: true })).status).toBe(200);
    expect((await change(person, { is_active: false })).status).toBe(422);
    expect((await person.get(me)).json()['is_active']).toBe(true);
  });

  test('a new address needs a proof of the last ten minutes, other changes do not', async () => {
    const person = await lab.makePerson('student', { email: address() });
    const started = nowMs;
    nowMs += 600_000 - 1;
    expect((await change(person, { email: address() })).status).toBe(200);
    nowMs += 1;
    const [reply, next] = [await change(person, { first_name: 'Still' }), address()];
    expect(reply.status).toBe(200);
    const refused = await change(person, { email: next });
    expect([refused.status, refused.json()['code']]).toEqual([403, 'step_up_required']);
    expect((await change(person, { email: reply.json()['email'] })).status).toBe(200);
    expect(await canLogIn(next, person.password)).toBe(401);
    nowMs = started;
  });

  test('who saw an older version changes nothing', async () => {
    const person = await lab.makePerson('student');
    const old = (await person.get(me)).headers.get('etag') ?? '';
    const changed = await change(person, { first_name: 'New' }, { 'if-match': old });
    expect(changed.headers.get('etag')).toBe((await person.get(me)).headers.get('etag'));
    const late = await change(person, { first_name: 'Late' }, { 'if-match': old });
    expect([late.status, late.json()['code']]).toEqual([412, 'precondition_failed']);
  });

  test.each([
    ['too many characters', { a: 'x'.repeat(16_384) }],
    ['too deep', { a: { b: { c: { d: { e: { f: {} } } } } } }],
    ['too many entries', Object.fromEntries(Array.from({ length: 501 }, (_value, n) => [`k${n}`, 0]))],
    ['a key that is too long', { ['k'.repeat(201)]: 1 }],
    ['a text', 'dark'],
  ])('refuses preferences with %s', async (_what, preferences) => {
    const person = await lab.makePerson('guest');
    expect((await change(person, { preferences })).status).toBe(422);
    expect((await person.get(me)).json()['preferences']).toEqual({});
  });

  test('preferences cannot reach the prototype of anything', async () => {
    const person = await lab.makePerson('guest');
    const raw = '{"preferences":{"__proto__":{"admin":true},"constructor":{"a":1}}}';
    const reply = await person.call(method, me, { raw, headers: { 'content-type': 'application/json' } });
    expect(reply.status).toBe(200);
    expect(Object.hasOwn(Object.prototype, 'admin')).toBe(false);
  });
});

describe('PUT /api/v1/users/me/profile', () => {
  test('keeps how one wants to learn', async () => {
    const person = await lab.makePerson('user');
    const learning_profile = { role: 'developer', level: 'beginner', lenses: ['a', 'b'], primaryLens: 'a' };
    const reply = await person.put(`${me}/profile`, { learning_profile });
    expect([reply.status, reply.json()]).toEqual([200, { ok: true }]);
    expect((await person.get(`${me}/profile`)).json()['learning_profile']).toEqual(learning_profile);
    expect((await person.put(`${me}/profile`, { learning_profile })).json()).toEqual({ ok: true });
  });

  test.each([
    ['nothing', {}],
    ['a text', { learning_profile: 'x' }],
    ['too many lenses', { learning_profile: { lenses: Array.from({ length: 51 }, () => 'x') } }],
    ['a long level', { learning_profile: { level: 'x'.repeat(101), lenses: [] } }],
  ])('refuses %s', async (_what, json) => {
    const person = await lab.makePerson('user');
    expect((await person.put(`${me}/profile`, json)).status).toBe(422);
  });
});

describe('DELETE /api/v1/users/me', () => {
  test.each(['power', 'user', 'guest'])('a %s ends the own account, and it is gone', async (role) => {
    const person = await lab.makePerson(role, { email: address() });
    expect((await person.delete(me)).status).toBe(204);
    expect((await person.get(me)).status).toBe(401);
    expect(await canLogIn(person.username, person.password)).toBe(401);
    expect((await lab.root.get(`/api/v1/users/${person.id}`)).status).toBe(404);
    await lab.makePerson(role, { username: person.username });
  });

  test.each(['student', 'parent', 'teacher', 'configurator', 'admin'])('a %s does not', async (role) => {
    const person = await lab.makePerson(role);
    expect((await person.delete(me)).status).toBe(403);
    expect((await person.get(me)).status).toBe(200);
  });

  test('it needs a proof of the last ten minutes', async () => {
    const person = await lab.makePerson('user');
    const started = nowMs;
    nowMs += 600_000;
    const reply = await person.delete(me);
    expect([reply.status, reply.json()['code']]).toEqual([403, 'step_up_required']);
    nowMs = started;
    expect((await person.delete(me)).status).toBe(204);
  });
});

describe('what only somebody who is there may do', () => {
  const admins: Record<string, (root: Person, id: string) => Promise<{ status: number; json(): object }>> = {
    'delete an account': (root, id) => root.delete(`/api/v1/users/${id}`),
    'make an administrator of somebody': (root, id) => root.put(`/api/v1/users/${id}`, { role: 'admin' }),
    'make an administrator by the other route': (root, id) =>
      root.call('PATCH', `/api/v1/admin/users/${id}/role`, { json: { role: 'admin' } }),
    'make an account of an administrator': (root) =>
      root.post('/api/v1/users/', { username: randomUUID(), password: 'a long enough password', role: 'admin' }),
    'register an administrator': (root) =>
      root.post('/api/auth/register', { username: randomUUID(), password: 'a long enough password', role: 'admin' }),
    'set an address': (root, id) => root.put(`/api/v1/users/${id}`, { email: address() }),
    'set a password': (root, id) => root.put(`/api/v1/users/${id}`, { password: 'a long enough password' }),
    'make a role': (root) => root.post('/api/v1/roles/', { name: `r${Date.now()}`, permissions: [] }),
  };

  test.each(Object.entries(admins))('%s: after ten minutes the proof is asked for again', async (_what, act) => {
    const [root, person] = [await lab.makePerson('admin'), await lab.makePerson('guest')];
    const started = nowMs;
    nowMs += 600_000;
    const refused = await act(root, person.id);
    expect([refused.status, refused.json()]).toEqual([403, expect.objectContaining({ code: 'step_up_required' })]);
    expect((await root.put(`/api/v1/users/${person.id}`, { first_name: 'x', role: 'user' })).status).toBe(200);
    nowMs = started;
    expect((await act(root, person.id)).status).toBeLessThan(300);
  });
});
