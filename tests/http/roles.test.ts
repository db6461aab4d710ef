import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../shared/platform/config.ts';
import { withMeter } from '../../shared/platform/meter.ts';
import { builtInRoles, permissionNames, permissions, permissionsOfRole } from '../../shared/platform/permissions.ts';
import { createRuntime } from '../../shared/services.ts';
import { type Lab, type Person, startLab } from './client.ts';
import { eventsAbout } from './events.ts';

interface WireRole {
  name: string;
  description: string;
  permissions: { codename: string; description: string }[];
  is_built_in: boolean;
}

let lab: Lab;
beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab.close());

const path = (name = '') => `/api/v1/roles/${name}`;
const newName = () => `r${randomUUID().replaceAll('-', '').slice(0, 20)}`;
const create = (by: Person, fields: Record<string, unknown> = {}) =>
  by.post(path(), { name: newName(), permissions: ['account:read_self', 'account:list'], ...fields });
const make = async (fields: Record<string, unknown> = {}) => {
  const reply = await create(lab.root, fields);
  expect([reply.status, reply.text]).toEqual([201, expect.any(String)]);
  return reply.json<WireRole>();
};
const give = (by: Person, person: Person, role: string) => by.put(`/api/v1/users/${person.id}`, { role });
/** Somebody with exactly these permissions. */
async function makeWith(names: readonly string[]): Promise<Person> {
  const [role, person] = [await make({ permissions: names }), await lab.makePerson('guest')];
  expect((await give(lab.root, person, role.name)).status).toBe(200);
  return person;
}

describe('GET /api/v1/roles/', () => {
  test('shows everybody who is signed in every role and what it may do', async () => {
    const custom = await make({ description: 'Looks after the library' });
    for (const role of builtInRoles) {
      const person = await lab.makePerson(role);
      const reply = await person.get(path());
      expect(reply.status).toBe(200);
      const roles = reply.json<WireRole[]>();
      expect(roles.slice(0, builtInRoles.length).map(({ name }) => name)).toEqual([...builtInRoles]);
      expect(roles).toContainEqual(custom);
      for (const one of roles.slice(0, builtInRoles.length)) {
        expect(one).toMatchObject({ is_built_in: true, description: expect.stringMatching(/\.$/) });
        expect(one.permissions.map(({ codename }) => codename)).toEqual(
          permissionNames.filter((name) => permissionsOfRole(one.name)?.has(name)),
        );
      }
    }
    expect(custom).toMatchObject({ is_built_in: false, description: 'Looks after the library' });
    for (const { codename, description } of custom.permissions) {
      expect(description).toBe(permissions[codename as keyof typeof permissions].description);
    }
    expect((await lab.anyone('GET', path())).status).toBe(401);
  });

  test('one role is read by its name, aliases of older clients included', async () => {
    const custom = await make();
    const person = await lab.makePerson('guest');
    expect((await person.get(path(custom.name))).json()).toEqual(custom);
    expect((await person.get(path('superuser'))).json<WireRole>().name).toBe('admin');
    expect((await person.get(path(newName()))).refusal).toEqual([404, 'Role not found']);
  });
});

