import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Lab, type Person, startLab, type WireUser } from './client.ts';
import { eventsAbout } from './events.ts';

let lab: Lab;
let staff: Person;
let student: Person;
beforeAll(async () => {
  lab = await startLab();
  [staff, student] = await Promise.all([lab.makePerson('teacher'), lab.makePerson('student')]);
});
afterAll(() => lab.close());

const users = (path = '') => `/api/v1/users/${path}`;
const text = () => `t${randomUUID().slice(0, 8)}`;
const address = () => `${randomUUID()}@example.org`;
const found = async (query: string) =>
  (await staff.get(users(`?${query}`))).json<WireUser[]>().map((user) => user.username);
const canLogIn = async (username: string, password: string) =>
  (await lab.anyone('POST', '/api/auth/login/json', { json: { username, password } })).status;
/** What was done to the account; log-ins are told, too, and are nothing of this. */
const eventsOf = async (userId: string) =>
  (await eventsAbout(lab, userId)).filter((event) => !event.action.startsWith('session.'));
/** Everything that is stored beside the accounts and belongs to one of them. */
async function documentsOf(userId: string): Promise<Record<string, unknown>[]> {
  const query = {
    query: 'SELECT * FROM c WHERE c.user_id = @id OR c.id = @id',
    parameters: [{ name: '@id', value: userId }],
  };
  return (await lab.container('identity').items.query(query, { partitionKey: 'accounts' }).fetchAll()).resources;
}

