import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Authenticator, addPasskey, auditedFor, beginLogIn, makeProtected, TestClock } from './authenticator.ts';
import { type Lab, Person, startLab } from './client.ts';

// Removing a passkey asks for a fresh proof, and so does beginning to add a second factor.

const clock = new TestClock();
let lab: Lab;
beforeAll(async () => {
  lab = await startLab({ overrides: { clock }, settings: { ACCESS_TOKEN_EXPIRE_MINUTES: '1440' } });
});
afterAll(() => lab.close());

const stepUp = (person: Person, json: object) => person.post('/api/v1/auth/step-up', json);
const isStale = async (person: Person) => (await person.post('/api/v1/auth/passkeys/options')).status === 403;
const grow = () => clock.pass(600_000);

describe('what asks for a fresh proof', () => {
  test('is done within ten minutes after a log-in, and refused from then on with the ways to prove it', async () => {
    const person = await lab.makePerson('student');
    const [one, two] = [await addPasskey(person), await addPasskey(person)];
    clock.pass(599_999);
    expect((await person.delete(`/api/v1/auth/passkeys/${one.passkeyId}`)).status).toBe(204);
    clock.pass(1);
    const reply = await person.delete(`/api/v1/auth/passkeys/${two.passkeyId}`);
    expect(reply.json()).toMatchObject({
      status: 403,
      code: 'step_up_required',
      type: 'urn:lyceum:error:step_up_required',
      methods: ['recovery_code', 'passkey'],
    });
    expect((await person.get('/api/v1/auth/passkeys')).json<unknown[]>()).toHaveLength(1);
  });

  test('counts a log-in with a second factor as a proof', async () => {
    const { person, code } = await makeProtected(lab, clock);
    grow();
    const { mfa_token } = await beginLogIn(lab, person);
    const reply = await lab.anyone('POST', '/api/v1/auth/mfa/verify', { json: { mfa_token, code: code() } });
    const { access_token } = reply.json<{ access_token: string }>();
    expect(await isStale(new Person(lab.url, person.user, person.password, access_token))).toBe(false);
  });
});

describe('who has a second factor', () => {
  test('proves it with a code of the app, with a recovery code or with a passkey', async () => {
    const { person, code, codes } = await makeProtected(lab, clock);
    const { authenticator } = await addPasskey(person);
    const passkey = async () => {
      const options = await person.post('/api/v1/auth/step-up/passkey/options');
      return authenticator.get(options.json());
    };
    const proofs = [
      () => ({ code: code() }),
      () => ({ recovery_code: codes[0] }),
      async () => ({ passkey: await passkey() }),
    ];
    for (const proof of proofs) {
      grow();
      expect(await isStale(person)).toBe(true);
      const reply = await stepUp(person, await proof());
      expect([reply.status, reply.json()]).toEqual([
        200,
        { proved_at: new Date(clock.ms).toISOString(), expires_in: 600 },
      ]);
      expect(await isStale(person)).toBe(false);
    }
    const traces = await auditedFor(lab, person.id, 'session.stepped_up');
    expect(traces.map((event) => Object(event['detail']).proof)).toEqual(['totp', 'recovery_code', 'passkey']);
  });

  test('does not prove it with the password', async () => {
    const { person } = await makeProtected(lab, clock);
    grow();
    const reply = await stepUp(person, { password: person.password });
    expect(reply.json()).toMatchObject({ status: 403, code: 'step_up_required', methods: ['totp', 'recovery_code'] });
    expect(await isStale(person)).toBe(true);
  });

  test('does not prove it with a wrong code, nor with one that was used', async () => {
    const { person, code } = await makeProtected(lab, clock);
    grow();
    expect((await stepUp(person, { code: 'abcdef' })).refusal).toEqual([400, 'The code is not right']);
    expect(await isStale(person)).toBe(true);
    expect((await stepUp(person, { code: code() })).status).toBe(200);
    grow();
    expect((await stepUp(person, { code: code(-20) })).refusal).toEqual([400, 'The code is not right']);
    expect(await auditedFor(lab, person.id, 'second_factor.refused')).toMatchObject([
      { actor: { id: person.id, via: 'session' }, result: 'refused' },
      { result: 'refused' },
    ]);
  });

  test("does not prove it with somebody else's passkey, nor with an answer to another question", async () => {
    const [mine, theirs] = [await lab.makePerson('student'), await lab.makePerson('student')];
    const my = await addPasskey(mine);
    const their = await addPasskey(theirs);
    const optionsOf = async (who: Person) =>
      (await who.post('/api/v1/auth/step-up/passkey/options')).json<{ challenge: string }>();
    const signIn = await lab.anyone('POST', '/api/v1/auth/passkeys/sign-in/options');
    for (const passkey of [
      their.authenticator.get(await optionsOf(mine)),
      my.authenticator.get(await optionsOf(theirs)),
      my.authenticator.get(signIn.json()),
      new Authenticator().get(await optionsOf(mine), { credentialId: my.authenticator.id }),
    ])
      expect((await stepUp(mine, { passkey })).refusal).toEqual([400, 'The passkey was not accepted']);
  });
});

