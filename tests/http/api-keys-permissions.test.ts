import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Held, type KeyLab, movableClock, readPath, startKeyLab, type WireKey } from './api-keys-lab.ts';
import type { Person } from './client.ts';

// A key never does more than its owner may do now, than its scopes say, or than the key that made it.

const clock = movableClock();
let lab: KeyLab;
beforeAll(async () => {
  lab = await startKeyLab({ clock });
});
afterAll(() => lab.close());

const keys = '/api/v1/auth/keys';
const component = { comp_name: 'Made by a key' };
const make = (secret: string) => lab.as(secret).post('/api/configure/flexagecomps/', component);

describe('scopes', () => {
  test('a key that reads does not write, and says which word verification has for it', async () => {
    const { key } = await lab.makeOwner('configurator', { scopes: ['read'] });
    expect((await lab.as(key.secret).get('/api/configure/flexagecomps/')).status).toBe(200);
    const refused = await make(key.secret);
    expect([refused.status, refused.json()]).toMatchObject([
      403,
      { code: 'forbidden', key_code: 'scope_missing', detail: 'Operation requires configurator or admin role' },
    ]);
  });

  test('a key with single permissions does these and nothing else', async () => {
    const { key } = await lab.makeOwner('configurator', { scopes: ['component:write'] });
    expect((await make(key.secret)).status).toBe(201);
    expect((await lab.as(key.secret).get('/api/configure/flexagecomps/')).status).toBe(403);
    expect((await lab.as(key.secret).get(readPath)).status).toBe(403);
  });

  test('names of features allow nothing by themselves', async () => {
    const { key } = await lab.makeOwner('configurator', { scopes: ['roblox', 'content', 'delete'] });
    for (const path of [readPath, '/api/configure/flexagecomps/', keys, `${keys}/validate`])
      expect([path, (await lab.as(key.secret).get(path)).status]).toEqual([path, 403]);
    expect(await lab.verify(key.secret, '?required_scope=roblox')).toMatchObject({ valid: true });
    expect(await lab.verify(key.secret, '?required_scope=ai')).toMatchObject({ code: 'scope_missing' });
    expect(await lab.verify(key.secret, '?required_scope=nonsense')).toMatchObject({ code: 'scope_missing' });
  });

  test('nobody gives a scope that they do not have', async () => {
    const student = await lab.makePerson('student');
    for (const scope of ['admin', 'user:admin', 'component:write']) {
      const reply = await student.post(keys, { name: 'x', scopes: ['read', scope] });
      expect(reply.refusal).toEqual([403, `You cannot give a scope that you do not have: ${scope}`]);
    }
    const key = await lab.makeKey(student);
    expect((await lab.patch(student, key.id, { scopes: ['admin'] })).status).toBe(403);
  });

  test('even a key with every scope is not let in where only people are', async () => {
    const key = await lab.makeKey(lab.root, { scopes: ['admin'] });
    const reply = await lab.as(key.secret).post(keys, { name: 'x', scopes: ['account:secure_self'] });
    expect(reply.status).toBe(422);
    await lab.root.delete(`${keys}/${key.id}`);
  });
});

