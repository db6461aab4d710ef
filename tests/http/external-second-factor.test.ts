import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeProtected, TestClock, totpAt } from './authenticator.ts';
import { type Lab, type Reply, startLab, type WireUser } from './client.ts';
import { linkGitHub, signInAnswer } from './github-people.ts';

const clock = new TestClock();
let lab: Lab;
beforeAll(async () => {
  lab = await startLab({ overrides: { clock }, settings: { ACCESS_TOKEN_EXPIRE_MINUTES: '1440' } });
});
afterAll(() => lab.close());

test('who signs in with a provider is asked for the second factor of the account, and gets no token before', async () => {
  const { person, secret } = await makeProtected(lab, clock);
  await linkGitHub(lab, person);
  const json = await signInAnswer(lab, person);
  const asked: Reply = await lab.anyone('POST', '/api/v1/auth/github/callback', { json });
  expect([asked.status, asked.json()]).toMatchObject([200, { mfa_required: true, mfa_token: expect.any(String) }]);
  expect(asked.text).not.toContain('access_token');
  clock.ms += 60_000;
  const { mfa_token } = asked.json<{ mfa_token: string }>();
  const done = await lab.anyone('POST', '/api/v1/auth/mfa/verify', {
    json: { mfa_token, code: totpAt(secret, clock.ms) },
  });
  expect(done.json<{ user: WireUser }>().user.user_id).toBe(person.id);
});
