import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import changePassword from '../../functions/accounts/change-password.ts';
import logInEndpoint from '../../functions/accounts/log-in.ts';
import { type Lab, type Person, startLab } from './client.ts';
import { eventsAbout } from './events.ts';
import { startInstance } from './instance.ts';
import { Mailbox } from './mails.ts';

const mailbox = new Mailbox();
let lab: Lab;
beforeAll(async () => {
  lab = await startLab({ overrides: { email: mailbox } });
});
afterAll(() => lab.close());

const digest = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const fresh = () => `new password ${randomUUID()}`;
const register = (fields: Record<string, unknown>) =>
  lab.anyone('POST', '/api/v1/auth/register', {
    json: { email: `p${randomUUID()}@example.org`, username: `p${randomUUID()}`, ...fields },
  });
const change = (person: Person, new_password: string, current_password = person.password) =>
  person.post('/api/v1/auth/change-password', { current_password, new_password });
const logIn = (username: string, password: string) =>
  lab.anyone('POST', '/api/auth/login/json', { json: { username, password } });
const isOn = async (person: Person) => (await person.get('/api/auth/me')).status === 200;

describe('a password', () => {
  const family = '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}';
  test.each([
    ['8 characters', 'ab cd-ef'],
    ['256 characters', `${'x1'.repeat(127)}yz`],
    ['256 characters of four bytes each', `${'\u{1f600}\u{1f601}'.repeat(128)}`],
    ['characters of any script, spaces and all', '  пароль 密码 \t\n '],
    ['eight code points that are drawn as few', `${family}abc`],
    ['the digest form of a good one', digest('a good long password')],
  ])('of %s is taken as it is', async (_what, password) => {
    const username = `p${randomUUID()}`;
    const reply = await register({ username, password });
    expect([reply.status, reply.status === 201 ? '' : reply.text]).toEqual([201, '']);
    expect((await logIn(username, password)).status).toBe(200);
    for (const other of [
      password.trim(),
      password.normalize('NFKD'),
      `${password} `,
      [...password].slice(0, -1).join(''),
    ]) {
      if (other !== password) expect((await logIn(username, other)).status).toBe(401);
    }
  });

  test.each([
    ['7 characters', 'abcdefg'],
    ['7 characters of two code units', '\u{1f600}\u{1f601}\u{1f602}\u{1f603}\u{1f604}\u{1f605}\u{1f606}'],
    ['257 characters', `${'x1'.repeat(128)}y`],
    ['a NUL', 'long enough \u0000 but'],
    ['half a character', 'long enough \ud83d but'],
    ['one character again and again', 'zzzzzzzzzzzzzzzzzzzz'],
    ['nothing but spaces', '            '],
    ['what everybody takes', 'password1'],
    ['what everybody takes, in capitals', 'PassWord123'],
    ['keys in a row', 'qwertyuiop'],
    ['the digest form of what everybody takes', digest('password1')],
    ['the digest form of it with a capital', digest('Password1')],
    ['the digest form in capitals', digest('iloveyou').toUpperCase().replace('SHA256', 'sha256')],
  ])('of %s is refused', async (_what, password) => {
    const reply = await register({ password });
    expect(reply.status).toBe(422);
    expect(reply.text).not.toContain(JSON.stringify(password).slice(1, -1));
  });

  test('that is the own name or address is refused, in any spelling and in the digest form', async () => {
    const id = randomUUID().slice(0, 8);
    const about = {
      username: `maria.${id}`,
      email: `mary-${id}@example.org`,
      full_name: `Maria ${id}`,
      last_name: `Lee-${id}`,
    };
    const own = [about.username, about.email, `mary-${id}`, about.full_name, `maria${id}`, about.last_name];
    for (const word of own) {
      for (const password of [word, word.toUpperCase(), digest(word), digest(word.toLowerCase())]) {
        const reply = await register({ ...about, password });
        expect([password, reply.status, reply.json<{ errors: { type: string }[] }>().errors[0]?.type]).toEqual([
          password,
          422,
          'password_is_own_name',
        ]);
      }
    }
    expect((await register({ ...about, password: `${about.username} and more` })).status).toBe(201);
  });

  test('is judged the same for accounts that staff make', async () => {
    const reply = await lab.root.post('/api/auth/register', { username: randomUUID(), password: 'password1' });
    expect([reply.status, reply.json<{ errors: { loc: string[] }[] }>().errors[0]?.loc]).toEqual([
      422,
      ['body', 'password'],
    ]);
  });

  test('counts to its last byte, also beyond those that bcrypt reads', async () => {
    const [username, password] = [`p${randomUUID()}`, `${'long '.repeat(40)}end`];
    await register({ username, password });
    expect((await logIn(username, `${password.slice(0, -1)}D`)).status).toBe(401);
    expect((await logIn(username, password)).status).toBe(200);
  });

  test('and its digest are two passwords: a digest that leaked opens nothing', async () => {
    const [typed, sent] = [`p${randomUUID()}`, `p${randomUUID()}`];
    const password = 'one and the same secret';
    await register({ username: typed, password });
    await register({ username: sent, password: digest(password) });
    expect((await logIn(typed, digest(password))).status).toBe(401);
    expect((await logIn(sent, password)).status).toBe(401);
    expect((await logIn(sent, digest(password))).status).toBe(200);
  });
});

