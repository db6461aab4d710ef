import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCosmos } from '../../shared/adapters/cosmos/client.ts';
import { createAuditRecorder } from '../../shared/audit/record.ts';
import { createAccounts } from '../../shared/identity/accounts-repository.ts';
import { createLogOutService, type LogOutService } from '../../shared/identity/log-out-service.ts';
import { createSessions } from '../../shared/identity/sessions-repository.ts';
import { createIds } from '../../shared/platform/ids.ts';
import { movableClock } from '../movable-clock.ts';
import { type Lab, type Person, startLab } from './client.ts';
import { tokenClient, type WireSession, type WireTokens } from './token-client.ts';

// Ending a session is a write to the session and one to the account, in two partitions: here the instance dies between them.

const clock = movableClock();
let lab: Lab;
let client: ReturnType<typeof tokenClient>;
let student: Person;
let cosmos: ReturnType<typeof createCosmos>;

beforeAll(async () => {
  lab = await startLab({ overrides: { clock } });
  client = tokenClient(lab);
  student = await lab.makePerson('student');
  const { endpoint, key } = lab.app.cosmos;
  cosmos = createCosmos({ endpoint, key, database: lab.app.settings['COSMOS_DATABASE'] ?? '', meter: () => undefined });
});
afterAll(async () => {
  await cosmos.close();
  await lab.close();
});

const die = () => Promise.reject(new Error('killed'));

/** An instance that dies when it makes the first write, or the second. */
function dyingAt(write: 'session' | 'account'): LogOutService {
  const sessions = createSessions(cosmos.container('identity'));
  const accounts = createAccounts(cosmos.container('identity'));
  return createLogOutService({
    sessions: { ...sessions, ...(write === 'session' ? { replace: die } : {}) },
    accounts: { ...accounts, ...(write === 'account' ? { replace: die } : {}) },
    states: { forget: () => undefined },
    audit: createAuditRecorder({ clock, ids: createIds(clock) }),
    clock,
    times: { idleMs: 14 * 86_400_000, tailMs: 16 * 60_000 },
  });
}

const caller = { request_id: 'x', address: 'unknown', user_agent: null, origin: null, place_id: null };
const logOutAndDieAt = async (tokens: WireTokens, write: 'session' | 'account') => {
  const user = await lab.app.runtime.authenticate({ kind: 'bearer', value: tokens.access_token }, caller);
  await expect(dyingAt(write).logOut(user, undefined, caller)).rejects.toThrow('killed');
};
const isListed = async (asking: WireTokens, tokens: WireTokens) => {
  const reply = await lab.anyone('GET', '/api/v1/auth/sessions', { token: asking.access_token });
  const ids = reply.json<WireSession[]>().map(({ session_id }) => session_id);
  return ids.includes(client.sessionOf(tokens.access_token));
};
const statuses = async (tokens: WireTokens) => ({
  access: await client.me(tokens.access_token),
  refresh: (await client.refresh(tokens.refresh_token)).status,
});

test('before the first write nothing has ended', async () => {
  const tokens = await client.logIn(student);
  await logOutAndDieAt(tokens, 'session');
  expect(await statuses(tokens)).toEqual({ access: 200, refresh: 200 });
});

test('between the writes the session is listed as on, which it is, and can be ended again', async () => {
  const [tokens, other] = [await client.logIn(student), await client.logIn(student)];
  await logOutAndDieAt(tokens, 'account');
  expect(await client.me(tokens.access_token)).toBe(200);
  expect(await isListed(other, tokens)).toBe(true);
  const path = `/api/v1/auth/sessions/${client.sessionOf(tokens.access_token)}`;
  expect((await lab.anyone('DELETE', path, { token: other.access_token })).status).toBe(204);
  expect(await statuses(tokens)).toEqual({ access: 401, refresh: 401 });
  expect(await isListed(other, tokens)).toBe(false);
});

test('between the writes logging out again makes the second', async () => {
  const tokens = await client.logIn(student);
  await logOutAndDieAt(tokens, 'account');
  expect((await lab.anyone('POST', '/auth/logout', { token: tokens.access_token })).status).toBe(200);
  expect(await statuses(tokens)).toEqual({ access: 401, refresh: 401 });
});

test('between the writes no new tokens can be had, and who tries makes the second', async () => {
  const tokens = await client.logIn(student);
  await logOutAndDieAt(tokens, 'account');
  expect((await client.refresh(tokens.refresh_token)).status).toBe(401);
  expect(await client.me(tokens.access_token)).toBe(401);
});

test('a session of which only the first write was made is dead for good when its last access token expires', async () => {
  const tokens = await client.logIn(student);
  await logOutAndDieAt(tokens, 'account');
  clock.move(16 * 60_000);
  const other = await client.logIn(student);
  expect(await isListed(other, tokens)).toBe(false);
  expect(await statuses(tokens)).toEqual({ access: 401, refresh: 401 });
  clock.move(86_400_000);
  expect(await statuses(tokens)).toEqual({ access: 401, refresh: 401 });
});

test('a reuse that dies between the writes has ended the family, and the next try makes the second', async () => {
  const first = await client.logIn(student);
  const second = await client.renewed(first.refresh_token);
  const item = lab.container('identity').item(`session:${client.sessionOf(first.access_token)}`, student.id);
  await item.patch([{ op: 'set', path: '/ended_at', value: new Date(clock.now()).toISOString() }]);
  expect(await client.me(second.access_token)).toBe(200);
  expect((await client.refresh(first.refresh_token)).status).toBe(401);
  expect(await client.me(second.access_token)).toBe(401);
});