describe('listing and searching', () => {
  test.each(['/api/auth/users', '/api/v1/users/', '/api/v1/users', '/api/v1/admin/users', '/api/admin/users'])(
    '%s answers the same bare array, with skip and limit',
    async (path) => {
      const all = (await staff.get('/api/auth/users?limit=1000')).json<WireUser[]>();
      const reply = await lab.root.get(`${path}?skip=1&limit=2`);
      expect([reply.status, reply.json()]).toEqual([200, all.slice(1, 3)]);
    },
  );

  test('every field that the pages of the earlier systems read is there', async () => {
    const [user] = (await lab.root.get('/api/v1/admin/users?limit=1')).json<WireUser[]>();
    expect(user).toMatchObject({
      id: lab.root.id,
      user_id: lab.root.id,
      username: lab.root.username,
      email: null,
      role: 'admin',
      is_active: true,
      status: 'active',
      login_count: expect.any(Number),
    });
    for (const field of ['last_login_at', 'last_login', 'first_name', 'last_name', 'display_name', 'avatar_url']) {
      expect(Object.keys(user ?? {})).toContain(field);
    }
  });

  test('a text is found in any case in the username, the address and each of the names', async () => {
    const marks = { username: text(), email: text(), full_name: text(), first_name: text(), last_name: text() };
    const json = {
      username: `a ${marks.username} b`,
      email: `${marks.email}@example.org`,
      full_name: `Zoë ${marks.full_name} Example`,
      first_name: marks.first_name,
      last_name: `von ${marks.last_name}`,
      display_name: 'D',
      password: 'a long enough password',
      role: 'student',
    };
    expect((await lab.root.post(users(), json)).status).toBe(201);
    for (const mark of Object.values(marks)) {
      expect(await found(`search=${mark}`)).toEqual([json.username]);
      expect(await found(`search=${mark.toUpperCase()}`)).toEqual([json.username]);
    }
    expect(await found(`search=${encodeURIComponent(`zoë ${marks.full_name}`)}`)).toEqual([json.username]);
    expect(await found(`search=${text()}`)).toEqual([]);
  });

  test.each(["%' OR '1'='1", '%', '_', '[', '*', '\\', '@search', '"'])(
    'a search for %s looks for just these characters',
    async (odd) => {
      const reply = await staff.get(users(`?search=${encodeURIComponent(odd)}&limit=1000`));
      expect(reply.status).toBe(200);
      for (const user of reply.json<WireUser[]>()) {
        expect([user.username, user.email, user.full_name].join(' ')).toContain(odd);
      }
    },
  );

  test('a search is at most 100 characters', async () => {
    expect((await staff.get(users(`?search=${'x'.repeat(101)}`))).status).toBe(422);
    expect((await staff.get(users(`?search=${'x'.repeat(100)}`))).json()).toEqual([]);
  });

  test('role, status and is_active narrow the list, alone and together', async () => {
    const mark = text();
    const make = (role: string, n: number) => lab.makePerson(role, { username: `${mark}.${n}` });
    const [, second, third] = [await make('student', 1), await make('parent', 2), await make('parent', 3)];
    await lab.root.put(users(`${third.id}/suspend`), undefined);
    await lab.root.call('PATCH', `/api/v1/admin/users/${second.id}/deactivate`);
    const numbers = async (query: string) => (await found(`search=${mark}&${query}`)).map((name) => name.slice(-1));
    expect(await numbers('')).toEqual(['1', '2', '3']);
    expect(await numbers('role=parent')).toEqual(['2', '3']);
    expect(await numbers('role=student&is_active=true')).toEqual(['1']);
    expect(await numbers('is_active=false')).toEqual(['2', '3']);
    expect(await numbers('status=suspended')).toEqual(['3']);
    expect(await numbers('status=inactive')).toEqual(['2']);
    expect(await numbers('status=active')).toEqual(['1']);
    expect(await numbers('status=active&is_active=false')).toEqual([]);
    expect(await numbers('role=&status=&is_active=&school_id=7')).toEqual(['1', '2', '3']);
    expect(await numbers('role=regular')).toEqual([]);
    for (const query of ['status=gone', 'is_active=maybe', 'role=a%20b']) {
      expect((await staff.get(users(`?${query}`))).status).toBe(422);
    }
  });

  test('the pages of a search are the whole search', async () => {
    const mark = text();
    for (let n = 1; n <= 5; n += 1) await lab.makePerson('guest', { username: `${mark}.${n}` });
    const seen: string[] = [];
    let path: string | undefined = users(`?search=${mark}&limit=2`);
    while (path !== undefined) {
      const reply = await staff.get(path);
      seen.push(...reply.json<WireUser[]>().map((user) => user.username));
      path = /^<([^>]+)>/.exec(reply.headers.get('link') ?? '')?.[1];
    }
    expect(seen).toEqual([1, 2, 3, 4, 5].map((n) => `${mark}.${n}`));
  });

  test('accounts as they were stored at first are found like the others', async () => {
    const mark = text();
    const old = { pk: 'accounts', type: 'user', schema_version: 1, email: null, full_name: null, role: 'student' };
    const at = { created_at: new Date().toISOString(), updated_at: new Date().toISOString(), password_hash: 'x' };
    for (const [n, is_active] of [true, false].entries()) {
      const id = randomUUID();
      const user = { ...old, ...at, id, user_id: id, username: `${mark}.${n}`, is_active };
      await lab.container('identity').items.create(user);
    }
    expect((await found(`search=${mark}`)).toSorted()).toEqual([`${mark}.0`, `${mark}.1`]);
    expect(await found(`search=${mark}&is_active=true`)).toEqual([`${mark}.0`]);
    expect(await found(`search=${mark}&status=inactive&role=student`)).toEqual([`${mark}.1`]);
  });

  test('is not for students', async () => {
    for (const path of ['/api/v1/users/', '/api/v1/admin/users']) expect((await student.get(path)).status).toBe(403);
  });
});

describe('making an account', () => {
  test('an administrator makes one with all its names', async () => {
    const json = {
      email: address(),
      username: text(),
      password: 'a long enough password',
      first_name: 'Ann',
      last_name: 'Example',
      display_name: 'Annie',
      role: 'teacher',
      school_id: 'ignored',
      language: 'en',
      timezone: 'Europe/Berlin',
    };
    const reply = await lab.root.post(users(), json);
    expect(reply.status).toBe(201);
    const { password: _password, school_id: _school, ...shown } = json;
    expect(reply.json()).toMatchObject({ ...shown, name: 'Annie', is_active: true, is_verified: false });
    expect((await lab.logIn(json.email, json.password)).user.username).toBe(json.username);
  });

  test('staff make members, not administrators', async () => {
    const json = { username: text(), password: 'a long enough password' };
    expect((await staff.post(users(), { ...json, role: 'student' })).status).toBe(201);
    const refused = await staff.post(users(), { ...json, username: text(), role: 'superuser' });
    expect(refused.refusal).toEqual([403, 'Only an administrator can make an administrator']);
    expect((await student.post(users(), json)).status).toBe(403);
  });

  test('what is taken is a conflict', async () => {
    const json = { username: text(), email: address(), password: 'a long enough password', role: 'student' };
    expect((await staff.post(users(), json)).status).toBe(201);
    const sameName = await staff.post(users(), { ...json, email: address() });
    expect([sameName.status, sameName.json()['code']]).toEqual([409, 'username_in_use']);
    const sameEmail = await staff.post(users(), { ...json, username: text() });
    expect([sameEmail.status, sameEmail.json()['code']]).toEqual([409, 'email_in_use']);
  });

  test('a repeat with the same key answers the same account', async () => {
    const json = { username: text(), password: 'a long enough password' };
    const headers = { 'idempotency-key': randomUUID() };
    const [first, second] = [await staff.post(users(), json, headers), await staff.post(users(), json, headers)];
    expect([second.status, second.text]).toEqual([201, first.text]);
  });
});

