import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCosmos } from '../../shared/adapters/cosmos/client.ts';
import { createAccounts } from '../../shared/identity/accounts-repository.ts';
import { loadConfig } from '../../shared/platform/config.ts';
import { createRuntime } from '../../shared/services.ts';
import { movableClock } from '../movable-clock.ts';
import { type CallOptions, type Lab, type Person, startLab } from './client.ts';
import { tokenClient, type WireTokens } from './token-client.ts';

const clock = movableClock(Date.now());
let lab: Lab;
let client: ReturnType<typeof tokenClient>;
let student: Person;
beforeAll(async () => {
  lab = await startLab({ overrides: { clock } });
  client = tokenClient(lab);
  student = await lab.makePerson('student', { email: `Ann.${randomUUID()}@Example.org`, full_name: 'Ann Example' });
});
afterAll(() => lab.close());

const paths = ['/api/auth/login', '/api/auth/login/json', '/api/v1/users/login', '/api/v1/auth/login'];
async function account(person: Person): Promise<Record<string, unknown>> {
  return (await lab.container('identity').item(person.id, 'accounts').read()).resource;
}

describe.each(paths)('POST %s', (path) => {
  const send = (options: CallOptions) => lab.anyone('POST', path, options);

  test('takes the name or the address, in either field, as JSON or as a form', async () => {
    const { username, password } = student;
    const email = String(student.user.email);
    const shown = [username, email, email.toLowerCase(), ` ${email.toUpperCase()} `];
    for (const name of shown) {
      for (const fields of [{ username: name }, { email: name }, { username: '', email: name }] as Record<
        string,
        string
      >[]) {
        for (const kind of ['json', 'form'] as const) {
          const reply = await send({ [kind]: { ...fields, password } });
          expect([path, kind, fields, reply.status]).toEqual([path, kind, fields, 200]);
        }
      }
    }
  });

  test('answers the tokens in the words of all clients', async () => {
    const reply = await send({ json: { email: student.user.email, password: student.password } });
    const tokens = reply.json<WireTokens>();
    expect(Object.keys(tokens).sort()).toEqual(
      [
        'access_token',
        'accessToken',
        'device_token',
        'expires_in',
        'expiresIn',
        'refresh_token',
        'refreshToken',
        'role',
        'token_type',
        'user',
      ].sort(),
    );
    expect(tokens).toMatchObject({
      token_type: 'bearer',
      expires_in: 900,
      expiresIn: 900,
      role: 'student',
      accessToken: tokens.access_token,
      refreshToken: tokens.refresh_token,
      user: {
        id: student.id,
        user_id: student.id,
        email: student.user.email,
        username: student.username,
        full_name: 'Ann Example',
        name: 'Ann Example',
        role: 'student',
        is_active: true,
        status: 'active',
      },
    });
    expect(tokens.refresh_token).not.toBe(tokens.access_token);
  });

  test('ignores what else a form of OAuth2 or another client sends', async () => {
    const form = { grant_type: 'password', scope: '', client_id: 'x', client_secret: 'y', username: student.username };
    expect((await send({ form: { ...form, password: student.password } })).status).toBe(200);
    const json = { email: null, device_token: null, remember: true, username: student.username };
    expect((await send({ json: { ...json, password: student.password } })).status).toBe(200);
  });

  test('says the same to a wrong password and to a name that nobody has', async () => {
    const wrong: Record<string, string>[] = [
      { username: student.username, password: 'not the password' },
      { email: String(student.user.email), password: 'not the password' },
      { username: `nobody-${randomUUID()}`, password: student.password },
      { email: `${randomUUID()}@example.org`, password: student.password },
      { username: '', email: '', password: '' },
    ];
    const bodies = new Set<string>();
    for (const fields of wrong) {
      for (const kind of ['json', 'form'] as const) {
        const reply = await send({ [kind]: fields });
        expect(reply.refusal).toEqual([401, 'Incorrect username or password']);
        expect(reply.headers.get('www-authenticate')).toBe('Bearer');
        const { request_id: _id, ...body } = reply.json();
        bodies.add(JSON.stringify(body));
      }
    }
    expect(bodies.size).toBe(1);
  });

  test('needs a name and a password', async () => {
    for (const json of [{}, { password: 'x' }, { username: null, email: null, password: 'x' }, { username: 'x' }]) {
      expect((await send({ json })).status).toBe(422);
    }
  });
});

describe.each(['/api/auth/me', '/api/v1/auth/me', '/api/v1/users/me'])('GET %s', (path) => {
  test('answers the person of the token', async () => {
    const reply = await student.get(path);
    expect(reply.status).toBe(200);
    expect(reply.json()).toMatchObject({ id: student.id, name: 'Ann Example', role: 'student', is_active: true });
  });

  test('answers 401 without a token', async () => {
    expect((await lab.anyone('GET', path)).refusal).toEqual([401, 'Could not validate credentials']);
  });
});

