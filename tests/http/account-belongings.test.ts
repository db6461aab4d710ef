import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addPasskey, setUpTotp } from './authenticator.ts';
import { type Lab, type Person, startLab } from './client.ts';
import { linkGitHub } from './github-people.ts';
import { Mailbox } from './mails.ts';

// What hangs on an account: its address and what was mailed there, its look, its keys and second factors, its invitations.

const mailbox = new Mailbox();
let lab: Lab;
beforeAll(async () => {
  lab = await startLab({ overrides: { email: mailbox }, settings: { REGISTRATION_POLICY: 'invite' } });
});
afterAll(() => lab.close());

const address = () => `p${randomUUID()}@example.org`;
const somebody = async (role = 'student') => {
  const email = address();
  return { email, person: await lab.makePerson(role, { email }) };
};
/** The two ways in which an address changes. */
const ways: Record<string, (person: Person, json: object) => ReturnType<Person['put']>> = {
  'by the account holder': (person, json) => person.put('/api/v1/users/me', json),
  'by an administrator': (person, json) => lab.root.put(`/api/v1/users/${person.id}`, json),
};

describe.each(Object.entries(ways))('an address that is changed %s', (what, change) => {
  test('is told to the former one, and the new one is asked to prove itself', async () => {
    const [{ email, person }, next] = [await somebody(), address()];
    expect((await change(person, { email: next })).json()).toMatchObject({ email: next, is_verified: false });
    const notice = await mailbox.next(email, next);
    expect(notice.text.includes('of an administrator')).toBe(what === 'by an administrator');
    const token = await mailbox.token(next, 'verify-email');
    expect((await lab.anyone('POST', '/api/v1/auth/verify-email', { json: { token } })).status).toBe(200);
    expect((await person.get('/api/auth/me')).json()['is_verified']).toBe(true);
  });

  test('makes void what was mailed to the former one', async () => {
    const { email, person } = await somebody();
    await lab.anyone('POST', '/api/v1/password-reset/request', { json: { email } });
    const reset = await mailbox.token(email, 'reset-password');
    expect((await person.call('POST', '/api/v1/auth/verify-email/request')).status).toBe(200);
    const proof = await mailbox.token(email, 'verify-email');
    expect((await change(person, { email: address() })).status).toBe(200);
    const json = { token: reset, new_password: `new ${randomUUID()}` };
    expect((await lab.anyone('POST', '/api/v1/password-reset/confirm', { json })).status).toBe(400);
    expect((await lab.anyone('POST', '/api/v1/auth/verify-email', { json: { token: proof } })).status).toBe(400);
    expect((await person.get('/api/auth/me')).json()['is_verified']).toBe(false);
  });

  test('cannot be the username of somebody else, nor a name that looks like theirs', async () => {
    const [{ person }, taken] = [await somebody(), `${randomUUID().slice(0, 8)}.paypal`];
    const other = await lab.makePerson('guest', { username: taken });
    const alike = await change(person, { username: taken.replace('l', 'I') });
    expect([alike.status, alike.json()['code']]).toEqual([409, 'username_in_use']);
    expect((await change(other, { username: taken.replace('l', 'I') })).status).toBe(200);
    const name = address();
    await lab.makePerson('guest', { username: name });
    expect((await change(person, { email: name })).status).toBe(409);
    expect((await change(person, { username: 'аdmin' })).status).toBe(422);
  });
});

describe('accounts that were made before looks were held', () => {
  const looksOf = async (person: Person) => {
    const query = {
      query: `SELECT VALUE c.id FROM c WHERE c.user_id = '${person.id}' AND STARTSWITH(c.id, 'look_alike:')`,
    };
    return (await lab.container('identity').items.query<string>(query).fetchAll()).resources;
  };
  const makeOlder = async (username: string) => {
    const person = await lab.makePerson('guest', { username });
    for (const id of await looksOf(person)) await lab.container('identity').item(id, 'accounts').delete();
    return person;
  };

  test('can be renamed, and hold theirs from then on', async () => {
    const person = await makeOlder(randomUUID());
    const next = `n${randomUUID().slice(0, 8)}`;
    expect((await lab.root.put(`/api/v1/users/${person.id}`, { username: next })).status).toBe(200);
    expect(await looksOf(person)).toHaveLength(1);
  });

  test('are not mistaken for somebody who is renamed', async () => {
    const mark = randomUUID().replaceAll(/[01-]/g, 'x').slice(0, 8);
    await makeOlder(`${mark}.paypal`);
    const other = await lab.makePerson('guest');
    const reply = await lab.root.put(`/api/v1/users/${other.id}`, { username: `${mark}.paypaI` });
    expect([reply.status, reply.json()['code']]).toEqual([409, 'username_in_use']);
  });
});

