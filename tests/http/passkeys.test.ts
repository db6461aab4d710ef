import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError, loadConfig } from '../../shared/platform/config.ts';
import {
  Authenticator,
  addPasskey,
  auditedFor,
  beginLogIn,
  makeProtected,
  TestClock,
  type Twist,
} from './authenticator.ts';
import { type Lab, type Person, type Reply, startLab } from './client.ts';

const clock = new TestClock();
const otherOrigin = 'https://campus.example.org';
let lab: Lab;
beforeAll(async () => {
  const settings = { ACCESS_TOKEN_EXPIRE_MINUTES: '1440', CORS_ORIGINS: otherOrigin };
  lab = await startLab({ overrides: { clock }, settings });
});
afterAll(() => lab.close());

type Options = Parameters<Authenticator['get']>[0];
const atOnce = (work: (i: number) => Promise<Reply>) => Promise.all([0, 1, 2, 3, 4, 5].map(work));
const signInOptions = async () => (await lab.anyone('POST', '/api/v1/auth/passkeys/sign-in/options')).json<Options>();
const signIn = (response: object) => lab.anyone('POST', '/api/v1/auth/passkeys/sign-in', { json: { response } });
const addOptions = async (person: Person) => (await person.post('/api/v1/auth/passkeys/options')).json<Options>();
const add = (person: Person, response: object, name = 'Key') =>
  person.post('/api/v1/auth/passkeys', { response, name });
const sessionsOf = async (userId: string) => (await auditedFor(lab, userId, 'session.started')).length;
const refused = [401, 'The passkey was not accepted'];
const notAdded = [400, 'The passkey was not accepted'];

async function owner(twist: Twist = {}) {
  const person = await lab.makePerson('student');
  return { person, ...(await addPasskey(person, new Authenticator(), twist)) };
}

/** What an attacker or a broken authenticator changes in an answer. */
const wrongInBoth: Record<string, Twist> = {
  'from another origin': { origin: 'https://localhost.evil.example' },
  'from the same host on another port': { origin: 'http://localhost:3001' },
  'for another RP id': { rpId: 'evil.example' },
  'of the other ceremony': { type: 'payment.get' },
  'in a frame of another page': { crossOrigin: true },
  'without anybody present': { userPresent: false },
  'for a challenge that nobody asked': { challenge: randomBytes(32).toString('base64url') },
  'for no challenge': { challenge: '' },
};