describe('a log-in', () => {
  test('is noted on the account, each one of six at once', async () => {
    const person = await lab.makePerson('student');
    const before = Number((await account(person))['login_count']);
    clock.move(5_000);
    const answers = await Promise.all(Array.from({ length: 6 }, () => client.logIn(person)));
    const after = await account(person);
    expect(after['login_count']).toBe(before + 6);
    expect(after['last_login']).toBe(new Date(clock.now()).toISOString());
    for (const { user } of answers) expect(user['last_login']).toBe(after['last_login']);
    const me = (await lab.anyone('GET', '/api/v1/auth/me', { token: answers[0]?.access_token })).json();
    expect(me).toMatchObject({
      login_count: before + 6,
      last_login: after['last_login'],
      last_login_at: after['last_login'],
    });
  });

  test('is audited with its session and where it came from', async () => {
    const { access_token } = await client.logIn(student, { 'user-agent': 'a browser' });
    const [event] = (await client.audited(student.id, 'session.started')).slice(-1);
    expect(event).toMatchObject({
      result: 'ok',
      target: { type: 'account', id: student.id },
      detail: { session_id: client.sessionOf(access_token), proofs: ['password'] },
      user_agent: 'a browser',
    });
  });

  test('that fails is audited with the account, and never with what was typed', async () => {
    await lab.anyone('POST', paths[0] ?? '', { form: { username: student.username, password: 'typed-canary' } });
    const events = await client.audited(student.id, 'session.refused');
    expect(events.at(-1)).toMatchObject({
      result: 'refused',
      actor: { id: null, via: 'anonymous' },
      target: { type: 'account', id: student.id },
      detail: { reason: 'wrong_password' },
    });
    expect(JSON.stringify(events)).not.toContain('canary');
  });

  test('to an inactive account is refused after the right password alone, and audited', async () => {
    const person = await lab.makePerson('student');
    await lab.deactivate(person);
    const send = (password: string) =>
      lab.anyone('POST', '/api/v1/auth/login', { json: { username: person.username, password } });
    expect((await send('not the password')).refusal).toEqual([401, 'Incorrect username or password']);
    expect((await send(person.password)).refusal).toEqual([400, 'Inactive user']);
    const reasons = (await client.audited(person.id, 'session.refused')).map(({ detail }) => detail['reason']);
    expect(reasons).toEqual(['wrong_password', 'inactive']);
  });

  test('to an account without a password is refused like a wrong one', async () => {
    const person = await lab.makePerson('student');
    await lab
      .container('identity')
      .item(person.id, 'accounts')
      .patch([{ op: 'set', path: '/password_hash', value: null }]);
    const reply = await lab.anyone('POST', '/api/v1/auth/login', {
      json: { username: person.username, password: person.password },
    });
    expect(reply.refusal).toEqual([401, 'Incorrect username or password']);
  });
});

describe('the cost of a password hash', () => {
  const hashOf = async (person: Person) => String((await account(person))['password_hash']);
  const logInAt = async (person: Person, bcryptCost: number, times = 1) => {
    const runtime = createRuntime(loadConfig(lab.app.settings), { clock, bcryptCost, writeLog: () => {} });
    const caller = { request_id: 'x', address: 'unknown', user_agent: null, origin: null, place_id: null };
    const { username: identifier, password } = person;
    const one = () => runtime.services.signIn.withPassword({ identifier, password }, caller);
    await Promise.all(Array.from({ length: times }, one));
    await runtime.close();
  };

  test('is raised at the next log-in, with the count in one write, and the password stays the same', async () => {
    const person = await lab.makePerson('student');
    expect(await hashOf(person)).toMatch(/^\$2b\$04\$/);
    const before = (await account(person))['login_count'];
    await logInAt(person, 6);
    expect(await hashOf(person)).toMatch(/^\$2b\$06\$/);
    expect((await account(person))['login_count']).toBe(Number(before) + 1);
    expect((await client.logIn(person)).role).toBe('student');
  });

  test('is raised once by six log-ins at once, all of which succeed', async () => {
    const person = await lab.makePerson('student');
    const before = Number((await account(person))['login_count']);
    await logInAt(person, 5, 6);
    expect(await hashOf(person)).toMatch(/^\$2b\$05\$/);
    expect((await account(person))['login_count']).toBe(before + 6);
    expect((await client.logIn(person)).role).toBe('student');
  });

  test('is never lowered', async () => {
    const person = await lab.makePerson('student');
    await logInAt(person, 6);
    const raised = await hashOf(person);
    await client.logIn(person);
    expect(await hashOf(person)).toBe(raised);
  });

  test('is never raised over a password that was changed meanwhile', async () => {
    const person = await lab.makePerson('student');
    const { endpoint, key } = lab.app.cosmos;
    const database = lab.app.settings['COSMOS_DATABASE'] ?? '';
    const cosmos = createCosmos({ endpoint, key, database, meter: () => undefined });
    const accounts = createAccounts(cosmos.container('identity'));
    const read = await accounts.find(person.id);
    if (read === undefined) throw new Error('There is no account.');
    await accounts.replace({ ...read, password_hash: 'the hash of a new password' });
    const at = new Date(clock.now()).toISOString();
    await accounts.noteLogIn({ ...read, password_hash: 'a fresh hash of the old password' }, at);
    expect(await account(person)).toMatchObject({
      password_hash: 'the hash of a new password',
      login_count: read.login_count + 1,
      last_login: at,
    });
    await cosmos.close();
  });
});
