import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig } from '../../shared/platform/config.ts';
import { createRuntime } from '../../shared/services.ts';
import { type KeyLab, movableClock, readPath, startKeyLab } from './api-keys-lab.ts';

const clock = movableClock();
let lab: KeyLab;
beforeAll(async () => {
  lab = await startKeyLab({ clock, cacheS: 30, keyUsageFlushMs: 3_600_000 });
});
afterAll(() => lab.close());
beforeEach(() => clock.moveS(60));

const caller = { request_id: 'r', address: '127.0.0.1', user_agent: null, origin: null, place_id: null };

/** Somebody with a key that has so many credits. */
async function withCredits(credits: Record<string, unknown>) {
  const { owner, key } = await lab.makeOwner('student');
  const give = async (amount: Record<string, unknown> | null) =>
    lab.patch(await lab.logInRoot(), `${key.id}?user_id=${owner.id}`, { credits: amount });
  expect((await give(credits)).status).toBe(200);
  const remaining = async () => (await lab.show(owner, key.id)).credits?.remaining;
  return { owner, key, give, remaining };
}

async function statuses(secret: string, count: number): Promise<number[]> {
  const found = [];
  for (let i = 0; i < count; i += 1) found.push((await lab.as(secret).get(readPath)).status);
  return found;
}

function newInstance() {
  return createRuntime(loadConfig(lab.app.settings), {
    writeLog: () => undefined,
    clock,
    keyUsageFlushMs: 3_600_000,
  });
}

describe('credits', () => {
  test('are one for each call, and then there are none', async () => {
    const { key, remaining } = await withCredits({ remaining: 3 });
    expect(await statuses(key.secret, 4)).toEqual([200, 200, 200, 403]);
    const refused = await lab.as(key.secret).get(readPath);
    expect(refused.json()).toMatchObject({
      code: 'api_key_refused',
      key_code: 'no_credits',
      detail: 'The API key has no credits left',
    });
    expect(await lab.verify(key.secret)).toMatchObject({ valid: false, code: 'no_credits' });
    expect(await remaining()).toBe(0);
  });

  test('are not spent by calls that are refused', async () => {
    const { key } = await withCredits({ remaining: 2 });
    for (let i = 0; i < 5; i += 1) {
      expect((await lab.as(key.secret).get('/api/auth/users')).status).toBe(403);
      expect((await lab.verify(key.secret, '?required_scope=admin')).code).toBe('scope_missing');
    }
    expect(await statuses(key.secret, 3)).toEqual([200, 200, 403]);
  });

  test('come back at the start of the next day, UTC, and until then 429 says when', async () => {
    const { key } = await withCredits({ remaining: 1, refill: { amount: 2, every: 'day' } });
    clock.setTo('2030-06-01T23:59:00Z');
    // The day has changed since the credits were set: this is its refill.
    expect(await statuses(key.secret, 2)).toEqual([200, 200]);
    const refused = await lab.as(key.secret).get(readPath);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '60']);
    expect(refused.json()).toMatchObject({ code: 'rate_limited', key_code: 'no_credits' });
    clock.moveS(59);
    expect(await statuses(key.secret, 1)).toEqual([429]);
    clock.moveS(1);
    expect(await statuses(key.secret, 3)).toEqual([200, 200, 429]);
  });

  test('come back at the start of the next month, UTC', async () => {
    clock.setTo('2030-07-31T12:00:00Z');
    const { key } = await withCredits({ remaining: 0, refill: { amount: 1, every: 'month' } });
    expect(await statuses(key.secret, 1)).toEqual([429]);
    clock.setTo('2030-08-01T00:00:00Z');
    expect(await statuses(key.secret, 2)).toEqual([200, 429]);
  });

  test('that an administrator gives count at once here, and null asks for none any more', async () => {
    const { key, give } = await withCredits({ remaining: 0 });
    expect(await statuses(key.secret, 1)).toEqual([403]);
    await give({ remaining: 2 });
    expect(await statuses(key.secret, 3)).toEqual([200, 200, 403]);
    await give(null);
    expect(await statuses(key.secret, 3)).toEqual([200, 200, 200]);
  });

  test('that an administrator takes are gone, also those that the instance had taken', async () => {
    const { key, give } = await withCredits({ remaining: 1000 });
    expect(await statuses(key.secret, 1)).toEqual([200]);
    await give({ remaining: 0 });
    expect(await statuses(key.secret, 1)).toEqual([403]);
  });
});

describe('while calls come in at once', () => {
  test('forty calls spend exactly the thirty credits that there are', async () => {
    const { key, remaining } = await withCredits({ remaining: 30 });
    const replies = await Promise.all(Array.from({ length: 40 }, () => lab.as(key.secret).get(readPath)));
    const count = (status: number) => replies.filter((reply) => reply.status === status).length;
    expect([count(200), count(403)]).toEqual([30, 10]);
    expect(await remaining()).toBe(0);
  });

  test('three instances together never spend more than there is, and all of it unless one keeps some', async () => {
    const { key, remaining } = await withCredits({ remaining: 100 });
    const instances = [newInstance(), newInstance(), newInstance()];
    const spend = async (instance: (typeof instances)[number]) => {
      let valid = 0;
      for (let i = 0; i < 60; i += 1) {
        const verdict = await instance.services.keyVerification.verify(key.secret, caller, undefined);
        valid += verdict.valid ? 1 : 0;
      }
      return valid;
    };
    const spent = (await Promise.all(instances.map(spend))).reduce((a, b) => a + b, 0);
    expect(spent).toBe(100);
    expect(await remaining()).toBe(0);
    await Promise.all(instances.map((instance) => instance.close()));
  });

  test('an instance that stops gives back what it has not spent', async () => {
    const { key, remaining } = await withCredits({ remaining: 1000 });
    const instance = newInstance();
    await instance.services.keyVerification.verify(key.secret, caller, undefined);
    expect(await remaining()).toBe(950);
    await instance.close();
    expect(await remaining()).toBe(999);
  });

  test('an instance that dies loses at most what it had taken: a twentieth, at most fifty', async () => {
    const { key, remaining } = await withCredits({ remaining: 100 });
    const dying = newInstance();
    await dying.services.keyVerification.verify(key.secret, caller, undefined);
    expect(await remaining()).toBe(95);
  });

  test('a warm call with credits asks the database nothing, and being without is remembered too', async () => {
    const { key } = await withCredits({ remaining: 100 });
    await statuses(key.secret, 2);
    expect(lab.lastCalls('get-me')).toBe(1);
    const { key: empty } = await withCredits({ remaining: 0 });
    await statuses(empty.secret, 1);
    expect(lab.lastCalls('get-me')).toBeGreaterThan(0);
    await statuses(empty.secret, 1);
    expect(lab.lastCalls('get-me')).toBe(0);
  });
});
