import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConfigError, loadConfig } from '../../shared/platform/config.ts';
import { type App, Authenticator, auditedFor, beginLogIn, TestClock, totpAt } from './authenticator.ts';
import { type Lab, Person, type Reply, startLab, type WireUser } from './client.ts';

// The roles teacher and parent must have a second factor here.

const clock = new TestClock();
let lab: Lab;
beforeAll(async () => {
  lab = await startLab({
    overrides: { clock },
    settings: { MFA_REQUIRED_ROLES: 'teacher, Parent', ACCESS_TOKEN_EXPIRE_MINUTES: '1440' },
  });
});
afterAll(() => lab.close());

const post = (path: string, json: object) => lab.anyone('POST', `/api/v1/auth/${path}`, { json });
const over = [401, 'This log-in has expired or was used; start again'];
const atOnce = (work: (i: number) => Promise<Reply>) => Promise.all([0, 1, 2, 3, 4, 5].map(work));

async function register(role: string) {
  const username = `${role}-${randomUUID()}`;
  const password = `password of ${username}`;
  const reply = await lab.root.post('/api/auth/register', { username, password, role });
  return { username, password, user: reply.json<WireUser>() };
}

/** A teacher whose log-in has set up an app, as somebody logged in. */
async function enrolled(role = 'teacher') {
  const account = await register(role);
  const { mfa_token } = await beginLogIn(lab, account);
  const { secret } = (await post('mfa/totp', { mfa_token })).json<App>();
  const reply = await post('mfa/totp/confirm', { mfa_token, code: totpAt(secret, clock.ms) });
  const { tokens, recovery_codes } = reply.json<{ tokens: { access_token: string }; recovery_codes: string[] }>();
  clock.nextStep();
  const person = new Person(lab.url, account.user, account.password, tokens.access_token);
  return { person, secret, codes: recovery_codes, mfa_token };
}

test('a log-in without a second factor gives no tokens, but a token to set one up, and its confirmation gives tokens', async () => {
  const account = await register('teacher');
  const challenge = await beginLogIn(lab, account);
  expect(challenge).toEqual({
    mfa_required: true,
    mfa_token: expect.any(String),
    methods: [],
    expires_in: 300,
  });
  const { mfa_token } = challenge;
  expect((await post('mfa/verify', { mfa_token, code: '000000' })).refusal).toEqual([400, 'The code is not right']);
  const { secret } = (await post('mfa/totp', { mfa_token })).json<App>();
  const wrong = await post('mfa/totp/confirm', { mfa_token, code: totpAt(secret, clock.ms + 600_000) });
  expect(wrong.refusal).toEqual([400, 'The code is not right']);
  const reply = await post('mfa/totp/confirm', { mfa_token, code: totpAt(secret, clock.ms) });
  const { tokens, recovery_codes } = reply.json<{ tokens: { access_token: string }; recovery_codes: string[] }>();
  expect(recovery_codes).toHaveLength(10);
  const me = await lab.anyone('GET', '/api/auth/me', { token: tokens.access_token });
  expect(me.json()).toMatchObject({ user_id: account.user.user_id, mfa_enabled: true });
  expect(await auditedFor(lab, account.user.user_id, 'session.started')).toMatchObject([
    { detail: { proofs: ['password', 'totp'] } },
  ]);
  // It was good for that, once.
  for (const path of ['mfa/totp', 'passkeys/options']) expect((await post(path, { mfa_token })).refusal).toEqual(over);
  expect((await post('mfa/verify', { mfa_token, code: recovery_codes[0] })).refusal).toEqual(over);
  expect((await beginLogIn(lab, account)).methods).toEqual(['totp', 'recovery_code']);
});

test('a passkey does too', async () => {
  const account = await register('parent');
  const { mfa_token } = await beginLogIn(lab, account);
  const options = await post('passkeys/options', { mfa_token });
  const response = new Authenticator().create(options.json());
  const reply = await post('passkeys', { mfa_token, response, name: 'Key' });
  expect(reply.status).toBe(201);
  expect(reply.json()).toMatchObject({
    passkey: { name: 'Key' },
    recovery_codes: expect.arrayContaining([expect.any(String)]),
    tokens: { access_token: expect.any(String) },
  });
  expect((await beginLogIn(lab, account)).methods).toEqual(['recovery_code', 'passkey']);
});

