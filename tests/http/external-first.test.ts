import { expect, test } from 'vitest';
import { admin, startApp } from '../app.ts';
import { call, type WireUser } from './client.ts';

test('nobody takes the name of the first administrator by signing in before them, nor signs in where nothing is set up', async () => {
  const app = await startApp({ settings: { REGISTRATION_POLICY: 'open' } });
  const begun = (await call(app.url, 'GET', '/api/v1/auth/github/login')).json<{ auth_url: string; state: string }>();
  const code = app.github.approve(begun.auth_url, { id: 7, login: admin.username });
  const json = { code, state: begun.state };
  const done = await call(app.url, 'POST', '/api/v1/auth/github/callback', { json });
  expect(done.json<{ user: WireUser }>().user.username).toMatch(/^root-admin-[0-9a-f]{8}$/);
  expect((await call(app.url, 'POST', '/api/auth/login/json', { json: admin })).status).toBe(200);
  const notSetUp = await call(app.url, 'GET', '/api/v1/auth/microsoft/login');
  expect(notSetUp.refusal).toEqual([503, 'Sign-in with microsoft is not set up here']);
  expect(notSetUp.headers.get('retry-after')).toBe('3600');
  await app.close();
});
