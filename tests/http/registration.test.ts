import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import acceptInvitation from '../../functions/accounts/accept-invitation.ts';
import createInvitation from '../../functions/accounts/create-invitation.ts';
import logIn from '../../functions/accounts/log-in.ts';
import registerAccount from '../../functions/accounts/register-account.ts';
import registerNamedAccount from '../../functions/accounts/register-named-account.ts';
import { admin } from '../app.ts';
import { type Lab, type Reply, startLab } from './client.ts';
import { startInstance } from './instance.ts';
import { Mailbox } from './mails.ts';

const password = 'correct horse battery';
const mailbox = new Mailbox();
let lab: Lab;
beforeAll(async () => {
  lab = await startLab({ overrides: { email: mailbox } });
});
afterAll(() => lab.close());

const v1 = '/api/v1/auth/register';
const named = '/api/v1/users/register';
const address = () => `p${randomUUID().slice(0, 13)}@example.org`;
const name = () => `p${randomUUID()}`.slice(0, 20);
const person = (fields: Record<string, unknown> = {}) => ({ email: address(), username: name(), password, ...fields });
const register = (json: unknown, path = v1, token?: string): Promise<Reply> =>
  lab.anyone('POST', path, { json, token });
const statuses = (replies: Reply[]) => replies.map((reply) => reply.status).sort();
const me = (token: unknown) => lab.anyone('GET', '/api/auth/me', { token: String(token) });

describe('where anybody may register', () => {
  test.each([
    [v1, 201],
    [named, 200],
  ])('%s makes an account with all that was said and logs it in', async (path, status) => {
    const json = person({ first_name: 'Zoë', last_name: 'Example', full_name: 'Zoë Example' });
    const reply = await register(json, path);
    expect([reply.status, reply.status === status ? '' : reply.text]).toEqual([status, '']);
    const { password: _secret, ...shown } = json;
    const answer = reply.json();
    expect(answer).toMatchObject({ ...shown, role: 'student', is_verified: false, token_type: 'bearer' });
    expect(answer['id']).toBe(answer['user_id']);
    expect(reply.text).not.toContain(password);
    expect(reply.text).not.toContain('password');
    expect((await me(answer['access_token'])).json()).toMatchObject({ username: json.username });
    expect((await lab.logIn(json.email, password)).user.username).toBe(json.username);
  });

  test('a name may be given as `name`, and without a username the local part of the address becomes one', async () => {
    const local = name();
    const json = { email: `${local}@example.org`, password, name: 'Ann Lee' };
    expect((await register(json)).json()).toMatchObject({ username: local, full_name: 'Ann Lee', name: 'Ann Lee' });
    const namesake = await register({ email: `${local}@example.com`, password });
    expect(namesake.status).toBe(201);
    expect(namesake.json()['username']).toMatch(new RegExp(`^${local}-\\d{1,5}$`));
  });

  test('another role than that of the settings is refused, not replaced; the same one may be said', async () => {
    for (const role of ['teacher', 'admin', 'superuser', 'user', 'nonsense']) {
      const json = person({ role });
      const reply = await register(json);
      expect([role, reply.status, reply.json()['code']]).toEqual([role, 403, 'registration_closed']);
      expect((await register({ ...json, role: 'student' })).status).toBe(201);
    }
  });

  test('a person who is logged in but makes no accounts for others registers like anybody', async () => {
    const student = await lab.makePerson('student');
    expect((await register(person(), v1, student.token)).json()).toHaveProperty('access_token');
    expect((await register(person(), v1, 'not a token')).status).toBe(401);
  });

  test('staff make accounts for others: with a role they may give, and without a log-in', async () => {
    const teacher = await lab.makePerson('teacher');
    const reply = await register(person({ role: 'parent' }), v1, teacher.token);
    expect([reply.status, reply.json()['role']]).toEqual([201, 'parent']);
    expect(reply.json()).not.toHaveProperty('access_token');
    const refused = await register(person({ role: 'admin' }), v1, teacher.token);
    expect(refused.refusal).toEqual([403, 'Only an administrator can make an administrator']);
    expect((await register(person({ role: 'superuser' }), v1, lab.root.token)).json()['role']).toBe('admin');
    expect((await register(person({ role: 'nonsense' }), v1, teacher.token)).status).toBe(422);
  });

  test('the address is verified with the link that is mailed to it, and with nothing else', async () => {
    const json = person();
    await register(json);
    const token = await mailbox.token(json.email, 'verify-email');
    const verify = (value: string) => lab.anyone('POST', '/api/v1/auth/verify-email', { json: { token: value } });
    expect((await verify(`${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`)).json()).toMatchObject({
      status: 400,
      code: 'account_token_invalid',
    });
    const account = await lab.logIn(json.email, password);
    expect((await account.get('/api/auth/me')).json()['is_verified']).toBe(false);
    expect((await verify(token)).status).toBe(200);
    expect((await account.get('/api/auth/me')).json()['is_verified']).toBe(true);
    expect((await verify(token)).status, 'opening the link twice is no mistake').toBe(200);
    expect(lab.app.log.join('\n')).not.toContain(token);
  });

  test('a repeat under the same key neither makes a second account nor shows the tokens again', async () => {
    const json = person();
    const headers = { 'idempotency-key': randomUUID() };
    const first = await lab.anyone('POST', v1, { json, headers });
    const second = await lab.anyone('POST', v1, { json, headers });
    expect([first.status, second.status, second.json()['code']]).toEqual([201, 409, 'already_done']);
    expect(second.json()['id']).toBe(first.json()['user_id']);
    expect(second.text).not.toContain('token');
  });
});