describe('a key loses what its owner loses', () => {
  const admin = '/api/v1/admin/dead-letters';
  test('by a demotion at once, and what both may do stays', async () => {
    const owner = await lab.makePerson('admin');
    const key = await lab.makeKey(owner, { scopes: ['admin'] });
    expect((await lab.as(key.secret).get(admin)).status).toBe(200);
    expect(await lab.verify(key.secret, '?required_scope=admin')).toMatchObject({ valid: true });
    await lab.setAccount(owner, '/role', 'student');
    expect((await lab.as(key.secret).get(admin)).status).toBe(403);
    expect((await lab.as(key.secret).get('/api/configure/flexagecomps/')).status).toBe(403);
    expect((await lab.as(key.secret).get('/api/student/submissions')).status).toBe(200);
    expect(await lab.verify(key.secret, '?required_scope=admin')).toMatchObject({ code: 'scope_missing' });
    expect(await lab.verify(key.secret)).toMatchObject({ valid: true, scopes: [] });
    // Nor does it make another that reaches further.
    expect((await lab.as(key.secret).post(keys, { name: 'x', scopes: ['admin'] })).status).toBe(403);
    await lab.setAccount(owner, '/role', 'nobody_made_this_role');
    expect((await lab.as(key.secret).get(readPath)).status).toBe(403);
  });

  test('by a promotion it gains only what its scopes say', async () => {
    const { owner, key } = await lab.makeOwner('student');
    await lab.setAccount(owner, '/role', 'admin');
    expect((await lab.as(key.secret).get('/api/auth/users')).status).toBe(200);
    expect((await lab.as(key.secret).get(admin)).status).toBe(403);
    await lab.setAccount(owner, '/role', 'student');
  });

  test.each(['suspended', 'inactive'])(
    'everything when the account is %s, until it is active again',
    async (status) => {
      const { owner, key } = await lab.makeOwner('student');
      await lab.setAccount(owner, '/status', status);
      const refused = await lab.as(key.secret).get(readPath);
      expect([refused.status, refused.json()]).toMatchObject([401, { code: 'unauthenticated', key_code: 'disabled' }]);
      expect(await lab.verify(key.secret)).toMatchObject({ valid: false, code: 'disabled' });
      await lab.setAccount(owner, '/status', 'active');
      expect((await lab.as(key.secret).get(readPath)).status).toBe(200);
    },
  );

  test('everything when the account is deleted, as if the key had never been', async () => {
    const { owner, key } = await lab.makeOwner('student');
    const root = await lab.logInRoot();
    expect((await root.delete(`/api/v1/users/${owner.id}`)).status).toBe(204);
    expect(await lab.verify(key.secret)).toMatchObject({ code: 'not_found' });
    expect((await lab.as(key.secret).get(readPath)).refusal).toEqual([401, 'Could not validate credentials']);
    const gone = await lab.makeOwner('student');
    await lab.container('identity').item(gone.owner.id, 'accounts').delete();
    expect(await lab.verify(gone.key.secret)).toMatchObject({ code: 'not_found' });
  });
});

describe('a key that reaches into administration', () => {
  const wanted: [
    string,
    (owner: Person, plain: Held) => Promise<{ status: number; json(): Record<string, unknown> }>,
  ][] = [
    ['is made', (owner) => owner.post(keys, { name: 'x', scopes: ['admin'] })],
    [
      'is made by the other route',
      (owner) => owner.post('/api/v1/api-keys/create', { name: 'xyz', scopes: ['audit:read'] }),
    ],
    ['is made out of another', (owner, plain) => lab.patch(owner, plain.id, { scopes: ['read', 'admin'] })],
  ];

  test.each(wanted)('%s only by who has just proved who they are', async (_what, ask) => {
    const owner = await lab.makePerson('admin');
    const plain = await lab.makeKey(owner);
    clock.moveS(601);
    const refused = await ask(owner, plain);
    expect([refused.status, refused.json()['code']]).toEqual([403, 'step_up_required']);
    const again = await lab.logIn(owner.username, owner.password);
    expect((await ask(again, plain)).status).toBe(200);
  });

  test('is rotated, loosened and started again only so; anybody who may stops it', async () => {
    const owner = await lab.makePerson('admin');
    const key = await lab.makeKey(owner, { scopes: ['admin'], ip_whitelist: ['192.0.2.1'] });
    clock.moveS(601);
    const codes = async () => [
      (await owner.post(`/api/v1/api-keys/${key.id}/rotate`, {})).json()['code'],
      (await lab.patch(owner, key.id, { ip_whitelist: [] })).json()['code'],
      (await lab.patch(owner, key.id, { status: 'active' })).json()['code'],
    ];
    expect(await codes()).toEqual(['step_up_required', 'step_up_required', 'step_up_required']);
    expect((await lab.patch(owner, key.id, { status: 'disabled' })).status).toBe(200);
    expect((await owner.delete(`${keys}/${key.id}`)).status).toBe(200);
  });

  test('is made by no key, because a key cannot prove that a person is there', async () => {
    const owner = await lab.makePerson('admin');
    const key = await lab.makeKey(owner, { scopes: ['admin'] });
    const reply = await lab.as(key.secret).post(keys, { name: 'x', scopes: ['admin'] });
    expect([reply.status, reply.json()['code']]).toEqual([403, 'step_up_required']);
    expect((await lab.as(key.secret).post(keys, { name: 'x', scopes: ['write'] })).status).toBe(200);
  });
});

