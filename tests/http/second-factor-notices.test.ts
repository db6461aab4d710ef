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
  await mailbox.next(email, 'an authenticator app was added');
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