describe('names that are taken', () => {
  test('answer 409 on one route and 400 on the others, with the texts that their pages show', async () => {
    const first = person();
    await register(first);
    const sameEmail = person({ email: first.email.toUpperCase() });
    const sameName = person({ username: first.username.toUpperCase() });
    expect((await register(sameEmail)).refusal).toEqual([409, 'Email already registered']);
    expect((await register(sameName)).refusal).toEqual([409, 'Username already taken']);
    expect((await register(sameEmail, named)).refusal).toEqual([400, 'Email already registered']);
    expect((await register(sameName, named)).refusal).toEqual([400, 'Username already registered']);
    const staff = (json: unknown) => lab.root.post('/api/auth/register', json);
    expect((await staff(sameEmail)).refusal).toEqual([400, 'Email already registered']);
    expect((await staff(sameName)).refusal).toEqual([400, 'Username already registered']);
  });

  test('six who ask for one username at once are one account, and so are six who ask for one address', async () => {
    const [username, email] = [name(), address()];
    const byName = await Promise.all(Array.from({ length: 6 }, () => register(person({ username }))));
    expect(statuses(byName)).toEqual([201, 409, 409, 409, 409, 409]);
    const byAddress = await Promise.all(Array.from({ length: 6 }, () => register(person({ email }))));
    expect(statuses(byAddress)).toEqual([201, 409, 409, 409, 409, 409]);
    const looks = ['bo0b', 'boob', 'b0ob', 'bo0B', 'BOOB', 'b00b'].map((look) => `${username}${look}`);
    const alike = await Promise.all(looks.map((look) => register(person({ username: look }))));
    expect(statuses(alike)).toEqual([201, 409, 409, 409, 409, 409]);
  });

  test('the names of a registration that was refused stay free', async () => {
    const first = person();
    await register(first);
    const second = person({ email: first.email });
    expect((await register(second)).status).toBe(409);
    expect((await register({ ...second, email: address() })).status).toBe(201);
  });

  test.each([
    ['capitals', 'Straße-Ann', 'STRAßE-ANN'],
    ['another way of writing for Unicode', 'zo\u00eb', 'zoe\u0308'],
    ['wide letters', 'annlee', '\uff41\uff4e\uff4e\uff4c\uff45\uff45'],
    ['Cyrillic letters', 'cope', '\u0441\u043e\u0440\u0435'],
    ['Greek letters', 'ovo', '\u03bf\u03bd\u03bf'],
    ['a digit for a letter', 'solo', 's0l0'],
    ['the digit one', 'will', 'wi1l'],
    ['rn for m', 'modem', 'modern'],
    ['a capital I for an l', 'paul', 'pauI'],
    ['no dot on the i', 'maria', 'mar\u0131a'],
  ])('a name that looks like one that is taken is refused: %s', async (_what, taken, wanted) => {
    // A name of its own for each case, of a script that fits both.
    const [first, second] = [`${taken}.77`, `${wanted}.77`];
    expect((await register(person({ username: first }))).status).toBe(201);
    const reply = await register(person({ username: second }));
    expect([reply.status, reply.json()['code']]).toEqual([409, 'username_in_use']);
  });

  test('an account from before looks were held is not imitated either', async () => {
    const old = await lab.makePerson('student', { username: 'anton.88' });
    await lab.container('identity').item('look_alike:anton.88', 'accounts').delete();
    expect((await register(person({ username: 'ant0n.88' }))).status).toBe(409);
    expect(old.username).toBe('anton.88');
  });

  test('a username that is an address belongs to whoever has the address', async () => {
    const [mine, theirs, later] = [address(), address(), address()];
    expect((await register(person({ email: mine, username: mine }))).status).toBe(201);
    await register(person({ email: theirs }));
    expect((await register(person({ username: theirs }))).refusal).toEqual([409, 'Username already taken']);
    expect((await register(person({ username: later }))).status).toBe(201);
    expect((await register(person({ email: later.toUpperCase() }))).refusal).toEqual([409, 'Email already registered']);
    expect((await lab.logIn(mine, password)).username).toBe(mine);
  });

  test('a class list of plain names goes in as it is', async () => {
    const teacher = await lab.makePerson('teacher');
    const list = ['o0', 'l1l2', 'Ian', 'Lan', 'rnd', 'student1', 'student2', 'student10', 'student11', 'student20'];
    const more = [
      "o'neil",
      'anna-maria',
      'ann lee',
      'Ann Lee 2',
      '1001',
      '1010',
      'jos\u00e9',
      'jose',
      'M\u00fcller',
      '\u0410\u043d\u043d\u0430',
    ];
    for (const username of [
      ...list,
      ...more,
      '\u5c71\u7530\u592a\u90ce',
      'tanaka\u592a\u90ce',
      '\ubc15\uc9c0\uc131',
      '\u0639\u0644\u064a',
    ]) {
      const reply = await teacher.post('/api/auth/register', { username, password });
      expect([username, reply.status, reply.text.slice(0, 80)]).toEqual([username, 200, reply.text.slice(0, 80)]);
    }
  });
});