test('who accepts an invitation to such a role sets one up before there are tokens', async () => {
  const invited = await lab.root.post('/api/v1/invitations', { role: 'teacher' });
  const { token } = invited.json<{ token: string }>();
  const username = `invited-${randomUUID()}`;
  const json = { token, username, password: 'quite an unusual password' };
  const accepted = await lab.anyone('POST', '/api/v1/invitations/accept', { json });
  expect(accepted.json()).toMatchObject({ mfa_required: true, methods: [], mfa_token: expect.any(String) });
  expect(accepted.text).not.toContain('access_token');
  const { mfa_token, user_id } = accepted.json<{ mfa_token: string; user_id: string }>();
  const { secret } = (await post('mfa/totp', { mfa_token })).json<App>();
  const reply = await post('mfa/totp/confirm', { mfa_token, code: totpAt(secret, clock.ms) });
  expect(reply.json()).toMatchObject({ tokens: { user: { user_id } } });
});

test('roles that are not named log in as ever', async () => {
  const { username, password } = await register('student');
  expect((await lab.logIn(username, password)).token).toBeTruthy();
});

test('who knows the password alone can add no second factor beside the one that the owner has set up', async () => {
  const account = await register('teacher');
  const [mine, theirs] = [await beginLogIn(lab, account), await beginLogIn(lab, account)];
  const begin = async (mfa_token: string) => (await post('mfa/totp', { mfa_token })).json<App>().secret;
  const theirOptions = (await post('passkeys/options', { mfa_token: theirs.mfa_token })).json<{ challenge: string }>();
  const secret = await begin(mine.mfa_token);
  const confirm = (mfa_token: string) => post('mfa/totp/confirm', { mfa_token, code: totpAt(secret, clock.ms) });
  expect((await confirm(mine.mfa_token)).status).toBe(200);
  expect((await confirm(theirs.mfa_token)).refusal).toEqual(over);
  const response = new Authenticator().create(theirOptions);
  const added = await post('passkeys', { mfa_token: theirs.mfa_token, response, name: 'Theirs' });
  expect(added.refusal).toEqual(over);
  // Nor with the token of a log-in that asks for the factor that is there.
  const { mfa_token } = await beginLogIn(lab, account);
  for (const path of ['mfa/totp', 'passkeys/options']) expect((await post(path, { mfa_token })).refusal).toEqual(over);
});

test('six confirmations at once make one factor and one session', async () => {
  const account = await register('teacher');
  const { mfa_token } = await beginLogIn(lab, account);
  const { secret } = (await post('mfa/totp', { mfa_token })).json<App>();
  const replies = await atOnce(() => post('mfa/totp/confirm', { mfa_token, code: totpAt(secret, clock.ms) }));
  expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
  expect(await auditedFor(lab, account.user.user_id, 'session.started')).toHaveLength(1);
});

test('the token to set one up ends with its five minutes, with the sessions and with the account', async () => {
  const account = await register('teacher');
  const stored = lab.container('identity').item(account.user.user_id, 'accounts');
  const late = await beginLogIn(lab, account);
  clock.pass(300_000);
  expect((await post('mfa/totp', late)).refusal).toEqual(over);
  const ended = await beginLogIn(lab, account);
  await stored.patch([{ op: 'incr', path: '/session_version', value: 1 }]);
  expect((await post('mfa/totp', ended)).refusal).toEqual(over);
  const suspended = await beginLogIn(lab, account);
  await stored.patch([{ op: 'set', path: '/status', value: 'suspended' }]);
  expect((await post('mfa/totp', suspended)).refusal).toEqual(over);
  expect((await post('passkeys/options', suspended)).refusal).toEqual(over);
});

test('the last second factor of who must have one stays; another one may go', async () => {
  const { person, secret, codes } = await enrolled();
  const remove = (code = '') => person.delete('/api/v1/auth/mfa/totp', { password: person.password, code });
  const kept = [409, 'Your role must have a second factor: set up another one first'];
  expect((await remove(codes[0])).refusal).toEqual(kept);
  const options = await person.post('/api/v1/auth/passkeys/options');
  const response = new Authenticator().create(options.json());
  const added = await person.post('/api/v1/auth/passkeys', { response, name: 'Key' });
  const { passkey_id } = added.json<{ passkey: { passkey_id: string } }>().passkey;
  expect((await remove(totpAt(secret, clock.ms))).status).toBe(204);
  expect((await person.delete(`/api/v1/auth/passkeys/${passkey_id}`)).refusal).toEqual(kept);
  expect((await person.get('/api/v1/auth/mfa')).json()).toMatchObject({ passkeys: 1, totp: false, is_required: true });
});

test('the setting takes names of roles only, in the spelling of every client', () => {
  const load = (roles: string) => loadConfig({ ...lab.app.settings, MFA_REQUIRED_ROLES: roles });
  expect(load(' Superuser,teacher, head_of_year').MFA_REQUIRED_ROLES).toEqual(['admin', 'teacher', 'head_of_year']);
  for (const wrong of ['a teacher', 'admin;teacher', '1st', '*']) {
    expect(() => load(wrong)).toThrow(ConfigError);
    expect(() => load(wrong)).toThrow('MFA_REQUIRED_ROLES');
  }
});