describe('a key that manages keys', () => {
  test('makes, lists, shows, changes, rotates and deletes those that reach no further than itself', async () => {
    const { key } = await lab.makeOwner('configurator');
    const program = lab.as(key.secret);
    const made = await program.post(keys, { name: 'made by a key', scopes: ['read'] });
    expect(made.status).toBe(200);
    const { id } = made.json<{ key_info: WireKey }>().key_info;
    expect((await program.get(keys)).json<WireKey[]>().map((one) => one.id)).toEqual([id, key.id]);
    expect((await program.get(`/api/v1/api-keys/${id}`)).status).toBe(200);
    expect((await program.patch(`/api/v1/api-keys/${id}`, { name: 'renamed' })).status).toBe(200);
    expect((await program.post(`/api/v1/api-keys/${id}/rotate`, {})).status).toBe(200);
    expect((await program.delete(`${keys}/${id}`)).status).toBe(200);
    const actions = (await lab.trail(id)).map((event) => event.action);
    expect(actions).toEqual(['api_key.created', 'api_key.changed', 'api_key.rotated', 'api_key.revoked']);
  });

  test('does not even see those that reach further', async () => {
    const owner = await lab.makePerson('admin');
    const strong = await lab.makeKey(owner, { scopes: ['admin'] });
    const weak = await lab.makeKey(owner, { scopes: ['write'] });
    const program = lab.as(weak.secret);
    expect((await program.get(keys)).json<WireKey[]>().map((one) => one.id)).toEqual([weak.id]);
    expect((await program.get(`${keys}/stats`)).json()).toMatchObject({ total_keys: 1 });
    const path = `/api/v1/api-keys/${strong.id}`;
    const answers = [
      await program.get(path),
      await program.patch(path, { status: 'disabled' }),
      await program.post(`${path}/rotate`, {}),
      await program.delete(path),
      await program.get(`/api/v1/api-keys/usage-stats?key_id=${strong.id}`),
    ];
    expect(answers.map((reply) => reply.refusal)).toEqual(answers.map(() => [404, 'API key not found']));
    expect((await lab.as(strong.secret).get(readPath)).status).toBe(200);
  });

  test('hands its own bounds down, and makes and changes none beyond them', async () => {
    const owner = await lab.makePerson('configurator');
    const key = await lab.makeKey(owner, {
      scopes: ['write'],
      place_ids: ['7', '8'],
      expires_in_days: 10,
      rate_limits: { per_hour: 100 },
    });
    const headers = { 'x-place-id': '7' };
    const ask = (fields: Record<string, unknown>) => lab.as(key.secret).post(keys, { name: 'x', ...fields }, headers);
    const heir = (await ask({})).json<{ key_info: WireKey }>().key_info;
    const parent = await lab.show(owner, key.id);
    expect(heir).toMatchObject({ place_ids: ['7', '8'], rate_limit: 100, expires_at: parent.expires_at });
    expect((await ask({ place_ids: ['8'], rate_limits: { per_hour: 50 }, expires_in_days: 9 })).status).toBe(200);
    const beyond = [
      { scopes: ['write', 'roblox'] },
      { place_ids: ['9'] },
      { expires_in_days: 11 },
      { rate_limits: { per_hour: 101 } },
    ];
    for (const fields of beyond) {
      expect([fields, (await ask(fields)).refusal]).toEqual([
        fields,
        [403, 'An API key makes and changes only keys that reach no further than itself'],
      ]);
    }
    const loosen = await lab
      .as(key.secret)
      .patch(`/api/v1/api-keys/${heir.id}`, { place_ids: [] })
      .then((reply) => reply.status);
    // The place of this call is not said, so the key is not even let in.
    expect(loosen).toBe(403);
    const place = { token: key.secret, headers };
    const path = `/api/v1/api-keys/${heir.id}`;
    expect((await lab.anyone('PATCH', path, { ...place, json: { place_ids: [] } })).status).toBe(403);
    expect((await lab.anyone('PATCH', path, { ...place, json: { rate_limits: null } })).status).toBe(403);
    expect((await lab.anyone('PATCH', path, { ...place, json: { place_ids: ['8'] } })).status).toBe(200);
  });

  test('with credits makes no key without', async () => {
    const { owner, key } = await lab.makeOwner('configurator');
    const admin = await lab.logInRoot();
    await lab.patch(admin, `${key.id}?user_id=${owner.id}`, { credits: { remaining: 100 } });
    expect((await lab.as(key.secret).post(keys, { name: 'x' })).status).toBe(403);
  });
});