describe('what is no name, no address or no password', () => {
  test.each([
    ['a control character', 'a\u0007b'],
    ['a zero width space', 'ad\u200bmin'],
    ['a mark that turns the direction', 'adm\u202ein'],
    ['a letter that is never drawn', 'ad\u3164min'],
    ['Latin and Cyrillic letters together', '\u0430dmin'],
    ['Latin and Greek letters together', 'r\u03bfot'],
    ['punctuation alone', '...'],
    ['an emoji', 'ann\u{1f600}'],
    ['a heap of accents', 'a\u0301\u0302\u0303\u0304\u0305\u0306n'],
    ['two spaces', 'ann  lee'],
    ['51 characters where 50 are the limit', 'n'.repeat(51)],
  ])('a username with %s is refused', async (_what, username) => {
    const reply = await register(person({ username }), named);
    expect([reply.status, reply.json<{ errors: { loc: string[] }[] }>().errors[0]?.loc]).toEqual([
      422,
      ['body', 'username'],
    ]);
  });

  test('an address that is none, or is left out, is refused', async () => {
    for (const email of [
      '',
      'ann',
      'ann@',
      '@example.org',
      'ann@example',
      undefined,
      null,
      7,
      `${'a'.repeat(250)}@example.org`,
    ]) {
      expect((await register(person({ email }))).status).toBe(422);
    }
    expect((await register(person({ email: `${'a'.repeat(90)}@example.org` }), named)).status).toBe(422);
  });
});

