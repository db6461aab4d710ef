import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endedSessionsMax } from '../../shared/identity/session-rules.ts';
import { loadConfig } from '../../shared/platform/config.ts';
import { withMeter } from '../../shared/platform/meter.ts';
import { createRuntime } from '../../shared/services.ts';
import { admin } from '../app.ts';
import { movableClock } from '../movable-clock.ts';
import { setUpTotp } from './authenticator.ts';
import { type Lab, type Person, startLab } from './client.ts';
import { tokenClient, type WireSession } from './token-client.ts';

const clock = movableClock();
let lab: Lab;
let client: ReturnType<typeof tokenClient>;
let student: Person;
let stranger: Person;
let holder: Person;

beforeAll(async () => {
  lab = await startLab({ overrides: { clock }, settings: { ACCESS_TOKEN_EXPIRE_MINUTES: '1440' } });
  client = tokenClient(lab);
  [student, stranger, holder] = await Promise.all([
    lab.makePerson('student'),
    lab.makePerson('student'),
    lab.makePerson('student'),
  ]);
});
afterAll(() => lab.close());

const list = async (token: string, query = '') => {
  const reply = await lab.anyone('GET', `/api/v1/auth/sessions${query}`, { token });
  expect(reply.status).toBe(200);
  return reply.json<WireSession[]>();
};
const logOut = (token: string | undefined, json?: unknown, path = '/api/v1/auth/logout') =>
  lab.anyone('POST', path, { token, json });
const account = (person: Person) => lab.container('identity').item(person.id, 'accounts');

describe('logging out', () => {
  test.each(['/api/auth/logout', '/api/v1/auth/logout', '/auth/logout'])(
    'at %s ends the session of the token at once, and no other',
    async (path) => {
      const [mine, other] = [await client.logIn(student), await client.logIn(student)];
      const reply = await logOut(mine.access_token, undefined, path);
      expect([reply.status, reply.json()]).toEqual([200, { message: expect.any(String) }]);
      expect(await client.me(mine.access_token)).toBe(401);
      expect((await client.refresh(mine.refresh_token)).status).toBe(401);
      expect(await client.me(other.access_token)).toBe(200);
      expect((await logOut(mine.access_token, undefined, path)).refusal).toEqual([
        401,
        'Could not validate credentials',
      ]);
    },
  );

  test.each(['refresh_token', 'refreshToken'])(
    'works with an expired access token and a %s in the body',
    async (field) => {
      const person = await client.logIn(student);
      clock.move(25 * 3_600_000);
      expect(await client.me(person.access_token)).toBe(401);
      expect((await logOut(person.access_token, { [field]: person.refresh_token })).status).toBe(200);
      expect((await client.refresh(person.refresh_token)).status).toBe(401);
    },
  );

  test('works with the refresh token alone, also as a form', async () => {
    const tokens = await client.logIn(student);
    const form = { refresh_token: tokens.refresh_token };
    expect((await lab.anyone('POST', '/auth/logout', { form })).status).toBe(200);
    expect(await client.me(tokens.access_token)).toBe(401);
    // Whose session is over already has what was asked for.
    expect((await logOut(undefined, form)).status).toBe(200);
  });

  test('ends the sessions of both tokens when they are of two', async () => {
    const [one, two] = [await client.logIn(student), await client.logIn(student)];
    expect((await logOut(one.access_token, { refresh_token: two.refresh_token })).status).toBe(200);
    expect([await client.me(one.access_token), await client.me(two.access_token)]).toEqual([401, 401]);
  });

  test('without anything that says whose session it is is 401, whatever else is in the body', async () => {
    const { access_token } = await client.logIn(student);
    for (const json of [undefined, {}, { refresh_token: null }, { refresh_token: access_token }, { other: 1 }]) {
      expect((await logOut(undefined, json)).refusal).toEqual([401, 'Could not validate credentials']);
    }
    expect(await client.me(access_token)).toBe(200);
  });

  test('is not prevented by a wrong refresh token beside a right access token', async () => {
    const { access_token } = await client.logIn(student);
    expect((await logOut(access_token, { refresh_token: 'garbage' })).status).toBe(200);
    expect(await client.me(access_token)).toBe(401);
  });

  test('is told to the audit trail once', async () => {
    const { access_token } = await client.logIn(student);
    await logOut(access_token);
    const id = client.sessionOf(access_token);
    const events = await client.audited(id, 'session.ended');
    expect(events).toMatchObject([{ actor: { id: student.id }, target: { type: 'session' } }]);
  });

  test('six times at once is one end, and every one is answered', async () => {
    const { access_token, refresh_token } = await client.logIn(student);
    const replies = await Promise.all(Array.from({ length: 6 }, () => logOut(undefined, { refresh_token })));
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
    const id = client.sessionOf(access_token);
    const events = await client.audited(id, 'session.ended');
    expect(events).toHaveLength(1);
  });

  test('more often than an account remembers ends all its sessions rather than none', async () => {
    const person = await client.logIn(stranger);
    const untilMs = clock.now() + 3_600_000;
    const ended = Array.from({ length: endedSessionsMax }, () => ({ session_id: randomUUID(), until_ms: untilMs }));
    await account(stranger).patch([{ op: 'set', path: '/ended_sessions', value: ended }]);
    const another = await client.logIn(stranger);
    expect((await logOut(person.access_token)).status).toBe(200);
    expect([await client.me(person.access_token), await client.me(another.access_token)]).toEqual([401, 401]);
  });

  test('forgets ended sessions whose tokens have all expired', async () => {
    const { access_token } = await client.logIn(stranger);
    await account(stranger).patch([
      { op: 'set', path: '/ended_sessions', value: [{ session_id: randomUUID(), until_ms: clock.now() - 1 }] },
    ]);
    await logOut(access_token);
    const { resource } = await account(stranger).read<{ ended_sessions: { session_id: string }[] }>();
    expect(resource?.ended_sessions.map(({ session_id }) => session_id)).toEqual([client.sessionOf(access_token)]);
  });
});