describe('reading an account', () => {
  test('everybody reads the own one, staff any, and for others it is not there', async () => {
    expect((await student.get(users(student.id))).json<WireUser>().user_id).toBe(student.id);
    expect((await staff.get(users(student.id))).json<WireUser>().user_id).toBe(student.id);
    expect((await student.get(users(staff.id))).refusal).toEqual([404, 'User not found']);
    expect((await student.get(users(randomUUID()))).refusal).toEqual([404, 'User not found']);
    expect((await lab.root.get(users(student.id.toUpperCase()))).status).toBe(200);
  });

  test('nothing that proves who somebody is ever leaves', async () => {
    const reply = await lab.root.get(users(student.id));
    expect(reply.text).not.toMatch(/hash|session|external|\$2[aby]\$/);
  });
});

describe.each(['PUT', 'PATCH'])('changing an account with %s', (method) => {
  const change = (id: string, json: unknown, headers = {}) => lab.root.call(method, users(id), { json, headers });

  test('only what is named changes', async () => {
    const person = await lab.makePerson('student', { full_name: 'Ann Example' });
    const fields = {
      first_name: 'Ann',
      last_name: 'Other',
      display_name: 'Annie',
      language: 'pt-BR',
      timezone: 'UTC',
      tier: 'premium',
      avatar_url: 'https://example.org/a.png',
      preferences: { theme: 'dark' },
    };
    const reply = await change(person.id, fields);
    expect(reply.status).toBe(200);
    expect(reply.json()).toMatchObject({ ...fields, full_name: 'Ann Example', username: person.username });
    expect((await lab.root.get(users(person.id))).text).toBe(reply.text);
    expect((await change(person.id, { full_name: '', avatar_url: null })).json()).toMatchObject({
      full_name: null,
      avatar_url: null,
      first_name: 'Ann',
    });
    expect((await eventsOf(person.id)).at(-1)).toMatchObject({
      action: 'account.changed',
      actor: { id: lab.root.id },
      detail: { fields: ['full_name', 'avatar_url'] },
    });
  });

  test('a change to what is there already writes nothing', async () => {
    const person = await lab.makePerson('student', { full_name: 'Ann Example' });
    const before = await lab.root.get(users(person.id));
    const same = { full_name: 'Ann Example', role: 'student', is_active: true };
    const reply = await change(person.id, same);
    expect([reply.status, reply.text, reply.headers.get('etag')]).toEqual([
      200,
      before.text,
      before.headers.get('etag'),
    ]);
    expect((await eventsOf(person.id)).map((event) => event.action)).toEqual(['account.created']);
  });

  test('a new name logs in, and the old one is free', async () => {
    const [person, next] = [await lab.makePerson('student'), text()];
    expect((await change(person.id, { username: next })).status).toBe(200);
    expect(await canLogIn(next, person.password)).toBe(200);
    expect(await canLogIn(person.username, person.password)).toBe(401);
    await lab.makePerson('student', { username: person.username });
    expect((await change(person.id, { username: person.username })).json()['code']).toBe('username_in_use');
    expect((await change(person.id, { username: next.toUpperCase() })).json()['username']).toBe(next.toUpperCase());
    expect(await canLogIn(next, person.password)).toBe(200);
  });

  test('a new address is not verified, and the old one is free', async () => {
    const [old, next] = [address(), address()];
    const person = await lab.makePerson('student', { email: old });
    await lab
      .container('identity')
      .item(person.id, 'accounts')
      .patch([{ op: 'set', path: '/is_verified', value: true }]);
    const upper = await change(person.id, { email: old.toUpperCase() });
    expect(upper.json()).toMatchObject({ email: old.toUpperCase(), is_verified: true });
    expect((await change(person.id, { email: next })).json()).toMatchObject({ email: next, is_verified: false });
    expect(await canLogIn(next, person.password)).toBe(200);
    expect(await canLogIn(old, person.password)).toBe(401);
    const other = await lab.makePerson('student', { email: old });
    expect((await change(person.id, { email: old })).refusal).toEqual([409, 'Email already registered']);
    expect((await change(person.id, { email: '' })).json()['email']).toBeNull();
    expect((await change(other.id, { email: next })).status).toBe(200);
  });

  test('six accounts that want one name at once: one gets it', async () => {
    const people = await Promise.all(Array.from({ length: 6 }, () => lab.makePerson('guest')));
    const wanted = text();
    const replies = await Promise.all(people.map(({ id }) => change(id, { username: wanted })));
    expect(replies.map((reply) => reply.status).sort()).toEqual([200, 409, 409, 409, 409, 409]);
    const winner = people[replies.findIndex((reply) => reply.status === 200)];
    expect((await lab.logIn(wanted, winner?.password ?? '')).id).toBe(winner?.id);
  });

  test('six names for one account at once: it has the last one, and holds no other', async () => {
    const person = await lab.makePerson('guest');
    const names = Array.from({ length: 6 }, text);
    const replies = await Promise.all(names.map((username) => change(person.id, { username })));
    expect(replies.map((reply) => reply.status)).toEqual([200, 200, 200, 200, 200, 200]);
    const { username } = (await lab.root.get(users(person.id))).json<WireUser>();
    const tries = await Promise.all(names.map((name) => canLogIn(name, person.password)));
    expect(names.filter((_name, index) => tries[index] === 200)).toEqual([username]);
  });

  test('a new password ends every session of the account', async () => {
    const person = await lab.makePerson('student');
    const password = `another password ${text()}`;
    expect((await change(person.id, { password })).status).toBe(200);
    expect((await person.get('/api/auth/me')).status).toBe(401);
    expect(await canLogIn(person.username, person.password)).toBe(401);
    expect(await canLogIn(person.username, password)).toBe(200);
    const events = await eventsOf(person.id);
    expect(events.at(-1)).toMatchObject({ action: 'password.changed', actor: { id: lab.root.id } });
    expect(JSON.stringify(events)).not.toContain(password);
  });

  test('a new role counts at once, and the trail tells both', async () => {
    const person = await lab.makePerson('student');
    expect((await person.get('/api/auth/users')).status).toBe(403);
    expect((await change(person.id, { role: 'teacher' })).json()['role']).toBe('teacher');
    expect((await person.get('/api/auth/users')).status).toBe(200);
    expect((await eventsOf(person.id)).at(-1)).toMatchObject({
      action: 'account.role_changed',
      detail: { from: 'student', to: 'teacher' },
    });
    expect((await change(person.id, { role: 'wizard' })).status).toBe(422);
    expect((await change(person.id, { role: 'regular' })).json()['role']).toBe('user');
  });

  test('is_active closes and opens the account', async () => {
    const person = await lab.makePerson('student');
    expect((await change(person.id, { is_active: false })).json()).toMatchObject({
      is_active: false,
      status: 'inactive',
    });
    expect((await person.get('/api/auth/me')).status).toBe(401);
    expect((await change(person.id, { is_active: true })).json()['status']).toBe('active');
    await lab.root.put(users(`${person.id}/suspend`), undefined);
    expect((await change(person.id, { is_active: false })).json()['status']).toBe('suspended');
  });

  test('who saw an older version changes nothing', async () => {
    const person = await lab.makePerson('student');
    const etag = (await lab.root.get(users(person.id))).headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[^"]+"$/);
    const changed = await change(person.id, { first_name: 'New' }, { 'if-match': etag });
    expect(changed.headers.get('etag')).toBe((await lab.root.get(users(person.id))).headers.get('etag'));
    const late = await change(person.id, { first_name: 'Late' }, { 'if-match': etag });
    expect([late.status, late.json()['code']]).toEqual([412, 'precondition_failed']);
    const latest = changed.headers.get('etag') ?? '';
    const six = [1, 2, 3, 4, 5, 6].map((n) => change(person.id, { last_name: `N${n}` }, { 'if-match': latest }));
    expect((await Promise.all(six)).map((reply) => reply.status).sort()).toEqual([200, 412, 412, 412, 412, 412]);
  });

  test.each([
    ['a short password', { password: 'short' }],
    ['an empty name', { username: '' }],
    ['a broken address', { email: 'nowhere' }],
    ['an unknown tier', { tier: 'gold' }],
    ['a name with a line break', { full_name: 'a\nBcc: b' }],
    ['a script as a picture', { avatar_url: 'javascript:alert(1)' }],
    ['a language that is none', { language: '../en' }],
    ['is_active as a text', { is_active: 'no' }],
    ['preferences that are a list', { preferences: [] }],
  ])('refuses %s', async (_what, json) => {
    expect((await change(student.id, json)).status).toBe(422);
  });

  test('is for administrators alone', async () => {
    for (const person of [staff, student]) {
      expect((await person.call(method, users(person.id), { json: { role: 'admin' } })).status).toBe(403);
    }
    expect((await change(randomUUID(), { first_name: 'x' })).refusal).toEqual([404, 'User not found']);
  });
});