describe('the keys of others', () => {
  test('are not found by their ids, and nobody learns whether somebody has any', async () => {
    const { owner, key } = await lab.makeOwner('student');
    const other = await lab.makePerson('teacher');
    const path = `/api/v1/api-keys/${key.id}`;
    const answers = [
      await other.get(path),
      await lab.patch(other, key.id, { name: 'mine' }),
      await other.post(`${path}/rotate`, {}),
      await other.delete(path),
      await other.get(`/api/v1/api-keys/usage-stats?key_id=${key.id}`),
    ];
    expect(answers.map((reply) => reply.status)).toEqual([404, 404, 404, 404, 404]);
    for (const id of [owner.id, randomUUID()]) {
      for (const query of [
        `/api/v1/api-keys/list?user_id=${id}`,
        `${keys}/stats?user_id=${id}`,
        `${path}?user_id=${id}`,
      ])
        expect((await other.get(query)).status).toBe(403);
      expect((await other.delete(`${path}?user_id=${id}`)).status).toBe(403);
    }
    expect((await lab.as(key.secret).get(readPath)).status).toBe(200);
  });

  test('are seen, limited, stopped and revoked by administrators, and never used by them', async () => {
    const { owner, key } = await lab.makeOwner('student');
    const admin = await lab.logInRoot();
    const at = `?user_id=${owner.id}`;
    expect((await admin.get(`/api/v1/api-keys/list${at}`)).json<WireKey[]>().map((one) => one.id)).toEqual([key.id]);
    expect((await admin.get(`${keys}/stats${at}`)).json()).toMatchObject({ total_keys: 1 });
    expect((await admin.get(`/api/v1/api-keys/${key.id}${at}`)).status).toBe(200);
    expect((await admin.get(`/api/v1/api-keys/${key.id}`)).status).toBe(404);
    const change = { credits: { remaining: 5 }, rate_limits: { per_hour: 10 }, status: 'disabled' };
    expect((await lab.patch(admin, `${key.id}${at}`, change)).status).toBe(200);
    expect((await lab.as(key.secret).get(readPath)).status).toBe(401);
    for (const field of [{ scopes: ['admin'] }, { name: 'x' }, { ip_whitelist: [] }, { metadata: {} }])
      expect((await lab.patch(admin, `${key.id}${at}`, field)).status).toBe(403);
    expect((await admin.post(`/api/v1/api-keys/${key.id}/rotate${at}`, {})).status).toBe(404);
    expect((await admin.delete(`/api/v1/api-keys/${key.id}${at}`)).status).toBe(200);
    const last = (await lab.trail(key.id)).at(-1);
    expect(last).toMatchObject({ action: 'api_key.revoked', actor: { id: admin.id } });
  });

  test('get credits from administrators alone', async () => {
    const { owner, key } = await lab.makeOwner('teacher');
    const reply = await lab.patch(owner, key.id, { credits: { remaining: 1_000_000 } });
    expect(reply.refusal).toEqual([403, 'Only an administrator can set the credits of an API key']);
  });
});