describe('the list of sessions', () => {
  test('shows those that are on, newest first, and which one asks', async () => {
    const person = await client.logIn(stranger);
    await lab.anyone('POST', '/api/v1/auth/logout-all', { token: person.access_token });
    const first = await client.logIn(stranger, { 'user-agent': 'first browser' });
    clock.move(1000);
    const second = await client.logIn(stranger, { 'user-agent': 'second browser' });
    const shown = await list(first.access_token);
    expect(shown).toEqual([
      {
        session_id: client.sessionOf(second.access_token),
        is_current: false,
        proofs: ['password'],
        address: expect.any(String),
        user_agent: 'second browser',
        created_at: expect.stringMatching(/Z$/),
        last_used_at: expect.stringMatching(/Z$/),
        expires_at: expect.stringMatching(/Z$/),
      },
      expect.objectContaining({ session_id: client.sessionOf(first.access_token), is_current: true }),
    ]);
    expect(await list(first.access_token, '?limit=1&skip=1')).toEqual(shown.slice(1));
    await logOut(second.access_token);
    expect(await list(first.access_token)).toEqual(shown.slice(1));
  });

  test('leaves out what has expired or was ended from elsewhere', async () => {
    const asking = await client.logIn(stranger);
    clock.move(15 * 24 * 3_600_000);
    const now = await client.logIn(stranger);
    expect((await list(now.access_token)).map(({ session_id }) => session_id)).toEqual([
      client.sessionOf(now.access_token),
    ]);
    expect(await client.me(asking.access_token)).toBe(401);
  });

  test('shows the person alone', async () => {
    const [mine, theirs] = [await client.logIn(student), await client.logIn(stranger)];
    const ids = (await list(mine.access_token)).map(({ session_id }) => session_id);
    expect(ids).toContain(client.sessionOf(mine.access_token));
    expect(ids).not.toContain(client.sessionOf(theirs.access_token));
  });
});

describe('ending a session from the list', () => {
  const end = (token: string, id: string) => lab.anyone('DELETE', `/api/v1/auth/sessions/${id}`, { token });

  test('takes effect at once on both its tokens', async () => {
    const [mine, lost] = [await client.logIn(student), await client.logIn(student)];
    const reply = await end(mine.access_token, client.sessionOf(lost.access_token));
    expect([reply.status, reply.text]).toEqual([204, '']);
    expect(await client.me(lost.access_token)).toBe(401);
    expect((await client.refresh(lost.refresh_token)).status).toBe(401);
    expect(await client.me(mine.access_token)).toBe(200);
    expect((await end(mine.access_token, client.sessionOf(lost.access_token))).status).toBe(404);
  });

  test('of somebody else is 404 and does nothing, like one that does not exist', async () => {
    const [mine, theirs] = [await client.logIn(student), await client.logIn(stranger)];
    for (const id of [client.sessionOf(theirs.access_token), randomUUID()]) {
      expect((await end(mine.access_token, id)).refusal).toEqual([404, 'Session not found']);
    }
    expect(await client.me(theirs.access_token)).toBe(200);
  });

  test('may be the own one', async () => {
    const mine = await client.logIn(student);
    expect((await end(mine.access_token, client.sessionOf(mine.access_token))).status).toBe(204);
    expect(await client.me(mine.access_token)).toBe(401);
  });
});

describe('logging out everywhere', () => {
  test('ends every session of the person, this one too, and is audited', async () => {
    const sessions = [await client.logIn(student), await client.logIn(student), await client.logIn(student)];
    const theirs = await client.logIn(stranger);
    const reply = await lab.anyone('POST', '/api/v1/auth/logout-all', { token: sessions[0]?.access_token });
    expect([reply.status, reply.json()]).toEqual([200, { message: expect.any(String) }]);
    for (const { access_token, refresh_token } of sessions) {
      expect(await client.me(access_token)).toBe(401);
      expect((await client.refresh(refresh_token)).status).toBe(401);
    }
    expect(await client.me(theirs.access_token)).toBe(200);
    const [event] = (await client.audited(student.id, 'session.all_ended')).slice(-1);
    expect(event).toMatchObject({ actor: { id: student.id }, target: { type: 'account', id: student.id } });
    expect(await client.me((await client.logIn(student)).access_token)).toBe(200);
  });
});

