import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../shared/platform/config.ts';
import { createRuntime } from '../../shared/services.ts';
import { admin } from '../app.ts';
import { type Lab, type Person, type Reply, startLab, type WireUser } from './client.ts';

let lab: Lab;
/** Every test starts with this one administrator and may end with another. */
let chief: Person;
const known = new Map<string, Person>();
beforeAll(async () => {
  lab = await startLab();
  chief = lab.root;
  known.set(chief.id, chief);
});
afterEach(async () => {
  const [first, ...others] = await administrators();
  const { username, password } = known.get(first ?? '') ?? chief;
  // Sessions may have ended with the account for a while.
  chief = await lab.logIn(username, password);
  for (const id of others) expect((await chief.delete(`/api/v1/users/${id}`)).status).toBe(204);
});
afterAll(() => lab.close());

async function make(role: string, fields: Record<string, unknown> = {}): Promise<Person> {
  const json = { username: randomUUID(), password: 'a long enough password', role, ...fields };
  expect((await chief.post('/api/v1/users/', json)).status).toBe(201);
  const person = await lab.logIn(json.username, json.password);
  known.set(person.id, person);
  return person;
}
const makeAdministrator = () => make('admin');
const loseRoster = () => lab.container('identity').item('admin-roster', 'accounts').delete();

const lastOne = [409, 'This is the last administrator; make another one first.'];

/** Every way in which an account can cease to be an administrator. */
const endings: Record<string, (by: Person, id: string) => Promise<Reply>> = {
  'given another role': (by, id) => by.call('PATCH', `/api/v1/admin/users/${id}/role`, { json: { role: 'user' } }),
  'changed to another role': (by, id) => by.put(`/api/v1/users/${id}`, { role: 'teacher' }),
  'changed to inactive': (by, id) => by.call('PATCH', `/api/v1/users/${id}`, { json: { is_active: false } }),
  suspended: (by, id) => by.put(`/api/v1/users/${id}/suspend`, undefined),
  deactivated: (by, id) => by.call('PATCH', `/api/v1/admin/users/${id}/deactivate`),
  deleted: (by, id) => by.delete(`/api/v1/users/${id}`),
};

const administrators = async () => {
  const { resources } = await lab
    .container('identity')
    .items.query<WireUser & { status: string }>(`SELECT * FROM c WHERE c.type = 'user' AND c.role = 'admin'`, {
      partitionKey: 'accounts',
    })
    .fetchAll();
  return resources.filter((user) => user.status === 'active').map((user) => user.user_id);
};

describe.each(Object.entries(endings))('the last administrator is not %s', (_what, end) => {
  test('but one of two is, and then the other is the last', async () => {
    expect((await end(chief, chief.id)).refusal).toEqual(lastOne);
    expect((await chief.get('/api/auth/me')).status).toBe(200);

    const second = await makeAdministrator();
    expect((await end(second, chief.id)).status).toBeLessThan(300);
    expect((await end(second, second.id)).refusal).toEqual(lastOne);
    expect(await administrators()).toEqual([second.id]);
  });

  test('also where the roster is missing, as in installations of before there was one', async () => {
    await loseRoster();
    expect((await end(chief, chief.id)).refusal).toEqual(lastOne);
    const second = await makeAdministrator();
    await loseRoster();
    expect((await end(second, chief.id)).status).toBeLessThan(300);
    expect((await end(second, second.id)).refusal).toEqual(lastOne);
  });

  test('six at once that do it to each other leave one', async () => {
    const people = [chief, ...(await Promise.all([1, 2, 3, 4, 5].map(() => makeAdministrator())))];
    const replies = await Promise.all(
      people.map((person, index) => end(person, people[(index + 1) % people.length]?.id ?? '')),
    );
    // Who was ended first may be refused as nobody (401) or as no administrator any more (403).
    for (const reply of replies) expect([200, 204, 401, 403, 409], reply.text).toContain(reply.status);
    expect((await administrators()).length).toBeGreaterThan(0);
    expect(replies.filter((reply) => reply.status < 300).length).toBe(6 - (await administrators()).length);
  });

  test('two at once that do it to each other leave one, with and without a roster', async () => {
    for (let round = 0; round < 6; round += 1) {
      const [one, other] = [chief, await makeAdministrator()];
      if (round % 2 === 1) await loseRoster();
      const replies = await Promise.all([end(one, other.id), end(other, one.id)]);
      expect(replies.filter((reply) => reply.status < 300)).toHaveLength(1);
      const left = await administrators();
      expect(left).toHaveLength(1);
      chief = left[0] === one.id ? one : other;
    }
  });
});

