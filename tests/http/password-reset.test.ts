import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AppError } from '../../shared/platform/errors.ts';
import { type Lab, type Person, startLab } from './client.ts';
import { Mailbox } from './mails.ts';

const mailbox = new Mailbox();
let aheadMs = 0;
const clock = { now: () => Date.now() + aheadMs };
const minuteMs = 60_000;
let lab: Lab;
beforeAll(async () => {
  lab = await startLab({ overrides: { email: mailbox, clock }, settings: { ACCESS_TOKEN_EXPIRE_MINUTES: '1440' } });
});
afterAll(() => lab.close());

const fresh = () => `new password ${randomUUID()}`;
const ask = (email: string) => lab.anyone('POST', '/api/v1/password-reset/request', { json: { email } });
const check = (token: string) => lab.anyone('GET', `/api/v1/password-reset/verify/${token}`);
const confirm = (token: string, new_password = fresh()) =>
  lab.anyone('POST', '/api/v1/password-reset/confirm', { json: { token, new_password } });
const logIn = (username: string, password: string) =>
  lab.anyone('POST', '/api/auth/login/json', { json: { username, password } });
const jobs = () => lab.app.lines().filter((line) => line.event === 'job' && line.operation === 'send-mail');

async function somebody(fields: Record<string, unknown> = {}): Promise<Person & { email: string }> {
  const email = `P${randomUUID()}@example.org`;
  return Object.assign(await lab.makePerson('student', { email, ...fields }), { email });
}
async function tokenFor(email: string): Promise<string> {
  expect((await ask(email)).status).toBe(200);
  return mailbox.token(email, 'reset-password');
}
/** Asks, and waits until the worker is done with it. */
async function askAndWait(email: string): Promise<void> {
  const before = jobs().length;
  await ask(email);
  await expect.poll(() => jobs().length, { timeout: 10_000 }).toBe(before + 1);
}