describe('suspending and reactivating', () => {
  test('a suspended account is out at once, and may come back', async () => {
    const person = await lab.makePerson('student');
    const reply = await lab.root.put(users(`${person.id}/suspend`), undefined);
    expect([reply.status, reply.json()['status'], reply.json()['is_active']]).toEqual([200, 'suspended', false]);
    expect((await person.get('/api/auth/me')).status).toBe(401);
    expect(await canLogIn(person.username, person.password)).toBe(400);
    expect((await lab.root.put(users(`${person.id}/reactivate`), undefined)).json()['status']).toBe('active');
    // The sessions of before stay over.
    expect((await person.get('/api/auth/me')).status).toBe(401);
    expect(await canLogIn(person.username, person.password)).toBe(200);
    const told = (await eventsOf(person.id)).map((event) => event.action);
    expect(told).toEqual(['account.created', 'account.suspended', 'account.reactivated']);
  });

  test('doing it again changes nothing', async () => {
    const person = await lab.makePerson('student');
    for (const verb of ['suspend', 'suspend', 'reactivate', 'reactivate']) {
      expect((await lab.root.put(users(`${person.id}/${verb}`), undefined)).status).toBe(200);
    }
    expect((await eventsOf(person.id)).length).toBe(3);
  });

  test.each(['/api/v1/admin/users', '/api/admin/users'])('%s/{id}/deactivate toggles', async (path) => {
    const person = await lab.makePerson('student');
    const toggle = async () => (await lab.root.call('PATCH', `${path}/${person.id}/deactivate`)).json();
    expect(await toggle()).toMatchObject({ id: person.id, is_active: false });
    expect((await person.get('/api/auth/me')).status).toBe(401);
    expect(await toggle()).toMatchObject({ id: person.id, is_active: true });
  });

  test.each(['/api/v1/admin/users', '/api/admin/users'])('%s/{id}/role gives a role', async (path) => {
    const person = await lab.makePerson('student');
    const give = (role: string) => lab.root.call('PATCH', `${path}/${person.id}/role`, { json: { role } });
    expect((await give('user')).json()).toMatchObject({ id: person.id, role: 'user' });
    expect((await give('admin')).json()).toMatchObject({ role: 'admin' });
    expect((await person.get('/api/v1/admin/dead-letters')).status).toBe(200);
    expect((await give('nobody_here')).status).toBe(422);
  });

  test('is for administrators alone', async () => {
    for (const path of [`${student.id}/suspend`, `${student.id}/reactivate`]) {
      expect((await staff.put(users(path), undefined)).status).toBe(403);
    }
  });
});