describe('adding a passkey', () => {
  test('asks the authenticator for one for this site and person, and gives recovery codes with the first', async () => {
    const person = await lab.makePerson('student', { full_name: 'Ann Example' });
    const options = await person.post('/api/v1/auth/passkeys/options', {});
    expect(options.json()).toMatchObject({
      challenge: expect.stringMatching(/^[\w-]{43}$/),
      rp: { id: 'localhost', name: 'Lyceum' },
      user: { id: Buffer.from(person.id).toString('base64url'), name: person.username, displayName: 'Ann Example' },
      pubKeyCredParams: [-8, -7, -257].map((alg) => ({ alg, type: 'public-key' })),
      attestation: 'none',
      excludeCredentials: [],
      authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
    });
    const authenticator = new Authenticator();
    const reply = await add(person, authenticator.create(options.json<Options>()), ' My phone ');
    expect(reply.status).toBe(201);
    const { passkey, recovery_codes } = reply.json<{ passkey: object; recovery_codes: string[] }>();
    expect(passkey).toEqual({
      passkey_id: expect.any(String),
      name: 'My phone',
      is_synced: false,
      created_at: new Date(clock.ms).toISOString(),
      last_used_at: null,
    });
    expect(recovery_codes).toHaveLength(10);
    const second = await addPasskey(person, new Authenticator(), { isSynced: true });
    expect(second.codes).toEqual([]);
    expect((await person.get('/api/v1/auth/passkeys')).json()).toMatchObject([passkey, { is_synced: true }]);
    const again = await addOptions(person);
    expect(again).toMatchObject({ excludeCredentials: [{ id: authenticator.credentialId }, {}] });
    expect(await auditedFor(lab, person.id, 'second_factor.added')).toMatchObject([
      { detail: { kind: 'passkey' } },
      { detail: { kind: 'passkey' } },
    ]);
  });

  const wrong: Record<string, Twist> = {
    ...wrongInBoth,
    'with an attestation of a format that is not asked for': { format: 'fido-u2f' },
    'with an attestation that is said to be none and is not': { statement: new Map([['alg', -7]]) },
    'with a certificate': { format: 'packed', statement: new Map([['x5c', randomBytes(10)]]) },
  };
  test.each(Object.entries(wrong))('refuses an answer %s', async (_what, twist) => {
    const person = await lab.makePerson('student');
    const options = await addOptions(person);
    expect((await add(person, new Authenticator().create(options, twist))).refusal).toEqual(notAdded);
    expect((await person.get('/api/v1/auth/passkeys')).json()).toEqual([]);
    const { username, password } = person;
    expect((await lab.logIn(username, password)).token).toBeTruthy();
  });

  test('refuses what is no answer of an authenticator', async () => {
    const person = await lab.makePerson('student');
    const right = async () => new Authenticator().create(await addOptions(person));
    const texts = [
      'AAAA',
      ...['null', '[]', '{}', '{"challenge":1}'].map((text) => Buffer.from(text).toString('base64url')),
    ];
    for (const text of texts) {
      for (const field of ['clientDataJSON', 'attestationObject'] as const) {
        const honest = await right();
        const response = { ...honest, response: { ...honest.response, [field]: text } };
        expect((await add(person, response)).refusal).toEqual(notAdded);
      }
    }
    const ids = ['not base64url!', '', 'x'.repeat(2000)];
    for (const id of ids) expect((await add(person, { ...(await right()), id, rawId: id })).status).toBe(422);
    expect((await add(person, { ...(await right()), id: 'AAAA', rawId: 'AAAA' })).refusal).toEqual(notAdded);
    expect((await add(person, { ...(await right()), id: 'AAAA' })).refusal).toEqual(notAdded);
  });

  test('takes a page of another configured origin', async () => {
    expect((await owner({ origin: otherOrigin })).reply.status).toBe(201);
  });

  test('uses up its challenge, which is good for five minutes and for one person', async () => {
    const [mine, theirs] = [await lab.makePerson('student'), await lab.makePerson('student')];
    const options = await addOptions(mine);
    expect((await add(theirs, new Authenticator().create(options))).refusal).toEqual(notAdded);
    expect((await add(mine, new Authenticator().create(options))).status).toBe(201);
    expect((await add(mine, new Authenticator().create(options))).refusal).toEqual(notAdded);
    const late = await addOptions(mine);
    clock.pass(300_000);
    expect((await add(mine, new Authenticator().create(late))).refusal).toEqual(notAdded);
  });

  test('does not take a challenge of a sign-in', async () => {
    const person = await lab.makePerson('student');
    const { challenge } = await signInOptions();
    const response = new Authenticator().create({ ...(await addOptions(person)), challenge });
    expect((await add(person, response)).refusal).toEqual(notAdded);
  });

  test('refuses a passkey that belongs to an account already', async () => {
    const { authenticator, person } = await owner();
    for (const other of [await lab.makePerson('student'), person]) {
      const reply = await add(other, authenticator.create(await addOptions(other)));
      expect(reply.refusal).toEqual([409, 'This passkey belongs to an account already']);
    }
  });

  test('six answers with one challenge at once make one passkey', async () => {
    const person = await lab.makePerson('student');
    const options = await addOptions(person);
    const replies = await atOnce(() => add(person, new Authenticator().create(options)));
    expect(replies.filter(({ status }) => status === 201)).toHaveLength(1);
    expect((await person.get('/api/v1/auth/passkeys')).json<unknown[]>()).toHaveLength(1);
  });

  test('is for ten of them, and for who has proved it a short while ago', async () => {
    const { person } = await owner();
    for (let i = 1; i < 10; i += 1) await addPasskey(person);
    expect((await person.post('/api/v1/auth/passkeys/options')).status).toBe(409);
    clock.pass(600_000);
    const stale = await person.post('/api/v1/auth/passkeys/options');
    expect(stale.json()).toMatchObject({
      status: 403,
      code: 'step_up_required',
      methods: ['recovery_code', 'passkey'],
    });
    expect((await lab.anyone('POST', '/api/v1/auth/passkeys/options')).status).toBe(401);
  });
});

