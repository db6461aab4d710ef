import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type App,
  addPasskey,
  auditedFor,
  beginLogIn,
  makeProtected,
  setUpTotp,
  TestClock,
  totpAt,
} from './authenticator.ts';
import { call, type Lab, type Reply, startLab } from './client.ts';

const clock = new TestClock();
let lab: Lab;
beforeAll(async () => {
  // The clock runs hours ahead here, and the tokens of the others must outlive that.
  lab = await startLab({ overrides: { clock }, settings: { ACCESS_TOKEN_EXPIRE_MINUTES: '1440' } });
});
afterAll(() => lab.close());

const verify = (json: Record<string, unknown>) => lab.anyone('POST', '/api/v1/auth/mfa/verify', { json });
const tokenOf = (reply: Reply) => reply.json<{ access_token: string }>().access_token;
const statuses = (replies: Reply[]) => replies.map(({ status }) => status).sort();
const atOnce = (work: (i: number) => Promise<Reply>) => Promise.all([0, 1, 2, 3, 4, 5].map(work));
const wrongOf = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0');
const sessionsOf = async (userId: string) => (await auditedFor(lab, userId, 'session.started')).length;
const mfaTokenOf = async (who: Parameters<typeof beginLogIn>[1]) => (await beginLogIn(lab, who)).mfa_token;
const invalidCode = [400, 'The code is not right'];
const over = [401, 'This log-in has expired or was used; start again'];

describe('setting up an authenticator app', () => {
  test('gives a secret, an address for apps and its picture; a code of the app confirms it, for ten recovery codes', async () => {
    const person = await lab.makePerson('student');
    const begun = await person.post('/api/v1/auth/mfa/totp', {});
    const { secret = '', otpauth_uri = '', qr_svg } = begun.json<Record<string, string>>();
    expect(secret).toMatch(/^[A-Z2-7]{32}$/);
    const uri = new URL(otpauth_uri);
    expect(uri.protocol).toBe('otpauth:');
    expect(uri.searchParams.get('secret')).toBe(secret);
    expect(uri.searchParams.get('issuer')).toBe('Lyceum');
    expect(decodeURIComponent(uri.pathname)).toContain(person.username);
    expect(qr_svg).toMatch(/^<svg[^>]+viewBox/);
    // Until it is confirmed nothing has changed.
    expect((await lab.logIn(person.username, person.password)).token).toBeTruthy();

    const confirmed = await person.post('/api/v1/auth/mfa/totp/confirm', { code: totpAt(secret, clock.ms) });
    expect(confirmed.status).toBe(200);
    const { recovery_codes: codes, ...rest } = confirmed.json<{ recovery_codes: string[] }>();
    expect(rest).toEqual({});
    expect(new Set(codes).size).toBe(10);
    for (const code of codes) expect(code).toMatch(/^([0-9a-hjkmnp-tv-z]{4}-){3}[0-9a-hjkmnp-tv-z]{4}$/);
    expect((await person.get('/api/v1/auth/mfa')).json()).toEqual({
      user_id: person.id,
      totp: true,
      passkeys: 0,
      recovery_codes_left: 10,
      methods: ['totp', 'recovery_code'],
      is_required: false,
    });
    expect((await person.get('/api/auth/me')).json()).toMatchObject({ mfa_enabled: true });
    expect(await auditedFor(lab, person.id, 'second_factor.added')).toMatchObject([{ detail: { kind: 'totp' } }]);
  });

  test('stores neither the secret nor the recovery codes readably', async () => {
    const { person, secret, codes } = await makeProtected(lab, clock);
    const stored = JSON.stringify(
      (await lab.container('identity').item(`factor:${person.id}`, 'accounts').read()).resource,
    );
    expect(stored).toContain('recovery_codes');
    const hex = Buffer.from(secret).toString('hex');
    for (const text of [secret, hex, ...codes, ...codes.map((code) => code.replaceAll('-', ''))])
      expect(stored).not.toContain(text);
    const log = lab.app.log.join('\n');
    for (const text of [secret, ...codes]) expect(log).not.toContain(text);
  });

  test('starts again with another secret as long as none was confirmed', async () => {
    const person = await lab.makePerson('student');
    const secrets: string[] = [];
    for (let i = 0; i < 2; i += 1)
      secrets.push((await person.post('/api/v1/auth/mfa/totp')).json<{ secret: string }>().secret);
    const confirm = (secret = '') =>
      person.post('/api/v1/auth/mfa/totp/confirm', { code: totpAt(secret, clock.ms).replace(/^(...)/, '$1 ') });
    expect((await confirm(secrets[0])).refusal).toEqual(invalidCode);
    expect((await confirm(secrets[1])).status).toBe(200);
    expect((await person.post('/api/v1/auth/mfa/totp')).status).toBe(409);
    expect((await confirm(secrets[1])).status).toBe(409);
  });

  test('cannot be confirmed before it was begun', async () => {
    const person = await lab.makePerson('student');
    const reply = await person.post('/api/v1/auth/mfa/totp/confirm', { code: '000000' });
    expect(reply.refusal).toEqual([409, 'There is nothing to confirm']);
  });

  test('is for people who are logged in, and have proved it a short while ago', async () => {
    expect((await lab.anyone('POST', '/api/v1/auth/mfa/totp')).status).toBe(401);
    expect((await lab.anyone('POST', '/api/v1/auth/mfa/totp/confirm', { json: { code: '000000' } })).status).toBe(401);
    const person = await lab.makePerson('student');
    clock.pass(600_000);
    const reply = await person.post('/api/v1/auth/mfa/totp');
    expect(reply.json()).toMatchObject({ status: 403, code: 'step_up_required', methods: ['password'] });
  });

  test('shows its recovery codes once: a repeat of the request says only that it was done', async () => {
    const person = await lab.makePerson('student');
    const { secret } = (await person.post('/api/v1/auth/mfa/totp')).json<App>();
    const confirm = () =>
      person.post(
        '/api/v1/auth/mfa/totp/confirm',
        { code: totpAt(secret, clock.ms) },
        { 'idempotency-key': person.id },
      );
    expect((await confirm()).status).toBe(200);
    const repeat = await confirm();
    expect([repeat.status, repeat.json()['code']]).toEqual([409, 'already_done']);
    expect(repeat.text).not.toContain('recovery_codes');
  });

  test('six confirmations at once make one factor', async () => {
    const person = await lab.makePerson('student');
    const { secret } = (await person.post('/api/v1/auth/mfa/totp')).json<App>();
    const replies = await atOnce(() =>
      person.post('/api/v1/auth/mfa/totp/confirm', { code: totpAt(secret, clock.ms) }),
    );
    expect(statuses(replies)).toEqual([200, 409, 409, 409, 409, 409]);
  });
});