describe('a forgotten password', () => {
  test('is replaced with the link from the e-mail; all sessions end and the address counts as verified', async () => {
    const person = await somebody();
    const token = await tokenFor(person.email.toLowerCase());
    expect((await check(token)).json()).toEqual({ valid: true, email: person.email });
    expect((await person.get('/api/auth/me')).status).toBe(200);
    const password = fresh();
    const reply = await confirm(token, password);
    expect([reply.status, Object.keys(reply.json())]).toEqual([200, ['message']]);
    expect((await person.get('/api/auth/me')).status).toBe(401);
    expect((await logIn(person.username, person.password)).status).toBe(401);
    const again = await lab.logIn(person.email, password);
    expect((await again.get('/api/auth/me')).json()['is_verified']).toBe(true);
    await expect.poll(() => mailbox.to(person.email).length, { timeout: 10_000 }).toBe(2);
  });

  test('an unknown address is answered like a known one, with the same work, and nothing is sent', async () => {
    const person = await somebody();
    const unknown = `p${randomUUID()}@example.org`;
    const [known, other] = [await ask(person.email), await ask(unknown)];
    expect([other.status, other.text]).toEqual([known.status, known.text]);
    const cost = lab.app.lines().filter((line) => line.operation === 'request-password-reset');
    expect(cost.slice(-2).map((line) => line.cosmos_calls)).toEqual([0, 0]);
    await mailbox.token(person.email, 'reset-password');
    expect(mailbox.to(unknown)).toEqual([]);
  });

  test('the link is good once, also when six use it at once', async () => {
    const person = await somebody();
    const token = await tokenFor(person.email);
    const wanted = Array.from({ length: 6 }, fresh);
    const replies = await Promise.all(wanted.map((password) => confirm(token, password)));
    expect(replies.map((reply) => reply.status).sort()).toEqual([200, 400, 400, 400, 400, 400]);
    const winner = wanted[replies.findIndex((reply) => reply.status === 200)] ?? '';
    expect((await logIn(person.username, winner)).status).toBe(200);
    expect((await confirm(token)).json()['code']).toBe('account_token_invalid');
    expect((await check(token)).json()).toMatchObject({ status: 404, code: 'not_found', valid: false });
  });

  test('the link is good for one hour', async () => {
    const person = await somebody();
    const token = await tokenFor(person.email);
    aheadMs += 59 * minuteMs;
    expect((await check(token)).status).toBe(200);
    aheadMs += 1 * minuteMs;
    expect((await check(token)).status).toBe(404);
    expect((await confirm(token)).status).toBe(400);
  });

  test('a new link makes the former one void', async () => {
    const person = await somebody();
    const [first, second] = [await tokenFor(person.email), await tokenFor(person.email)];
    expect((await confirm(first)).status).toBe(400);
    expect((await confirm(second)).status).toBe(200);
  });

  test('changing the password makes a link that is under way void', async () => {
    const person = await somebody();
    const token = await tokenFor(person.email);
    const json = { current_password: person.password, new_password: fresh() };
    expect((await person.post('/api/v1/auth/change-password', json)).status).toBe(200);
    expect((await confirm(token)).status).toBe(400);
  });

  test('another address of the account makes a link to the old one void', async () => {
    const person = await somebody();
    const token = await tokenFor(person.email);
    const changed = [{ op: 'set' as const, path: '/email', value: 'other@example.org' }];
    await lab.container('identity').item(person.id, 'accounts').patch(changed);
    expect((await confirm(token)).status).toBe(400);
  });

  test('an account that is not active gets no link, and one that it has is void', async () => {
    const [before, after] = [await somebody(), await somebody()];
    const token = await tokenFor(before.email);
    await Promise.all([lab.deactivate(before), lab.deactivate(after)]);
    await askAndWait(after.email);
    expect(mailbox.to(after.email)).toEqual([]);
    expect((await confirm(token)).status).toBe(400);
  });

  test('a username that looks like an address gets no mail', async () => {
    const username = `p${randomUUID()}@example.org`;
    await lab.makePerson('student', { username });
    await askAndWait(username);
    expect(mailbox.to(username)).toEqual([]);
  });

  test('a bad new password is refused and leaves the link good', async () => {
    const person = await somebody();
    const token = await tokenFor(person.email);
    for (const bad of ['password1', 'short', person.email, person.username]) {
      const reply = await confirm(token, bad);
      expect([reply.status, reply.json<{ errors: { loc: string[] }[] }>().errors[0]?.loc]).toEqual([
        422,
        ['body', 'new_password'],
      ]);
    }
    expect((await confirm(token)).status).toBe(200);
  });

  test('a token that is not ours, cut, changed or of another kind opens nothing', async () => {
    const person = await somebody();
    const token = await tokenFor(person.email);
    await person.post('/api/v1/auth/verify-email/request');
    const other = await mailbox.token(person.email, 'verify-email');
    const flipped = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`;
    const bad = [
      flipped,
      token.slice(1),
      `${token}A`,
      other,
      'A'.repeat(64),
      '0'.repeat(64),
      'x',
      '..%2f',
      '%F0%9F%98%80',
    ];
    for (const one of bad) {
      expect([one, (await check(one)).status]).toEqual([one, 404]);
      expect([one, (await confirm(decodeURIComponent(one))).status]).toEqual([one, 400]);
    }
    expect((await check('x'.repeat(201))).status).toBe(422);
    const verify = await lab.anyone('POST', '/api/v1/auth/verify-email', { json: { token } });
    expect(verify.status).toBe(400);
    expect((await confirm(token)).status).toBe(200);
  });
});

describe('the e-mails', () => {
  test('nobody is flooded: five in an hour, the last of which is good, and more in the next hour', async () => {
    const person = await somebody();
    let token = '';
    for (let count = 0; count < 5; count += 1) token = await tokenFor(person.email);
    await askAndWait(person.email);
    await askAndWait(person.email);
    expect(mailbox.to(person.email)).toHaveLength(5);
    expect((await check(token)).status).toBe(200);
    aheadMs += 60 * minuteMs;
    expect((await confirm(await tokenFor(person.email))).status).toBe(200);
  });

  test('a message that comes again when its mail was sent sends none', async () => {
    const person = await somebody();
    const mail = {
      kind: 'password_changed' as const,
      user_id: person.id,
      at: new Date().toISOString(),
      address: '::1',
    };
    await lab.app.runtime.services.mail.deliver({ job_id: randomUUID(), is_stored: true, mail });
    expect(mailbox.to(person.email)).toEqual([]);
    await lab.app.runtime.services.mail.deliver({ job_id: randomUUID(), is_stored: false, mail });
    expect(mailbox.to(person.email)).toHaveLength(1);
  });

  test('a request that comes again when its link was used mails nothing, nor does one for an address that is verified', async () => {
    const person = await somebody();
    const { credentials, emailVerification } = lab.app.runtime.services;
    const [requested_at, job] = [new Date(clock.now()).toISOString(), randomUUID()];
    const asker = { request_id: 'test', address: '::1', user_agent: null };
    const reset = { kind: 'password_reset' as const, email: person.email, requested_at, asker };
    const [first, again] = [await credentials.composeReset(reset, job), await credentials.composeReset(reset, job)];
    expect(again).toEqual(first);
    const [, token = ''] = /token=([\w-]+)/.exec(JSON.stringify(first)) ?? [];
    expect((await confirm(token)).status).toBe(200);
    expect(await credentials.composeReset(reset, job)).toBeUndefined();
    const verify = { kind: 'email_verification' as const, user_id: person.id, email: person.email, requested_at };
    expect(await emailVerification.compose(verify, randomUUID())).toBeUndefined();
  });

  test('a try that failed is made again with the same link, and the account is asked for one mail', async () => {
    const person = await somebody();
    mailbox.failures.push(new AppError('unavailable', 'The service is busy'), new AppError('unavailable'));
    const token = await tokenFor(person.email);
    expect(mailbox.to(person.email)).toHaveLength(1);
    expect((await confirm(token)).status).toBe(200);
  });

  test('an address that the service refuses for good is given up without a dead letter', async () => {
    const person = await somebody();
    mailbox.failures.push(new Error('no such mailbox'));
    await askAndWait(person.email);
    expect(mailbox.to(person.email)).toEqual([]);
    expect(lab.app.lines().some((line) => line.event === 'mail_refused')).toBe(true);
    expect((await lab.root.get('/api/v1/admin/dead-letters')).json()).toEqual([]);
  });

  test('no token is in the log, in the queue or in the database; only hashes are', async () => {
    const person = await somebody();
    const token = await tokenFor(person.email);
    await check(token);
    await confirm(token, 'password1');
    await confirm(token);
    const { resources } = await lab.container('identity').items.readAll().fetchAll();
    expect(JSON.stringify(resources)).not.toContain(token);
    expect(lab.app.log.join('\n')).not.toContain(token);
    expect(lab.app.log.join('\n')).toContain('check-password-reset');
  });

  test('an account without an address has none to verify; a verified one gets no more mail', async () => {
    const nobody = await lab.makePerson('student');
    const none = { message: 'There is no address to verify' };
    expect((await nobody.post('/api/v1/auth/verify-email/request')).json()).toEqual(none);
    const person = await somebody();
    await person.post('/api/v1/auth/verify-email/request');
    const token = await mailbox.token(person.email, 'verify-email');
    expect((await lab.anyone('POST', '/api/v1/auth/verify-email', { json: { token } })).status).toBe(200);
    expect((await person.post('/api/v1/auth/verify-email/request')).json()).toEqual(none);
    expect(mailbox.to(person.email)).toHaveLength(1);
  });

  test('a link proves the address that it was mailed to, for a day, and not the one that came after it', async () => {
    const [moved, late] = [await somebody(), await somebody()];
    const tokens: string[] = [];
    for (const person of [moved, late]) {
      await person.post('/api/v1/auth/verify-email/request');
      tokens.push(await mailbox.token(person.email, 'verify-email'));
    }
    const changed = [{ op: 'set' as const, path: '/email', value: `p${randomUUID()}@example.org` }];
    await lab.container('identity').item(moved.id, 'accounts').patch(changed);
    const verify = (token = '') => lab.anyone('POST', '/api/v1/auth/verify-email', { json: { token } });
    expect((await verify(tokens[0])).status).toBe(400);
    aheadMs += 24 * 60 * minuteMs;
    expect((await verify(tokens[1])).status).toBe(400);
  });
});