describe('signing in with a passkey alone', () => {
  test('names no account before, and gives tokens', async () => {
    const { person, authenticator } = await owner();
    const options = await lab.anyone('POST', '/api/v1/auth/passkeys/sign-in/options');
    expect(options.json()).toEqual({
      challenge: expect.any(String),
      rpId: 'localhost',
      timeout: 300_000,
      userVerification: 'required',
    });
    const reply = await signIn(authenticator.get(options.json<Options>()));
    const { access_token: token } = reply.json<{ access_token: string }>();
    expect((await lab.anyone('GET', '/api/auth/me', { token })).json()).toMatchObject({ user_id: person.id });
    expect((await auditedFor(lab, person.id, 'session.started')).at(-1)).toMatchObject({
      detail: { proofs: ['passkey'] },
    });
    const [passkey] = (await person.get('/api/v1/auth/passkeys')).json<{ last_used_at: string }[]>();
    expect(passkey?.last_used_at).toBe(new Date(clock.ms).toISOString());
  });

  const wrong: Record<string, Twist> = {
    ...wrongInBoth,
    'without a check of who is there': { userVerified: false },
    'with a changed signature': { flipSignature: true },
    'that believes to be somebody else': { userHandle: Buffer.from(randomUUID()).toString('base64url') },
    'of a passkey that nobody has': { credentialId: randomBytes(32) },
    'of a passkey that has become one that can be copied': { isSynced: true },
  };
  test.each(Object.entries(wrong))('refuses an answer %s', async (_what, twist) => {
    const { person, authenticator } = await owner();
    const before = await sessionsOf(person.id);
    expect((await signIn(authenticator.get(await signInOptions(), twist))).refusal).toEqual(refused);
    expect(await sessionsOf(person.id)).toBe(before);
    // The owner is not shut out by that.
    expect((await signIn(authenticator.get(await signInOptions()))).status).toBe(200);
  });

  test('lets no stranger make the owner wait with wrong answers', async () => {
    const { person, code } = await makeProtected(lab, clock);
    const { authenticator } = await addPasskey(person);
    for (let i = 0; i < 6; i += 1) await signIn(authenticator.get(await signInOptions(), { flipSignature: true }));
    const { mfa_token } = await beginLogIn(lab, person);
    const reply = await lab.anyone('POST', '/api/v1/auth/mfa/verify', { json: { mfa_token, code: code() } });
    expect(reply.status).toBe(200);
  });

  test('leaves a trace of an answer that was refused', async () => {
    const { person, authenticator } = await owner();
    await signIn(authenticator.get(await signInOptions(), { flipSignature: true }));
    expect(await auditedFor(lab, person.id, 'second_factor.refused')).toMatchObject([
      { result: 'refused', detail: { method: 'passkey' }, actor: { id: null } },
    ]);
  });

  test('refuses an authenticator whose counter did not go on', async () => {
    const { authenticator } = await owner();
    expect((await signIn(authenticator.get(await signInOptions(), { counter: 7 }))).status).toBe(200);
    for (const counter of [7, 6, 0])
      expect((await signIn(authenticator.get(await signInOptions(), { counter }))).refusal).toEqual(refused);
    expect((await signIn(authenticator.get(await signInOptions(), { counter: 8 }))).status).toBe(200);
  });

  test('takes an authenticator that does not count', async () => {
    const { authenticator } = await owner({ counter: 0 });
    for (let i = 0; i < 2; i += 1)
      expect((await signIn(authenticator.get(await signInOptions(), { counter: 0 }))).status).toBe(200);
  });

  test('uses up its challenge, which is good for five minutes; six uses at once give one session', async () => {
    const { person, authenticator } = await owner({ counter: 0 });
    const answer = authenticator.get(await signInOptions(), { counter: 0 });
    const before = await sessionsOf(person.id);
    const replies = await atOnce(() => signIn(answer));
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401, 401, 401]);
    expect((await signIn(answer)).refusal).toEqual(refused);
    expect(await sessionsOf(person.id)).toBe(before + 1);
    const late = authenticator.get(await signInOptions(), { counter: 0 });
    clock.pass(300_000);
    expect((await signIn(late)).refusal).toEqual(refused);
  });

  test("refuses the signature of another account's passkey", async () => {
    const [mine, theirs] = [await owner(), await owner()];
    const forged = theirs.authenticator.get(await signInOptions(), {
      credentialId: mine.authenticator.id,
      userHandle: mine.authenticator.userHandle,
    });
    expect((await signIn(forged)).refusal).toEqual(refused);
  });

  test('does not take a challenge that was asked for something else', async () => {
    const { person, authenticator } = await owner();
    const { challenge } = (await person.post('/api/v1/auth/step-up/passkey/options')).json<Options>();
    const reply = await signIn(authenticator.get({ ...(await signInOptions()), challenge }));
    expect(reply.refusal).toEqual(refused);
  });

  test('is refused to an account that is not active', async () => {
    const { person, authenticator } = await owner();
    await lab.deactivate(person);
    expect((await signIn(authenticator.get(await signInOptions()))).refusal).toEqual([400, 'Inactive user']);
  });
});