describe('who has none', () => {
  test('proves it with the password', async () => {
    const person = await lab.makePerson('student');
    grow();
    const stale = await person.post('/api/v1/auth/mfa/totp');
    expect(stale.json()).toMatchObject({ code: 'step_up_required', methods: ['password'] });
    expect((await stepUp(person, { code: '000000' })).json()).toMatchObject({ status: 403, methods: ['password'] });
    expect((await stepUp(person, { password: 'wrong' })).refusal).toEqual([400, 'The password is not right']);
    expect(await isStale(person)).toBe(true);
    expect((await stepUp(person, { password: person.password })).status).toBe(200);
    expect(await isStale(person)).toBe(false);
    expect(await auditedFor(lab, person.id, 'second_factor.refused')).toMatchObject([
      { detail: { method: 'password' }, result: 'refused' },
    ]);
  });

  test('waits after five wrong passwords, however they come, and a right one after that forgets them', async () => {
    const person = await lab.makePerson('student');
    const wrong = await Promise.all([0, 1, 2, 3, 4, 5].map(() => stepUp(person, { password: 'wrong' })));
    expect(wrong.map(({ status }) => status).sort()).toEqual([400, 400, 400, 400, 400, 429]);
    const waiting = await stepUp(person, { password: person.password });
    expect([waiting.status, waiting.headers.get('retry-after')]).toEqual([429, '30']);
    // A log-in is another matter: whoever holds a stolen session must not be able to shut the owner out.
    expect((await lab.logIn(person.username, person.password)).token).toBeTruthy();
    clock.pass(30_000);
    expect((await stepUp(person, { password: person.password })).status).toBe(200);
    expect((await stepUp(person, { password: 'wrong' })).status).toBe(400);
    expect((await stepUp(person, { password: person.password })).status).toBe(200);
  });

  test('and no password either, is told to sign in again with the provider', async () => {
    const person = await lab.makePerson('student');
    await lab
      .container('identity')
      .item(person.id, 'accounts')
      .patch([
        { op: 'set', path: '/password_hash', value: null },
        {
          op: 'set',
          path: '/external_logins',
          value: [{ provider: 'google', subject: 's', email: null, linked_at: '' }],
        },
      ]);
    const reply = await stepUp(person, { password: person.password });
    expect(reply.json()).toMatchObject({
      status: 403,
      code: 'step_up_required',
      detail: 'The account has no password and no second factor: sign in again with its provider',
      methods: ['google'],
    });
  });
});

test('a proof counts for the session that gave it, not for the others', async () => {
  const first = await lab.makePerson('student');
  const second = await lab.logIn(first.username, first.password);
  grow();
  expect((await stepUp(first, { password: first.password })).status).toBe(200);
  expect([await isStale(first), await isStale(second)]).toEqual([false, true]);
});

test('six proofs at once are all kept, and the one code among six is used once', async () => {
  const person = await lab.makePerson('student');
  const replies = await Promise.all([0, 1, 2, 3, 4, 5].map(() => stepUp(person, { password: person.password })));
  expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
  const { person: other, code } = await makeProtected(lab, clock);
  const tries = await Promise.all([0, 1, 2, 3, 4].map(() => stepUp(other, { code: code() })));
  expect(tries.filter(({ status }) => status === 200)).toHaveLength(1);
});

test('an empty proof is bad input', async () => {
  expect((await stepUp(lab.root, {})).status).toBe(422);
});

test('an API key, whatever its scopes, proves nothing and sets nothing up', async () => {
  const owner = await lab.makePerson('configurator');
  const made = await owner.post('/api/v1/api-keys/create', { name: 'Service', scopes: ['read', 'write'] });
  const key = new Person(lab.url, owner.user, owner.password, made.json<{ api_key: string }>().api_key);
  expect((await key.get('/api/auth/me')).status).toBe(200);
  for (const path of ['mfa/totp', 'passkeys/options', 'step-up/passkey/options'])
    expect((await key.post(`/api/v1/auth/${path}`)).refusal).toEqual([403, 'Operation requires an account']);
  expect((await stepUp(key, { password: owner.password })).status).toBe(403);
  expect((await key.get('/api/v1/auth/mfa')).status).toBe(403);
});