test('a session that is kept when all others end goes on, with new tokens too', async () => {
  const [kept, other] = [await client.logIn(stranger), await client.logIn(stranger)];
  const { resource } = await account(stranger).read<{ session_version: number }>();
  // As a change of the password does it.
  await account(stranger).patch([
    { op: 'set', path: '/session_version', value: Number(resource?.session_version) + 1 },
    { op: 'set', path: '/kept_session_id', value: client.sessionOf(kept.access_token) },
  ]);
  expect([await client.me(kept.access_token), await client.me(other.access_token)]).toEqual([200, 401]);
  expect((await client.refresh(other.refresh_token)).status).toBe(401);
  const renewed = await client.renewed(kept.refresh_token);
  expect(await client.me(renewed.access_token)).toBe(200);
  expect((await list(renewed.access_token)).map(({ session_id }) => session_id)).toEqual([
    client.sessionOf(kept.access_token),
  ]);
});

describe('on two instances with one database', () => {
  const caller = { request_id: 'x', address: 'unknown', user_agent: null, origin: null, place_id: null };
  const start = (cacheS: number) =>
    createRuntime(loadConfig({ ...lab.app.settings, AUTH_CACHE_S: String(cacheS) }), {
      clock,
      bcryptCost: 4,
      writeLog: () => {},
    });
  /** Whether each instance takes the token. */
  const asked = (instances: ReturnType<typeof start>[], value: string) =>
    Promise.all(
      instances.map((instance) =>
        instance.authenticate({ kind: 'bearer', value }, caller).then(
          (user) => user.role,
          (error: Error) => error.message,
        ),
      ),
    );
  const no = 'Could not validate credentials';

  test('knowing that a session is on costs one point read in AUTH_CACHE_S, however many requests there are', async () => {
    const instance = start(30);
    const { access_token: value } = await client.logIn(student);
    const callsOf = (requests: number) =>
      withMeter(async (counters) => {
        for (let i = 0; i < requests; i += 1) await instance.authenticate({ kind: 'bearer', value }, caller);
        return counters.cosmos_calls;
      });
    expect(await callsOf(1)).toBe(1);
    clock.move(29_999);
    expect(await callsOf(10)).toBe(0);
    clock.move(1);
    expect(await callsOf(10)).toBe(1);
    await instance.close();
  });

  test('the one that ends a session knows it at once, the other after AUTH_CACHE_S at the latest', async () => {
    const instances = [start(30), start(30)];
    const [here] = instances;
    for (const endBy of ['one', 'all'] as const) {
      const { access_token } = await client.logIn(student);
      expect(await asked(instances, access_token)).toEqual(['student', 'student']);
      const user = await here?.authenticate({ kind: 'bearer', value: access_token }, caller);
      if (here === undefined || user === undefined) throw new Error('There is no instance.');
      if (endBy === 'all') await here.services.logOuts.endAllSessions(user);
      else await here.services.logOuts.logOut(user, undefined, caller);
      expect(await asked(instances, access_token)).toEqual([no, 'student']);
      clock.move(29_999);
      expect(await asked(instances, access_token)).toEqual([no, 'student']);
      clock.move(1);
      expect(await asked(instances, access_token)).toEqual([no, no]);
    }
    await Promise.all(instances.map((instance) => instance.close()));
  });

  test('the one that takes second factors away knows at once that the sessions are over', async () => {
    const person = await lab.logIn(holder.username, holder.password);
    const root = await lab.logIn(admin.username, admin.password);
    await setUpTotp(person, clock.now());
    const here = start(30);
    expect(await asked([here], person.token)).toEqual(['student']);
    const administrator = await here.authenticate({ kind: 'bearer', value: root.token }, caller);
    await here.services.secondFactor.reset(administrator, person.id);
    expect(await asked([here], person.token)).toEqual([no]);
    await here.close();
  });

  test.each([
    ['a suspension', '/status', 'suspended', 'Inactive user'],
    ['a change of the role', '/role', 'teacher', 'teacher'],
    // As a change of the password does it.
    ['a new session version', '/session_version', 99, no],
  ])('%s is known everywhere after AUTH_CACHE_S at the latest', async (_what, path, value, after) => {
    const person = await client.logIn(stranger);
    const before = (await account(stranger).read()).resource;
    const instances = [start(30), start(0)];
    await asked(instances, person.access_token);
    await account(stranger).patch([{ op: 'set', path, value }]);
    expect(await asked(instances, person.access_token)).toEqual(['student', after]);
    clock.move(30_000);
    expect(await asked(instances, person.access_token)).toEqual([after, after]);
    await account(stranger).patch([{ op: 'set', path, value: before[path.slice(1)] }]);
    await Promise.all(instances.map((instance) => instance.close()));
  });
});