describe('a log-in of somebody with an authenticator app', () => {
  test('gives no tokens but a question, and the code of the app gives them', async () => {
    const { person, code } = await makeProtected(lab, clock);
    const { username, password } = person;
    for (const options of [{ form: { username, password } }, { json: { username, password } }]) {
      const reply = await lab.anyone('POST', '/api/auth/login', options);
      expect([reply.status, reply.json()]).toEqual([
        200,
        {
          mfa_required: true,
          mfa_token: expect.stringMatching(/^mfa_[\w-]{43}$/),
          methods: ['totp', 'recovery_code'],
          expires_in: 300,
        },
      ]);
    }
    const reply = await verify({ mfa_token: await mfaTokenOf(person), code: code() });
    expect(reply.status).toBe(200);
    const me = await lab.anyone('GET', '/api/auth/me', { token: tokenOf(reply) });
    expect(me.json()).toMatchObject({ user_id: person.id });
    const sessions = await auditedFor(lab, person.id, 'session.started');
    expect(sessions.at(-1)).toMatchObject({ detail: { proofs: ['password', 'totp'] } });
  });

  test('a wrong password learns nothing of the second factor', async () => {
    const { person } = await makeProtected(lab, clock);
    const json = { username: person.username, password: 'not this one' };
    const reply = await lab.anyone('POST', '/api/auth/login/json', { json });
    expect(reply.refusal).toEqual([401, 'Incorrect username or password']);
  });

  test('a wrong code gives no tokens and leaves a trace', async () => {
    const { person, code } = await makeProtected(lab, clock);
    const mfa_token = await mfaTokenOf(person);
    const before = await sessionsOf(person.id);
    for (const wrong of [wrongOf(code()), 'x', '12345', '1234567', '٠٠٠٠٠٠'])
      expect((await verify({ mfa_token, code: wrong })).refusal).toEqual(invalidCode);
    expect(await sessionsOf(person.id)).toBe(before);
    const refused = await auditedFor(lab, person.id, 'second_factor.refused');
    expect(refused).toHaveLength(5);
    expect(refused[0]).toMatchObject({ result: 'refused', actor: { id: null, via: 'anonymous' } });
  });

  test.each([-2, -1, 0, 1, 2])('a code of the step %i from now is taken within one step only', async (steps) => {
    const { person, secret } = await makeProtected(lab, clock);
    // Far from the code that confirmed the app.
    clock.pass(600_000);
    const reply = await verify({
      mfa_token: await mfaTokenOf(person),
      code: totpAt(secret, clock.ms + steps * 30_000),
    });
    expect(reply.status).toBe(Math.abs(steps) < 2 ? 200 : 400);
  });

  test('a code is good once, and no older one after it, also when the clock is set back', async () => {
    const { person, code } = await makeProtected(lab, clock);
    clock.pass(600_000);
    const right = code();
    const older = code(-1);
    expect((await verify({ mfa_token: await mfaTokenOf(person), code: right })).status).toBe(200);
    for (const used of [right, older])
      expect((await verify({ mfa_token: await mfaTokenOf(person), code: used })).refusal).toEqual(invalidCode);
    clock.pass(-30_000);
    expect((await verify({ mfa_token: await mfaTokenOf(person), code: right })).refusal).toEqual(invalidCode);
    clock.pass(60_000);
    expect((await verify({ mfa_token: await mfaTokenOf(person), code: code() })).status).toBe(200);
  });

  test('the code that confirmed the app cannot be used again to log in', async () => {
    const person = await lab.makePerson('student');
    const { secret } = await setUpTotp(person, clock.ms);
    const reply = await verify({ mfa_token: await mfaTokenOf(person), code: totpAt(secret, clock.ms) });
    expect(reply.refusal).toEqual(invalidCode);
  });

  test('six uses of one code at once give one session', async () => {
    const { person, code } = await makeProtected(lab, clock);
    const tokens = await Promise.all([0, 1, 2, 3, 4, 5].map(() => mfaTokenOf(person)));
    const before = await sessionsOf(person.id);
    const replies = await atOnce((i) => verify({ mfa_token: tokens[i], code: code() }));
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(await sessionsOf(person.id)).toBe(before + 1);
  });

  test('who sends both or neither of code and recovery code is told so', async () => {
    for (const json of [{}, { code: '000000', recovery_code: '000000' }])
      expect((await verify({ mfa_token: 'mfa_x', ...json })).status).toBe(422);
  });
});

