import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { movableClock } from '../movable-clock.ts';
import { type Lab, type Person, startLab } from './client.ts';
import { tokenClient, type WireTokens } from './token-client.ts';

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const clock = movableClock();
let lab: Lab;
let client: ReturnType<typeof tokenClient>;
let student: Person;
/** Made before the clock is moved, because the administrator is logged out by that. */
let suspended: Person;
let promoted: Person;

beforeAll(async () => {
  lab = await startLab({
    overrides: { clock },
    settings: { REFRESH_IDLE_DAYS: '14', REFRESH_ABSOLUTE_DAYS: '30' },
  });
  client = tokenClient(lab);
  student = await lab.makePerson('student');
  suspended = await lab.makePerson('student');
  promoted = await lab.makePerson('student');
});
afterAll(() => lab.close());

const refused = [401, 'The refresh token is not valid; log in again'];
const stored = async (token: string) => {
  const id = `session:${client.sessionOf(token)}`;
  return (await lab.container('identity').item(id, student.id).read()).resource;
};

describe('a refresh token', () => {
  test('gives new tokens of the same session on every path, in the words of all clients', async () => {
    let tokens = await client.logIn(student);
    const session = client.sessionOf(tokens.access_token);
    for (const path of ['/api/auth/refresh', '/api/v1/auth/refresh', '/auth/refresh']) {
      for (const json of [{ refresh_token: '' }, { refreshToken: '' }]) {
        clock.move(minuteMs);
        const [field] = Object.keys(json);
        const reply = await lab.anyone('POST', path, { json: { [field ?? '']: tokens.refresh_token } });
        expect([path, reply.status]).toEqual([path, 200]);
        const next = reply.json<WireTokens>();
        expect(next).toMatchObject({
          token_type: 'bearer',
          expires_in: 900,
          role: 'student',
          accessToken: next.access_token,
          refreshToken: next.refresh_token,
          expiresIn: 900,
          user: { id: student.id, email: null, name: student.username },
        });
        expect(next.refresh_token).not.toBe(tokens.refresh_token);
        expect(client.sessionOf(next.access_token)).toBe(session);
        expect(await client.me(next.access_token)).toBe(200);
        tokens = next;
      }
    }
    const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token };
    expect((await lab.anyone('POST', '/auth/refresh', { form })).status).toBe(200);
  });

  test('is needed by nobody but its holder: no access token, however old, is asked for', async () => {
    const tokens = await client.logIn(student);
    clock.move(20 * minuteMs);
    expect(await client.me(tokens.access_token)).toBe(401);
    expect(await client.me((await client.renewed(tokens.refresh_token)).access_token)).toBe(200);
  });

  test('is stored as a hash only, and never logged', async () => {
    const first = await client.logIn(student);
    const second = await client.renewed(first.refresh_token);
    const text = JSON.stringify(await stored(second.access_token));
    for (const { refresh_token } of [first, second]) {
      const bytes = Buffer.from(refresh_token.slice(4), 'base64url');
      for (const part of [bytes.subarray(32, 64), bytes.subarray(64)]) {
        expect(part).toHaveLength(32);
        for (const form of ['hex', 'base64', 'base64url'] as const) expect(text).not.toContain(part.toString(form));
      }
      expect(lab.app.log.join('\n')).not.toContain(refresh_token);
    }
  });

  test('that was used before ends its session, for who holds the newest token too', async () => {
    const first = await client.logIn(student);
    const second = await client.renewed(first.refresh_token);
    const third = await client.renewed(second.refresh_token);
    clock.move(11_000);
    expect((await client.refresh(first.refresh_token)).refusal).toEqual(refused);
    expect((await client.refresh(third.refresh_token)).refusal).toEqual(refused);
    for (const { access_token } of [first, second, third]) expect(await client.me(access_token)).toBe(401);
    const events = await client.audited(student.id, 'session.refresh_reused');
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ target: { id: client.sessionOf(first.access_token) }, result: 'refused' });
  });

  test('that is used again after the moments of a benign repeat ends its session', async () => {
    const first = await client.logIn(student);
    const second = await client.renewed(first.refresh_token);
    clock.move(10_001);
    expect((await client.refresh(first.refresh_token)).refusal).toEqual(refused);
    expect(await client.me(second.access_token)).toBe(401);
    expect((await client.refresh(second.refresh_token)).refusal).toEqual(refused);
  });

  test('leaves the other sessions of the person alone when it ends its own', async () => {
    const [mine, other] = [await client.logIn(student), await client.logIn(student)];
    await client.renewed(mine.refresh_token);
    clock.move(minuteMs);
    await client.refresh(mine.refresh_token);
    expect(await client.me(other.access_token)).toBe(200);
    expect((await client.refresh(other.refresh_token)).status).toBe(200);
  });
});

