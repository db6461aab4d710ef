import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addPasskey, setUpTotp, TestClock, totpAt } from './authenticator.ts';
import { type Lab, startLab } from './client.ts';
import { Mailbox } from './mails.ts';

const clock = new TestClock();
const mailbox = new Mailbox();
let lab: Lab;
beforeAll(async () => {
  lab = await startLab({ overrides: { clock, email: mailbox } });
});
afterAll(() => lab.close());

const someone = () => lab.makePerson('student', { email: `p${randomUUID()}@example.org` });

test('who adds or removes an authenticator app is told by e-mail, without any secret', async () => {
  const person = await someone();
  const email = person.user.email ?? '';
  const { secret, codes } = await setUpTotp(person, clock.ms);
  const told = await mailbox.next(email, 'an authenticator app was added');
  expect(told.text).not.toContain('of an administrator');
  clock.ms += 60_000;
  const proof = { password: person.password, code: totpAt(secret, clock.ms) };
  expect((await person.delete('/api/v1/auth/mfa/totp', proof)).status).toBe(204);
  await mailbox.next(email, 'an authenticator app was removed');
  const written = JSON.stringify(mailbox.to(email));
  for (const text of [secret, ...codes, person.password]) expect(written).not.toContain(text);
});

test('who adds or removes a passkey is told by e-mail', async () => {
  const person = await someone();
  const email = person.user.email ?? '';
  await addPasskey(person);
  await mailbox.next(email, 'a passkey was added');
  const [passkey] = (await person.get('/api/v1/auth/passkeys')).json<{ passkey_id: string }[]>();
  expect((await person.delete(`/api/v1/auth/passkeys/${passkey?.passkey_id}`)).status).toBeLessThan(300);
  await mailbox.next(email, 'a passkey was removed');
});

test('an account without an address is changed all the same', async () => {
  const person = await lab.makePerson('student');
  await setUpTotp(person, clock.ms);
  expect((await person.get('/api/v1/auth/mfa')).json()['totp']).toBe(true);
});

test('an administrator takes lost second factors away: the sessions end, the holder is told, and a password is enough again', async () => {
  const person = await someone();
  const { secret } = await setUpTotp(person, clock.ms);
  await addPasskey(person);
  const path = `/api/v1/users/${person.id}/mfa`;
  expect((await (await lab.makePerson('teacher')).delete(path)).status).toBe(403);
  expect((await lab.root.delete(path)).status).toBe(204);
  const notice = await mailbox.next(person.user.email ?? '', 'a second factor was removed');
  // Where the administrator works is nobody else's business.
  expect(notice.text).toContain('from the network address of an administrator.');
  expect((await person.get('/api/auth/me')).status).toBe(401);
  const again = await lab.logIn(person.username, person.password);
  expect((await again.get('/api/v1/auth/mfa')).json()).toMatchObject({
    totp: false,
    passkeys: 0,
    recovery_codes_left: 0,
  });
  // Nothing of the old one opens anything, and the person may set up another.
  expect((await lab.root.delete(path)).refusal).toEqual([404, 'No second factor is set up']);
  clock.ms += 60_000;
  expect((await setUpTotp(again, clock.ms)).secret).not.toBe(secret);
});

test('an administrator ends all log-ins of an account, and the person can log in again', async () => {
  const person = await someone();
  const path = `/api/v1/users/${person.id}/sessions`;
  expect((await person.delete(path)).status).toBe(403);
  expect((await lab.root.delete(path)).status).toBe(204);
  expect((await person.get('/api/auth/me')).status).toBe(401);
  expect((await lab.logIn(person.username, person.password)).id).toBe(person.id);
  expect((await lab.root.delete(`/api/v1/users/${randomUUID()}/sessions`)).status).toBe(404);
});