describe('changing the own password', () => {
  test('ends all other sessions at once and keeps the one that asks', async () => {
    const here = await lab.makePerson('student');
    const there = await lab.logIn(here.username, here.password);
    const password = fresh();
    expect((await change(here, password)).status).toBe(200);
    expect([await isOn(here), await isOn(there)]).toEqual([true, false]);
    expect((await logIn(here.username, here.password)).status).toBe(401);
    expect((await logIn(here.username, password)).status).toBe(200);
  });

  test('needs the password, and says nothing more when it is wrong', async () => {
    const person = await lab.makePerson('teacher');
    const reply = await change(person, fresh(), `${person.password}!`);
    expect([reply.status, reply.json()['code']]).toEqual([400, 'wrong_password']);
    expect((await logIn(person.username, person.password)).status).toBe(200);
  });

  test('is no place to guess it: who fails again and again must wait, while its holder still logs in', async () => {
    const person = await lab.makePerson('student');
    // The limits as they are: the others are raised for tests.
    const strict = startInstance(lab, { RATE_LIMIT_SCALE: '1' });
    const tryWith = (current_password: string) =>
      strict.call(changePassword, { token: person.token, json: { current_password, new_password: fresh() } });
    for (let count = 0; count < 5; count += 1) expect((await tryWith(`guess ${randomUUID()}`)).status).toBe(400);
    expect((await tryWith(person.password)).json()).toMatchObject({ status: 429, code: 'rate_limited' });
    const json = { username: person.username, password: person.password };
    expect((await strict.call(logInEndpoint, { json })).status).toBe(200);
  });

  test('refuses a bad new password with its place', async () => {
    const person = await lab.makePerson('student');
    for (const bad of ['short', 'password1', person.username, digest(person.username)]) {
      const reply = await change(person, bad);
      expect(reply.json<{ errors: { loc: string[] }[] }>().errors[0]?.loc).toEqual(['body', 'new_password']);
    }
    expect(await isOn(person)).toBe(true);
  });

  test('six times at once is done once; the others find that the password is another one', async () => {
    const person = await lab.makePerson('student');
    const wanted = Array.from({ length: 6 }, fresh);
    const replies = await Promise.all(wanted.map((password) => change(person, password)));
    expect(replies.map((reply) => reply.status).sort()).toEqual([200, 400, 400, 400, 400, 400]);
    const index = replies.findIndex((reply) => reply.status === 200);
    expect((await logIn(person.username, wanted[index] ?? '')).status).toBe(200);
    expect(await isOn(person)).toBe(true);
  });

  test('is told to the account holder by e-mail, without any secret', async () => {
    const email = `p${randomUUID()}@example.org`;
    const person = await lab.makePerson('student', { email });
    const password = fresh();
    await change(person, password);
    await expect.poll(() => mailbox.to(email).length, { timeout: 10_000 }).toBe(1);
    expect(JSON.stringify(mailbox.sent)).not.toContain(password);
    expect(lab.app.log.join('\n')).not.toContain(password);
  });

  test('leaves an event in the same batch', async () => {
    const person = await lab.makePerson('student');
    await change(person, fresh());
    const events = (await eventsAbout(lab, person.id)).filter((event) => event.action === 'password.changed');
    expect(events).toMatchObject([{ actor: { id: person.id, via: 'session' }, result: 'ok', detail: {} }]);
  });
});