describe('a recovery code', () => {
  test('stands in for the app once, however it is typed', async () => {
    const { person, codes } = await makeProtected(lab, clock);
    const [first = '', second = ''] = codes;
    const typed = ` ${first.replaceAll('-', ' ').toUpperCase().replaceAll('0', 'O').replaceAll('1', 'l')}`;
    expect((await verify({ mfa_token: await mfaTokenOf(person), recovery_code: typed })).status).toBe(200);
    expect((await verify({ mfa_token: await mfaTokenOf(person), code: first })).refusal).toEqual(invalidCode);
    expect((await verify({ mfa_token: await mfaTokenOf(person), code: second })).status).toBe(200);
    expect((await person.get('/api/v1/auth/mfa')).json()).toMatchObject({ recovery_codes_left: 8 });
    expect(await auditedFor(lab, person.id, 'second_factor.recovery_used')).toMatchObject([
      { detail: { left: 9 } },
      { detail: { left: 8 } },
    ]);
  });

  test('six uses of one at once give one session', async () => {
    const { person, codes } = await makeProtected(lab, clock);
    const tokens = await Promise.all([0, 1, 2, 3, 4, 5].map(() => mfaTokenOf(person)));
    const before = await sessionsOf(person.id);
    const replies = await atOnce((i) => verify({ mfa_token: tokens[i], code: codes[0] }));
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(await sessionsOf(person.id)).toBe(before + 1);
  });

  test('of somebody else is worth nothing', async () => {
    const [mine, theirs] = [await makeProtected(lab, clock), await makeProtected(lab, clock)];
    const reply = await verify({ mfa_token: await mfaTokenOf(mine.person), code: theirs.codes[0] });
    expect(reply.refusal).toEqual(invalidCode);
  });

  test('a new set makes the old one void, for who shows password and second factor', async () => {
    const { person, codes, code } = await makeProtected(lab, clock);
    const renew = (json: Record<string, unknown>) => person.post('/api/v1/auth/mfa/recovery-codes', json);
    expect((await renew({ code: code() })).refusal).toEqual([400, 'Send the password too']);
    expect((await renew({ password: 'wrong', code: code() })).refusal).toEqual([400, 'The password is not right']);
    expect((await renew({ password: person.password, code: wrongOf(code()) })).refusal).toEqual(invalidCode);
    const reply = await renew({ password: person.password, code: code() });
    const fresh = reply.json<{ recovery_codes: string[] }>().recovery_codes;
    expect(fresh).toHaveLength(10);
    expect(fresh.filter((one) => codes.includes(one))).toEqual([]);
    expect((await verify({ mfa_token: await mfaTokenOf(person), code: codes[0] })).refusal).toEqual(invalidCode);
    expect((await verify({ mfa_token: await mfaTokenOf(person), code: fresh[0] })).status).toBe(200);
    expect(await auditedFor(lab, person.id, 'second_factor.recovery_renewed')).toHaveLength(1);
    const other = await lab.makePerson('student');
    const none = await other.post('/api/v1/auth/mfa/recovery-codes', { password: other.password, code: '000000' });
    expect(none.refusal).toEqual([404, 'No second factor is set up']);
  });
});