describe('deleting an account', () => {
  test('leaves its id and nothing that says who it was; its names are free', async () => {
    const email = address();
    const person = await lab.makePerson('student', { email, full_name: 'Ann Example' });
    expect((await documentsOf(person.id)).length).toBeGreaterThan(2);
    // Whatever else others keep of somebody beside the account.
    const factor = { id: `factor:${person.id}`, pk: 'accounts', type: 'factor', user_id: person.id };
    await lab.container('identity').items.create(factor);
    expect((await lab.root.delete(users(person.id))).status).toBe(204);

    const [rest, ...others] = await documentsOf(person.id);
    expect(others).toEqual([]);
    expect(rest).toMatchObject({ id: person.id, type: 'former_user', created_at: expect.any(String) });
    const stored = JSON.stringify(rest);
    for (const secret of [email, person.username, 'Ann', '$2']) expect(stored).not.toContain(secret);

    expect((await person.get('/api/auth/me')).status).toBe(401);
    expect(await canLogIn(person.username, person.password)).toBe(401);
    expect(await canLogIn(email, person.password)).toBe(401);
    expect((await lab.root.get(users(person.id))).refusal).toEqual([404, 'User not found']);
    expect(await found(`search=${person.username}`)).toEqual([]);
    const everybody = (await lab.root.get('/api/auth/users?limit=1000')).json<WireUser[]>();
    expect(everybody.map((user) => user.user_id)).not.toContain(person.id);
    expect((await eventsOf(person.id)).at(-1)).toMatchObject({
      action: 'account.deleted',
      detail: { role: 'student' },
    });
    const heir = await lab.makePerson('student', { username: person.username, email });
    expect(heir.id).not.toBe(person.id);
  });

  test('is done once; nothing else can be done to it afterwards', async () => {
    const person = await lab.makePerson('student');
    const replies = await Promise.all(Array.from({ length: 6 }, () => lab.root.delete(users(person.id))));
    expect(replies.map((reply) => reply.status).sort()).toEqual([204, 404, 404, 404, 404, 404]);
    expect((await lab.root.delete(users(person.id))).refusal).toEqual([404, 'User not found']);
    expect((await lab.root.put(users(person.id), { first_name: 'x' })).status).toBe(404);
    expect((await lab.root.put(users(`${person.id}/reactivate`), undefined)).status).toBe(404);
  });

  test('a change and the deletion at once leave no account behind', async () => {
    for (let n = 0; n < 5; n += 1) {
      const [person, next] = [await lab.makePerson('guest'), text()];
      await Promise.all([lab.root.delete(users(person.id)), lab.root.put(users(person.id), { username: next })]);
      expect((await documentsOf(person.id)).map((doc) => doc['type'])).toEqual(['former_user']);
    }
  });

  test('the work of a deleted student stays where it is', async () => {
    const course = await lab.makeCourse();
    const { submission_id } = await lab.submit(course.student, course.entryId);
    expect((await lab.root.delete(users(course.student.id))).status).toBe(204);
    const reply = await course.staff.get(`/api/configure/submissions/${submission_id}`);
    expect([reply.status, reply.json()['student_user_id']]).toEqual([200, course.student.id]);
    expect((await course.staff.get(`/api/configure/flexagecomps/${course.compId}/students`)).status).toBe(200);
  });

  test('is not done by who saw an older version, nor by others than administrators', async () => {
    const person = await lab.makePerson('student');
    const old = (await lab.root.get(users(person.id))).headers.get('etag') ?? '';
    await lab.root.put(users(person.id), { first_name: 'New' });
    expect((await lab.root.delete(users(person.id), undefined, { 'if-match': old })).status).toBe(412);
    expect((await staff.delete(users(person.id))).status).toBe(403);
    expect((await person.delete(users(person.id))).status).toBe(403);
  });

  test('more than one batch holds is removed, too', async () => {
    const person = await lab.makePerson('student');
    for (let n = 0; n < 120; n += 1) {
      const token = { id: `token:${randomUUID()}`, pk: 'accounts', type: 'token', user_id: person.id };
      await lab.container('identity').items.create(token);
    }
    expect((await lab.root.delete(users(person.id))).status).toBe(204);
    expect((await documentsOf(person.id)).map((doc) => doc['type'])).toEqual(['former_user']);
  });
});

test('nothing of this was an internal error', () => {
  expect(lab.app.lines().filter((line) => line.event === 'request' && Number(line.status) >= 500)).toEqual([]);
});