test('a suspended administrator does not count, and a reactivated one does', async () => {
  const second = await makeAdministrator();
  await chief.put(`/api/v1/users/${second.id}/suspend`, undefined);
  expect((await chief.put(`/api/v1/users/${chief.id}`, { role: 'user' })).refusal).toEqual(lastOne);
  await chief.put(`/api/v1/users/${second.id}/reactivate`, undefined);
  expect((await chief.put(`/api/v1/users/${chief.id}`, { role: 'user' })).status).toBe(200);
});

test('a custom role that may administer accounts makes administrators', async () => {
  const permissions = ['user:admin', 'account:list', 'account:read_self'];
  expect((await chief.post('/api/v1/roles/', { name: 'head', permissions })).status).toBe(201);
  const head = await make('student');
  await chief.put(`/api/v1/users/${head.id}`, { role: 'head' });
  expect((await chief.put(`/api/v1/users/${chief.id}`, { role: 'user' })).status).toBe(200);
  expect((await head.put(`/api/v1/users/${head.id}`, { role: 'teacher' })).refusal).toEqual(lastOne);
  expect((await head.put(`/api/v1/users/${chief.id}`, { role: 'admin' })).status).toBe(200);
  // The roster is counted from the accounts, custom roles included.
  await loseRoster();
  expect((await head.put(`/api/v1/users/${chief.id}`, { role: 'user' })).status).toBe(200);
  expect((await head.put(`/api/v1/users/${head.id}/suspend`, undefined)).refusal).toEqual(lastOne);
  expect((await head.put(`/api/v1/users/${chief.id}`, { role: 'admin' })).status).toBe(200);
  expect((await head.put(`/api/v1/users/${head.id}`, { role: 'teacher' })).status).toBe(200);
});

describe('the first administrator', () => {
  /** A second start of the application on the same data. */
  async function startAgain(settings: Record<string, string> = {}) {
    const log: string[] = [];
    const runtime = createRuntime(loadConfig({ ...lab.app.settings, ...settings }), {
      writeLog: (line) => log.push(line),
      bcryptCost: 4,
    });
    await runtime.services.accounts.ensureAdministrator();
    await runtime.services.accounts.ensureAdministrator();
    await runtime.close();
    return log.map((line) => JSON.parse(line) as { level: string; event: string });
  }
  const canLogIn = async (username: string) => {
    const json = { username, password: admin.password };
    return (await lab.anyone('POST', '/api/auth/login/json', { json })).status === 200;
  };

  test('does not come back after it was renamed or deleted', async () => {
    const first = { BOOTSTRAP_ADMIN_USERNAME: 'first' };
    await startAgain(first);
    const { id } = await lab.logIn('first', admin.password);
    expect((await chief.put(`/api/v1/users/${id}`, { username: 'renamed' })).status).toBe(200);
    await startAgain(first);
    expect(await canLogIn('first')).toBe(false);
    expect((await chief.delete(`/api/v1/users/${id}`)).status).toBe(204);
    await startAgain(first);
    expect(await canLogIn('first')).toBe(false);
    expect(await administrators()).toEqual([chief.id]);
  });

  test('is made for other settings, so that whoever runs the installation can always get in', async () => {
    await startAgain({ BOOTSTRAP_ADMIN_USERNAME: 'rescue' });
    expect((await lab.logIn('rescue', admin.password)).user.role).toBe('admin');
    expect(await administrators()).toHaveLength(2);
  });

  test('that six instances make at once is one', async () => {
    const settings = { BOOTSTRAP_ADMIN_USERNAME: 'six' };
    await Promise.all([1, 2, 3, 4, 5, 6].map(() => startAgain(settings)));
    expect(await administrators()).toHaveLength(2);
  });

  test('whose address somebody else has is not made, and the log says so once', async () => {
    const email = `${randomUUID()}@example.org`;
    await make('student', { email });
    const log = await startAgain({ BOOTSTRAP_ADMIN_USERNAME: 'other', BOOTSTRAP_ADMIN_EMAIL: email });
    expect(log).toEqual([
      expect.objectContaining({ level: 'error', event: 'first_administrator_not_made', reason: expect.any(String) }),
    ]);
    expect(JSON.stringify(log)).not.toContain(email);
    expect(await administrators()).toHaveLength(1);
  });
});