describe('the token between the two halves of a log-in', () => {
  test('is over after five minutes', async () => {
    const { person, code } = await makeProtected(lab, clock);
    const [early, late] = [await mfaTokenOf(person), await mfaTokenOf(person)];
    clock.pass(299_999);
    expect((await verify({ mfa_token: early, code: code() })).status).toBe(200);
    clock.pass(1);
    expect((await verify({ mfa_token: late, code: code(1) })).refusal).toEqual(over);
  });

  test('gives tokens once, also to six at once with six good codes', async () => {
    const { person, codes } = await makeProtected(lab, clock);
    const mfa_token = await mfaTokenOf(person);
    const before = await sessionsOf(person.id);
    const replies = await atOnce((i) => verify({ mfa_token, code: codes[i] }));
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(await sessionsOf(person.id)).toBe(before + 1);
    expect((await verify({ mfa_token, code: codes[9] })).refusal).toEqual(over);
  });

  test('is good for five tries, also when they come at once', async () => {
    const { person, codes } = await makeProtected(lab, clock);
    const mfa_token = await mfaTokenOf(person);
    const replies = await atOnce(() => verify({ mfa_token, code: 'not-a-code' }));
    expect(statuses(replies)).toEqual([400, 400, 400, 400, 400, 401]);
    expect((await verify({ mfa_token, code: codes[0] })).refusal).toEqual(over);
    expect((await verify({ mfa_token: await mfaTokenOf(person), code: codes[0] })).status).toBe(200);
  });

  test('is no access token, and no access token is one', async () => {
    const { person, codes } = await makeProtected(lab, clock);
    const token = await mfaTokenOf(person);
    expect((await call(lab.url, 'GET', '/api/auth/me', { token })).status).toBe(401);
    for (const mfa_token of [person.token, 'mfa_unknown', `${token}x`, token.slice(0, -1), "' OR 1=1", '../x'])
      expect((await verify({ mfa_token, code: codes[0] })).refusal).toEqual(over);
  });

  test('ends with the sessions of the account', async () => {
    const { person, codes } = await makeProtected(lab, clock);
    const mfa_token = await mfaTokenOf(person);
    const account = lab.container('identity').item(person.id, 'accounts');
    await account.patch([{ op: 'incr', path: '/session_version', value: 1 }]);
    expect((await verify({ mfa_token, code: codes[0] })).refusal).toEqual(over);
  });

  test('is of no use to an account that was suspended in between', async () => {
    const { person, codes } = await makeProtected(lab, clock);
    const mfa_token = await mfaTokenOf(person);
    await lab.deactivate(person);
    // Suspending ends every log-in of the account, this one among them.
    expect((await verify({ mfa_token, code: codes[0] })).refusal).toEqual(over);
  });
});