describe('two tabs of one browser', () => {
  test('that ask within moments both go on, with the same successor', async () => {
    const first = await client.logIn(student);
    const one = await client.renewed(first.refresh_token);
    clock.move(9_000);
    const two = await client.renewed(first.refresh_token);
    expect(two.refresh_token).toBe(one.refresh_token);
    expect([await client.me(one.access_token), await client.me(two.access_token)]).toEqual([200, 200]);
    clock.move(minuteMs);
    expect((await client.refresh(two.refresh_token)).status).toBe(200);
  });

  test('six refreshes at once rotate the token once, and all six can go on', async () => {
    const first = await client.logIn(student);
    const replies = await Promise.all(Array.from({ length: 6 }, () => client.refresh(first.refresh_token)));
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
    const tokens = replies.map((reply) => reply.json<WireTokens>());
    expect(new Set(tokens.map(({ refresh_token }) => refresh_token)).size).toBe(1);
    for (const { access_token } of tokens) expect(await client.me(access_token)).toBe(200);
    clock.move(minuteMs);
    expect((await client.refresh(tokens[5]?.refresh_token ?? '')).status).toBe(200);
    const events = await client.audited(student.id, 'session.refresh_reused');
    expect(events.map(({ target }) => target.id)).not.toContain(client.sessionOf(first.access_token));
  });

  test('are one client: who repeats the token from another browser gets nothing and ends the session', async () => {
    const first = await client.logIn(student);
    const second = await client.renewed(first.refresh_token);
    const thief = await client.refresh(first.refresh_token, { 'user-agent': 'thief/1.0' });
    expect(thief.refusal).toEqual(refused);
    expect((await client.refresh(second.refresh_token)).refusal).toEqual(refused);
    expect(await client.me(second.access_token)).toBe(401);
  });

  test('are one client: who repeats the token from another address gets nothing and ends the session', async () => {
    const { refreshes } = lab.app.runtime.services;
    const from = (address: string) => ({
      request_id: randomUUID(),
      address,
      user_agent: 'browser/1.0',
      origin: null,
      place_id: null,
    });
    const first = await client.logIn(student);
    const second = await refreshes.refresh(first.refresh_token, from('192.0.2.1'));
    expect((await refreshes.refresh(first.refresh_token, from('192.0.2.1'))).refresh_token).toBe(second.refresh_token);
    await expect(refreshes.refresh(first.refresh_token, from('192.0.2.2'))).rejects.toThrow('log in again');
    await expect(refreshes.refresh(second.refresh_token, from('192.0.2.1'))).rejects.toThrow('log in again');
    expect(await client.me(second.access_token)).toBe(401);
  });
});

describe('what is no refresh token', () => {
  test.each([
    ['an access token', (tokens: WireTokens) => tokens.access_token],
    ['a device token', (tokens: WireTokens) => String(tokens.device_token)],
    ['nothing', () => ''],
    ['garbage', () => 'garbage'],
    ['one that is cut', (tokens: WireTokens) => tokens.refresh_token.slice(0, -1)],
    ['one with something behind it', (tokens: WireTokens) => `${tokens.refresh_token}A`],
    ['one with a space', (tokens: WireTokens) => `${tokens.refresh_token} `],
    ['one of nobody', () => `lyr_${randomBytes(96).toString('base64url')}`],
    ['a long text', () => 'x'.repeat(4096)],
  ])('%s is refused with 401 and does no harm', async (_what, make) => {
    const tokens = await client.logIn(student);
    const reply = await client.refresh(make(tokens));
    expect(reply.refusal).toEqual(refused);
    expect(reply.headers.get('www-authenticate')).toBe('Bearer');
    expect(await client.me(tokens.access_token)).toBe(200);
    expect((await client.refresh(tokens.refresh_token)).status).toBe(200);
  });

  test('who knows the ids of a session but none of its tokens cannot end it', async () => {
    const tokens = await client.logIn(student);
    const bytes = Buffer.from(tokens.refresh_token.slice(4), 'base64url');
    const forged = Buffer.concat([bytes.subarray(0, 32), randomBytes(64)]);
    expect((await client.refresh(`lyr_${forged.toString('base64url')}`)).refusal).toEqual(refused);
    expect(await client.me(tokens.access_token)).toBe(200);
    expect((await client.refresh(tokens.refresh_token)).status).toBe(200);
  });

  test('a body without one, or with one too long, is 422', async () => {
    for (const json of [{}, { refresh_token: 7 }, { refresh_token: null }, { refresh_token: 'x'.repeat(4097) }]) {
      expect((await lab.anyone('POST', '/auth/refresh', { json })).status).toBe(422);
    }
  });
});

describe('a session', () => {
  test('is over when it was not used for REFRESH_IDLE_DAYS', async () => {
    const [used, idle] = [await client.logIn(student), await client.logIn(student)];
    clock.move(13 * dayMs);
    const next = await client.renewed(used.refresh_token);
    clock.move(2 * dayMs);
    expect((await client.refresh(idle.refresh_token)).refusal).toEqual(refused);
    expect((await client.refresh(next.refresh_token)).status).toBe(200);
  });

  test('is over after REFRESH_ABSOLUTE_DAYS however it was used, and no access token outlives it', async () => {
    let tokens = await client.logIn(student);
    for (let day = 0; day < 28; day += 7) {
      clock.move(7 * dayMs);
      tokens = await client.renewed(tokens.refresh_token);
    }
    clock.move(2 * dayMs - 5 * minuteMs);
    tokens = await client.renewed(tokens.refresh_token);
    expect([tokens.expires_in, tokens.expiresIn]).toEqual([300, 300]);
    clock.move(5 * minuteMs);
    expect(await client.me(tokens.access_token)).toBe(401);
    expect((await client.refresh(tokens.refresh_token)).refusal).toEqual(refused);
  });

  test('gives nothing to who was suspended a moment ago', async () => {
    const tokens = await client.logIn(suspended);
    // The administrator of the lab has been logged out by the clock.
    const { access_token: token } = await client.logIn(lab.root);
    const reply = await lab.anyone('PATCH', `/api/v1/admin/users/${suspended.id}/deactivate`, { token });
    expect(reply.status).toBe(200);
    expect((await client.refresh(tokens.refresh_token)).refusal).toEqual([401, 'Inactive user']);
  });

  test('gives the role of now', async () => {
    const tokens = await client.logIn(promoted);
    const account = lab.container('identity').item(promoted.id, 'accounts');
    await account.patch([{ op: 'set', path: '/role', value: 'teacher' }]);
    expect((await client.renewed(tokens.refresh_token)).role).toBe('teacher');
  });
});