describe('a passkey as the second factor', () => {
  const optionsFor = async (mfa_token: string) =>
    (await lab.anyone('POST', '/api/v1/auth/mfa/passkey/options', { json: { mfa_token } })).json<Options>();
  const verify = (mfa_token: string, passkey: object) =>
    lab.anyone('POST', '/api/v1/auth/mfa/verify', { json: { mfa_token, passkey } });

  test('finishes a log-in with a password, also one that only says that somebody is there', async () => {
    const { person, authenticator } = await owner();
    const { mfa_token, methods } = await beginLogIn(lab, person);
    expect(methods).toEqual(['recovery_code', 'passkey']);
    const options = await optionsFor(mfa_token);
    expect(options).toMatchObject({
      rpId: 'localhost',
      userVerification: 'preferred',
      allowCredentials: [{ id: authenticator.credentialId, type: 'public-key', transports: ['internal'] }],
    });
    expect((await verify(mfa_token, authenticator.get(options, { userVerified: false }))).status).toBe(200);
    expect((await auditedFor(lab, person.id, 'session.started')).at(-1)).toMatchObject({
      detail: { proofs: ['password', 'passkey'] },
    });
  });

  test("is not somebody else's, and not an answer to somebody else's question", async () => {
    const [mine, theirs] = [await owner(), await owner()];
    const { mfa_token } = await beginLogIn(lab, mine.person);
    const options = await optionsFor(mfa_token);
    const theirOptions = await optionsFor((await beginLogIn(lab, theirs.person)).mfa_token);
    const forged = { credentialId: mine.authenticator.id };
    for (const passkey of [
      theirs.authenticator.get(options),
      theirs.authenticator.get(theirOptions),
      theirs.authenticator.get(theirOptions, forged),
      mine.authenticator.get((await mine.person.post('/api/v1/auth/step-up/passkey/options')).json<Options>()),
      mine.authenticator.get(await signInOptions()),
    ])
      expect((await verify(mfa_token, passkey)).refusal).toEqual(notAdded);
    expect(await auditedFor(lab, theirs.person.id, 'second_factor.refused')).toEqual([]);
  });

  test('asks its question only for a log-in that waits, and of accounts that have one', async () => {
    const ask = (mfa_token: string) => lab.anyone('POST', '/api/v1/auth/mfa/passkey/options', { json: { mfa_token } });
    expect((await ask('mfa_unknown')).status).toBe(401);
    const { person } = await owner();
    const { mfa_token } = await beginLogIn(lab, person);
    await lab.deactivate(person);
    expect((await ask(mfa_token)).status).toBe(401);
    const without = await lab.makePerson('student');
    expect((await without.post('/api/v1/auth/step-up/passkey/options')).status).toBe(404);
  });
});