describe('who knows the password and guesses codes', () => {
  /** Wrong codes until the account waits, each with a log-in of its own. */
  async function guess({ person, code }: Awaited<ReturnType<typeof makeProtected>>, times: number): Promise<Reply[]> {
    const replies: Reply[] = [];
    for (let i = 0; i < times; i += 1)
      replies.push(await verify({ mfa_token: await mfaTokenOf(person), code: wrongOf(code(5)) }));
    return replies;
  }

  test('gets five tries however many log-ins they begin, then waits longer and longer; the owner has other ways in', async () => {
    const owner = await makeProtected(lab, clock);
    const { authenticator } = await addPasskey(owner.person);
    expect(statuses(await guess(owner, 5))).toEqual([400, 400, 400, 400, 400]);
    const waits = [30, 60, 120];
    for (const seconds of waits) {
      const reply = await verify({ mfa_token: await mfaTokenOf(owner.person), code: owner.code() });
      // Also the right code: otherwise the wait would stop nobody.
      expect([reply.status, reply.headers.get('retry-after')]).toEqual([429, String(seconds)]);
      clock.pass(seconds * 1000);
      expect(statuses(await guess(owner, 1))).toEqual([400]);
    }
    const mfa_token = await mfaTokenOf(owner.person);
    const options = await lab.anyone('POST', '/api/v1/auth/mfa/passkey/options', { json: { mfa_token } });
    const before = await verify({ mfa_token, code: owner.code() });
    expect(before.status).toBe(429);
    const passkey = authenticator.get(options.json());
    expect((await verify({ mfa_token, passkey })).status).toBe(200);
    // A right answer forgets the wrong ones.
    expect((await verify({ mfa_token: await mfaTokenOf(owner.person), code: owner.code() })).status).toBe(200);
    expect(statuses(await guess(owner, 5))).toEqual([400, 400, 400, 400, 400]);
    const byRecovery = await verify({ mfa_token: await mfaTokenOf(owner.person), code: owner.codes[0] });
    expect(byRecovery.status).toBe(200);
  });

  test('gets no more tries by sending them all at once', async () => {
    const owner = await makeProtected(lab, clock);
    const tokens = await Promise.all(Array.from({ length: 8 }, () => mfaTokenOf(owner.person)));
    const replies = await Promise.all(tokens.map((mfa_token) => verify({ mfa_token, code: wrongOf(owner.code(5)) })));
    expect(replies.filter(({ status }) => status === 400)).toHaveLength(5);
    expect(replies.filter(({ status }) => status === 429)).toHaveLength(3);
  });
});

describe('removing the authenticator app', () => {
  test('takes password and code, and makes the recovery codes void', async () => {
    const { person, code, codes } = await makeProtected(lab, clock);
    const remove = (json: Record<string, unknown>) => person.delete('/api/v1/auth/mfa/totp', json);
    expect((await remove({ code: code() })).refusal).toEqual([400, 'Send the password too']);
    expect((await remove({ password: 'wrong', code: code() })).refusal).toEqual([400, 'The password is not right']);
    expect((await remove({ password: person.password, code: wrongOf(code()) })).refusal).toEqual(invalidCode);
    expect((await remove({ password: person.password })).status).toBe(422);
    expect((await remove({ password: person.password, code: code() })).status).toBe(204);
    expect((await lab.logIn(person.username, person.password)).token).toBeTruthy();
    expect((await person.get('/api/v1/auth/mfa')).json()).toMatchObject({
      totp: false,
      recovery_codes_left: 0,
      methods: [],
    });
    expect(await auditedFor(lab, person.id, 'second_factor.removed')).toMatchObject([{ detail: { kind: 'totp' } }]);
    expect((await remove({ password: person.password, code: codes[0] })).refusal).toEqual([
      404,
      'No authenticator app is set up',
    ]);
  });

  test('leaves the recovery codes to who has a passkey too, and takes a passkey or a recovery code as proof', async () => {
    const { person, codes } = await makeProtected(lab, clock);
    const { authenticator } = await addPasskey(person);
    const options = await person.post('/api/v1/auth/step-up/passkey/options');
    const passkey = authenticator.get(options.json());
    const removed = await person.delete('/api/v1/auth/mfa/totp', { password: person.password, passkey });
    expect(removed.status).toBe(204);
    expect((await person.get('/api/v1/auth/mfa')).json()).toMatchObject({
      passkeys: 1,
      recovery_codes_left: 10,
      methods: ['recovery_code', 'passkey'],
    });
    expect((await verify({ mfa_token: await mfaTokenOf(person), code: codes[0] })).status).toBe(200);
  });
});