describe('making a role', () => {
  test('gives those who have it its permissions and no others, from that moment on', async () => {
    const person = await makeWith(['account:list', 'account:read_self']);
    expect((await person.get('/api/v1/users/')).status).toBe(200);
    expect((await person.get('/api/configure/flexagecomps/')).status).toBe(403);
    const { name } = await make({ permissions: ['component:read'] });
    await give(lab.root, person, name);
    expect((await person.get('/api/v1/users/')).status).toBe(403);
    expect((await person.get('/api/configure/flexagecomps/')).status).toBe(200);
  });

  test.each([...builtInRoles, 'superuser', 'regular', 'ADMIN'])('%s is the name of a built-in role', async (name) => {
    const reply = await create(lab.root, { name });
    expect([reply.status, reply.json()['code']]).toEqual([409, 'conflict']);
  });

  test('six of one name at once are one', async () => {
    const name = newName();
    const replies = await Promise.all([1, 2, 3, 4, 5, 6].map(() => create(lab.root, { name })));
    expect(replies.map((reply) => reply.status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
  });

  test('a repeat with the same key is the same role', async () => {
    const [json, headers] = [{ name: newName(), permissions: [] }, { 'idempotency-key': randomUUID() }];
    const [first, second] = [await lab.root.post(path(), json, headers), await lab.root.post(path(), json, headers)];
    expect([second.status, second.text]).toEqual([201, first.text]);
  });

  test.each([
    ['a permission that is none', { permissions: ['world:rule'] }],
    ['no permissions', { permissions: undefined }],
    ['a name with a space', { name: 'a b' }],
    ['a name that begins with a digit', { name: '1abc' }],
    ['a name of one letter', { name: 'a' }],
    ['a name that ends a query', { name: "a' OR 1=1" }],
    ['a description of 501 characters', { description: 'x'.repeat(501) }],
  ])('refuses %s', async (_what, fields) => {
    expect((await create(lab.root, fields)).status).toBe(422);
  });

  test('is for who may administer roles', async () => {
    const { name } = await make();
    for (const role of builtInRoles.filter((one) => one !== 'admin')) {
      const person = await lab.makePerson(role);
      expect((await create(person)).status).toBe(403);
      expect((await person.put(path(name), { permissions: [] })).status).toBe(403);
      expect((await person.delete(path(name))).status).toBe(403);
    }
  });

  test('there can be 100 of them', async () => {
    const other = await startRolesOnly();
    await other.fill(99);
    expect((await create(lab.root)).status).toBe(201);
    expect((await create(lab.root)).refusal).toEqual([409, 'There can be 100 roles at most']);
    await other.clear();
  });
});

/** Fills up the roles directly, and takes them away again. */
async function startRolesOnly() {
  const identity = lab.container('identity');
  const made: string[] = [];
  return {
    async fill(count: number) {
      const present = (await lab.root.get(path())).json<WireRole[]>().length - builtInRoles.length;
      for (let n = present; n < count; n += 1) {
        const name = newName();
        const at = new Date().toISOString();
        const doc = { pk: 'accounts', type: 'role', schema_version: 1, role_id: randomUUID(), name, description: '' };
        await identity.items.create({
          ...doc,
          id: `role:${name}`,
          permissions: [],
          times_given: 0,
          created_at: at,
          updated_at: at,
        });
        made.push(`role:${name}`);
      }
    },
    async clear() {
      for (const id of made) await identity.item(id, 'accounts').delete();
    },
  };
}

describe('changing a role', () => {
  test('counts at once for everybody who has it', async () => {
    const { name } = await make();
    const person = await lab.makePerson('guest');
    await give(lab.root, person, name);
    expect((await person.get('/api/v1/users/')).status).toBe(200);
    const reply = await lab.root.put(path(name), { permissions: ['account:read_self'], description: 'Less' });
    expect([reply.status, reply.json()['description']]).toEqual([200, 'Less']);
    expect((await person.get('/api/v1/users/')).status).toBe(403);
    expect((await lab.root.put(path(name), {})).json<WireRole>().permissions).toHaveLength(1);
  });

  test('a built-in role stays as it is', async () => {
    for (const name of ['admin', 'student', 'superuser']) {
      expect((await lab.root.put(path(name), { permissions: [] })).refusal).toEqual([
        409,
        'A built-in role stays as it is',
      ]);
      expect((await lab.root.delete(path(name))).status).toBe(409);
    }
  });

  test('it cannot start or cease to make administrators', async () => {
    const plain = await make();
    const head = await make({ permissions: ['user:admin'] });
    expect((await lab.root.put(path(plain.name), { permissions: ['user:admin'] })).status).toBe(409);
    expect((await lab.root.put(path(head.name), { permissions: [] })).status).toBe(409);
    expect((await lab.root.put(path(head.name), { permissions: ['user:admin', 'audit:read'] })).status).toBe(200);
  });

  test('who saw an older version changes nothing', async () => {
    const { name } = await make();
    const old = (await lab.root.get(path(name))).headers.get('etag') ?? '';
    const changed = await lab.root.put(path(name), { description: 'New' }, { 'if-match': old });
    expect(changed.headers.get('etag')).toBe((await lab.root.get(path(name))).headers.get('etag'));
    expect((await lab.root.put(path(name), { description: 'Late' }, { 'if-match': old })).status).toBe(412);
    expect((await lab.root.delete(path(name), undefined, { 'if-match': old })).status).toBe(412);
  });

  test('is told to the trail', async () => {
    const { name } = await make();
    await lab.root.put(path(name), { permissions: [] });
    await lab.root.delete(path(name));
    const events = await eventsAbout(lab, name);
    expect(events.map((event) => event.action)).toEqual(['role.created', 'role.changed', 'role.deleted']);
  });
});

describe('nobody gets more power than they have, but from an administrator', () => {
  test('who administers roles without being an administrator passes on only what they have', async () => {
    const keeper = await makeWith(['role:admin', 'role:read', 'account:list']);
    expect((await create(keeper, { permissions: ['role:read'] })).status).toBe(201);
    expect((await create(keeper, { permissions: ['user:admin'] })).status).toBe(403);
    expect((await create(keeper, { permissions: ['audit:read'] })).status).toBe(403);
    const own = (await lab.root.get(`/api/v1/users/${keeper.id}`)).json()['role'];
    const more = ['role:admin', 'role:read', 'account:list', 'audit:read'];
    expect((await keeper.put(path(String(own)), { permissions: more })).status).toBe(403);
    // What an administrator put into a role may stay there.
    const other = await make({ permissions: ['audit:read'] });
    expect((await keeper.put(path(other.name), { permissions: ['audit:read', 'account:list'] })).status).toBe(200);
    expect((await give(keeper, keeper, 'admin')).status).toBe(403);
  });

  test('who makes accounts gives no role with more power than the own one, and no custom one', async () => {
    const registrar = await makeWith(['account:create', 'account:list']);
    const account = (role: string) => ({ username: randomUUID(), password: 'a long enough password', role });
    const status = async (by: Person, role: string) => (await by.post('/api/v1/users/', account(role))).status;
    for (const role of ['student', 'parent', 'user', 'guest']) expect(await status(registrar, role)).toBe(201);
    for (const role of ['admin', 'superuser', 'teacher', 'configurator'])
      expect(await status(registrar, role)).toBe(403);
    const teacher = await lab.makePerson('teacher');
    expect(await status(teacher, 'configurator')).toBe(201);
    const { name } = await make({ permissions: ['account:read_self'] });
    expect(await status(teacher, name)).toBe(403);
    expect(await status(lab.root, name)).toBe(201);
    expect(await status(lab.root, newName())).toBe(422);
    expect((await teacher.post('/api/auth/register', account(name))).status).toBe(403);
  });
});

describe('deleting a role', () => {
  test('that nobody has is done once', async () => {
    const { name } = await make();
    expect((await lab.root.delete(path(name))).status).toBe(204);
    expect((await lab.root.get(path(name))).status).toBe(404);
    expect((await lab.root.delete(path(name))).status).toBe(404);
  });

  test('that somebody has is refused, also while the account is suspended', async () => {
    const { name } = await make();
    const person = await lab.makePerson('guest');
    await give(lab.root, person, name);
    expect((await lab.root.delete(path(name))).refusal).toEqual([409, 'Somebody has this role']);
    await lab.root.put(`/api/v1/users/${person.id}/suspend`, undefined);
    expect((await lab.root.delete(path(name))).status).toBe(409);
    await give(lab.root, person, 'guest');
    expect((await lab.root.delete(path(name))).status).toBe(204);
  });

  test.each(['changes an account', 'makes an account'])(
    'at the moment in which somebody %s into it: one of the two is refused',
    async (what) => {
      for (let round = 0; round < 8; round += 1) {
        const { name } = await make();
        const people = await Promise.all([1, 2, 3].map(() => lab.makePerson('guest')));
        const json = () => ({ username: randomUUID(), password: 'a long enough password', role: name });
        const gave = people.map((person) =>
          what === 'makes an account' ? lab.root.post('/api/v1/users/', json()) : give(lab.root, person, name),
        );
        const [deleted, ...given] = await Promise.all([lab.root.delete(path(name)), ...gave]);
        const hasRole = given.filter((reply) => reply.status < 300).length;
        for (const reply of given) expect([200, 201, 422], reply.text).toContain(reply.status);
        expect([deleted.status, hasRole === 0]).toEqual([hasRole === 0 ? 204 : 409, hasRole === 0]);
      }
    },
  );

  test('an account whose role is gone all the same may do nothing at all', async () => {
    const { name } = await make({ permissions: ['account:list', 'account:read_self'] });
    const person = await lab.makePerson('guest');
    await give(lab.root, person, name);
    await lab.container('identity').item(`role:${name}`, 'accounts').delete();
    expect((await person.get('/api/v1/users/')).status).toBe(403);
    expect((await person.get('/api/auth/me')).status).toBe(403);
    expect((await give(lab.root, person, 'guest')).status).toBe(200);
  });
});

test('an instance reads the custom roles once in a while, whoever asks', async () => {
  let nowMs = Date.now();
  const settings = { ...lab.app.settings, AUTH_CACHE_S: '30' };
  const instance = createRuntime(loadConfig(settings), { writeLog: () => {}, clock: { now: () => nowMs } });
  const [one, other, plain] = [
    await makeWith(['account:list']),
    await makeWith(['account:list', 'account:read_self']),
    await lab.makePerson('guest'),
  ];
  const caller = { request_id: 'r', address: 'unknown', user_agent: null, origin: null, place_id: null };
  const callsOf = (person: Person) =>
    withMeter(async (counters) => {
      await instance.authenticate({ kind: 'bearer', value: person.token }, caller);
      return counters.cosmos_calls;
    });
  expect(await callsOf(plain)).toBe(1);
  expect(await callsOf(one)).toBe(2);
  expect(await callsOf(one)).toBe(0);
  expect(await callsOf(other)).toBe(1);
  nowMs += 30_000;
  expect([await callsOf(plain), await callsOf(other), await callsOf(one)]).toEqual([1, 2, 1]);

  // However old the two were when they met, a change of the role counts after 30 s at the latest.
  const role = (await lab.root.get(`/api/v1/users/${one.id}`)).json()['role'];
  nowMs += 29_000;
  await callsOf(one);
  await lab.root.put(path(String(role)), { permissions: [] });
  nowMs += 1_001;
  const seen = await instance.authenticate({ kind: 'bearer', value: one.token }, caller);
  expect([...seen.permissions]).toEqual([]);
  await instance.close();
});