describe('who may register', () => {
  test('nobody, where accounts are made by staff, which is so unless the settings say otherwise', async () => {
    const closed = startInstance(lab, { REGISTRATION_POLICY: '' });
    for (const endpoint of [registerAccount, registerNamedAccount]) {
      const reply = await closed.call(endpoint, { json: person() });
      expect([reply.status, reply.json()['code']]).toEqual([403, 'registration_closed']);
    }
    expect((await closed.call(registerAccount, { json: person(), token: lab.root.token })).status).toBe(201);
    const { token } = (await lab.root.post('/api/v1/invitations', {})).json();
    const json = { token, username: name(), password };
    expect((await closed.call(acceptInvitation, { json })).json()['code']).toBe('registration_closed');
    const invited = await closed.call(createInvitation, { json: {}, token: lab.root.token });
    expect(invited.json()['code']).toBe('registration_closed');
  });

  test.each([
    ['register-account', registerAccount],
    ['register-named-account', registerNamedAccount],
  ])('only who is invited, where the settings say so: %s', async (_name, endpoint) => {
    const invited = startInstance(lab, { REGISTRATION_POLICY: 'invite' });
    const send = (json: unknown) => invited.call(endpoint, { json });
    expect((await send(person())).json()).toMatchObject({ status: 403, code: 'registration_closed' });
    const email = address();
    const invitation = await invited.call(createInvitation, {
      json: { email, role: 'teacher' },
      token: lab.root.token,
    });
    const { token } = invitation.json();
    const other = await send(person({ invitation_token: token }));
    expect([other.status, other.json()['code']]).toEqual([422, 'validation_failed']);
    const reply = await send(person({ email, invitation_token: token }));
    expect([reply.status, reply.json()['role']]).toEqual([endpoint.success.status, 'teacher']);
    const again = await send(person({ email, invitation_token: token }));
    expect(again.json()['code']).toBe('account_token_invalid');
  });

  test('with the role that the settings name, but never as an administrator', async () => {
    const users = startInstance(lab, { REGISTRATION_ROLE: 'user' });
    expect((await users.call(registerAccount, { json: person() })).json()['role']).toBe('user');
    expect((await users.call(registerAccount, { json: person({ role: 'regular' }) })).json()['role']).toBe('user');
    expect((await users.call(registerAccount, { json: person({ role: 'student' }) })).status).toBe(403);
    const admins = startInstance(lab, { REGISTRATION_ROLE: 'admin' });
    expect((await admins.call(registerAccount, { json: person() })).status).toBe(403);
  });

  test('not under the name of the first administrator, even before anybody has logged in', async () => {
    const fresh = startInstance(lab, { BOOTSTRAP_ADMIN_USERNAME: 'first-of-all' });
    expect((await fresh.call(registerAccount, { json: person({ username: 'first-of-all' }) })).status).toBe(409);
    expect((await lab.logIn('first-of-all', admin.password)).user.role).toBe('admin');
  });

  test('a password of the settings that is too common makes no administrator, and whoever logs in is not told', async () => {
    const settings = { BOOTSTRAP_ADMIN_USERNAME: 'careless', BOOTSTRAP_ADMIN_PASSWORD: 'password123' };
    const json = { username: 'careless', password: 'password123' };
    const reply = await startInstance(lab, settings).call(logIn, { json });
    expect(reply.json()).toMatchObject({ status: 500, code: 'internal' });
    expect(reply.text).not.toContain('common');
    expect((await lab.anyone('POST', '/api/auth/login/json', { json })).status).toBe(401);
  });
});