describe('a password that an administrator sets', () => {
  test('is told to the account holder, without saying where the administrator works', async () => {
    const { email, person } = await somebody();
    await lab.root.put(`/api/v1/users/${person.id}`, { password: `new ${randomUUID()}` });
    expect((await mailbox.next(email, 'password')).text).toContain('of an administrator');
  });

  test('is as good as any other', async () => {
    const { person } = await somebody();
    for (const password of ['password123', person.username, 'aaaaaaaaaaaa']) {
      const reply = await lab.root.put(`/api/v1/users/${person.id}`, { password });
      expect([password, reply.status]).toEqual([password, 422]);
    }
  });
});

describe('with the account goes', () => {
  const gone = async (person: Person) => expect((await lab.root.delete(`/api/v1/users/${person.id}`)).status).toBe(204);
  const rest = async (person: Person) => {
    const query = { query: `SELECT * FROM c WHERE c.user_id = '${person.id}' AND c.pk = 'accounts'` };
    return (await lab.container('identity').items.query(query).fetchAll()).resources;
  };

  test('every second factor, passkey, linked sign-in and link', async () => {
    const { email, person } = await somebody('user');
    await setUpTotp(person, Date.now());
    await addPasskey(person);
    await linkGitHub(lab, person);
    await lab.anyone('POST', '/api/v1/password-reset/request', { json: { email } });
    const token = await mailbox.token(email, 'reset-password');
    expect((await rest(person)).length).toBeGreaterThan(6);
    await gone(person);
    expect(await rest(person)).toEqual([]);
    const json = { token, new_password: `new ${randomUUID()}` };
    expect((await lab.anyone('POST', '/api/v1/password-reset/confirm', { json })).status).toBe(400);
    // Somebody new may use the same sign-in.
    await linkGitHub(lab, await lab.makePerson('user'));
  });

  test('the power of its API keys; a suspension takes it for a while', async () => {
    const { person } = await somebody('user');
    const made = await person.post('/api/v1/auth/keys', { name: 'Mine' });
    const token = String(made.json()['api_key']);
    const call = async () => (await lab.anyone('GET', '/api/auth/me', { token })).status;
    expect(await call()).toBe(200);
    await lab.root.put(`/api/v1/users/${person.id}/suspend`, undefined);
    expect(await call()).toBe(401);
    await lab.root.put(`/api/v1/users/${person.id}/reactivate`, undefined);
    expect(await call()).toBe(200);
    await gone(person);
    expect(await call()).toBe(401);
  });

  test('the worth of its invitations', async () => {
    const { person } = await somebody('teacher');
    const made = await person.post('/api/v1/invitations', {});
    const json = { token: made.json()['token'], username: randomUUID(), password: 'a long enough password' };
    await gone(person);
    expect((await lab.anyone('POST', '/api/v1/invitations/accept', { json })).status).toBe(400);
  });
});

describe('an invitation', () => {
  const accept = (token: unknown) => {
    const json = { token, username: randomUUID(), password: 'a long enough password' };
    return lab.anyone('POST', '/api/v1/invitations/accept', { json });
  };

  test('into a custom role is given by administrators, and holds the role', async () => {
    const name = `r${randomUUID().replaceAll('-', '')}`;
    await lab.root.post('/api/v1/roles/', { name, permissions: ['account:read_self', 'account:list'] });
    const teacher = await lab.makePerson('teacher');
    expect((await teacher.post('/api/v1/invitations', { role: name })).status).toBe(403);
    expect((await teacher.post('/api/v1/invitations', { role: 'admin' })).status).toBe(403);
    const { token } = (await lab.root.post('/api/v1/invitations', { role: name })).json();
    const reply = await accept(token);
    expect([reply.status, reply.json()['role']]).toEqual([201, name]);
    expect((await lab.root.delete(`/api/v1/roles/${name}`)).status).toBe(409);
  });

  test('into a role that is deleted before it is accepted leads nowhere', async () => {
    const name = `r${randomUUID().replaceAll('-', '')}`;
    await lab.root.post('/api/v1/roles/', { name, permissions: ['account:list'] });
    const { token } = (await lab.root.post('/api/v1/invitations', { role: name })).json();
    expect((await lab.root.delete(`/api/v1/roles/${name}`)).status).toBe(204);
    expect((await accept(token)).status).toBe(400);
  });

  test('to be an administrator makes one who counts', async () => {
    const { token } = (await lab.root.post('/api/v1/invitations', { role: 'admin' })).json();
    const second = (await accept(token)).json<{ user_id: string; access_token: string }>();
    const end = lab.anyone('PUT', `/api/v1/users/${lab.root.id}/suspend`, { token: second.access_token });
    expect((await end).status).toBe(200);
    const last = await lab.anyone('PUT', `/api/v1/users/${second.user_id}/suspend`, { token: second.access_token });
    expect([last.status, last.json()['code']]).toEqual([409, 'last_administrator']);
    const back = lab.anyone('PUT', `/api/v1/users/${lab.root.id}/reactivate`, { token: second.access_token });
    expect((await back).status).toBe(200);
  });
});

test('nothing of this was an internal error', () => {
  expect(lab.app.lines().filter((line) => line.event === 'request' && Number(line.status) >= 500)).toEqual([]);
});