describe('the passkeys of an account', () => {
  test('can be named by their owner alone', async () => {
    const { person, passkeyId } = await owner();
    const rename = (who: Person, name: string) =>
      who.call('PATCH', `/api/v1/auth/passkeys/${passkeyId}`, { json: { name } });
    expect((await rename(person, 'Blue key')).json()).toMatchObject({ passkey_id: passkeyId, name: 'Blue key' });
    for (const name of ['', ' ', 'x'.repeat(101)]) expect((await rename(person, name)).status).toBe(422);
    expect((await rename(lab.root, 'Mine')).status).toBe(404);
    expect((await person.get('/api/v1/auth/passkeys')).json()).toMatchObject([{ name: 'Blue key' }]);
    expect((await lab.root.get('/api/v1/auth/passkeys')).json()).toEqual([]);
  });

  test('are removed by their owner alone, and then sign in nobody and can be added anew', async () => {
    const { person, authenticator, passkeyId, codes } = await owner();
    const other = await lab.makePerson('teacher');
    expect((await other.delete(`/api/v1/auth/passkeys/${passkeyId}`)).status).toBe(404);
    expect((await person.delete(`/api/v1/auth/passkeys/${passkeyId}`)).status).toBe(204);
    expect((await signIn(authenticator.get(await signInOptions()))).refusal).toEqual(refused);
    expect((await person.get('/api/v1/auth/mfa')).json()).toMatchObject({ passkeys: 0, recovery_codes_left: 0 });
    expect((await person.delete(`/api/v1/auth/passkeys/${passkeyId}`)).status).toBe(404);
    expect(await auditedFor(lab, person.id, 'second_factor.removed')).toHaveLength(1);
    const added = await addPasskey(person, authenticator);
    expect(added.codes).toHaveLength(10);
    expect(added.codes.filter((code) => codes.includes(code))).toEqual([]);
  });

  test('keep the last one for who could not log in without it', async () => {
    const { person, passkeyId } = await owner();
    const account = lab.container('identity').item(person.id, 'accounts');
    await account.patch([{ op: 'set', path: '/password_hash', value: null }]);
    const reply = await person.delete(`/api/v1/auth/passkeys/${passkeyId}`);
    expect(reply.refusal).toEqual([409, 'Without it there would be no way to log in: set a password first']);
  });
});

test('the settings take only a domain that browsers would take for the front end', () => {
  const settings = { ...lab.app.settings, APP_URL: 'https://learn.school.example' };
  const load = (PASSKEY_RP_ID: string) => loadConfig({ ...settings, PASSKEY_RP_ID });
  for (const right of ['learn.school.example', 'school.example']) expect(load(right).PASSKEY_RP_ID).toBe(right);
  for (const wrong of ['other.example', 'ool.example', 'x.learn.school.example', 'https://school.example']) {
    expect(() => load(wrong)).toThrow(ConfigError);
    expect(() => load(wrong)).toThrow('PASSKEY_RP_ID');
  }
});
