import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeSecret } from '../../shared/api-keys/key-format-rules.ts';
import { loadConfig } from '../../shared/platform/config.ts';
import { withMeter } from '../../shared/platform/meter.ts';
import { createRuntime } from '../../shared/services.ts';
import { type KeyLab, movableClock, readPath, startKeyLab } from './api-keys-lab.ts';

// Instances remember keys for at most 30 seconds here; that no database is asked is read from the log lines of the calls.

const clock = movableClock();
let lab: KeyLab;
beforeAll(async () => {
  lab = await startKeyLab({ clock, cacheS: 30 });
});
afterAll(() => lab.close());

const validate = '/api/v1/auth/keys/validate';
const caller = { request_id: 'r', address: '127.0.0.1', user_agent: null, origin: null, place_id: null };

async function callsOf(secret: string): Promise<{ status: number; calls: number | undefined }> {
  const { status } = await lab.as(secret).get(validate);
  return { status, calls: lab.lastCalls('validate-credential') };
}

describe('a warm verification', () => {
  test('asks the database nothing, for at most 30 seconds', async () => {
    const { key } = await lab.makeOwner('student');
    clock.moveS(30);
    // Where the key lies, the key, and its owner.
    expect(await callsOf(key.secret)).toEqual({ status: 200, calls: 3 });
    expect(await callsOf(key.secret)).toEqual({ status: 200, calls: 0 });
    clock.moveS(29);
    expect(await callsOf(key.secret)).toEqual({ status: 200, calls: 0 });
    clock.moveS(1);
    expect((await callsOf(key.secret)).calls).toBeGreaterThan(0);
  });

  test('asks nothing for the service that lets others in either', async () => {
    const { key } = await lab.makeOwner('student');
    clock.moveS(30);
    await lab.verify(key.secret);
    expect(lab.lastCalls('validate-api-key')).toBe(3);
    await lab.verify(key.secret);
    expect(lab.lastCalls('validate-api-key')).toBe(0);
  });

  test('asks nothing to refuse: unknown, with another secret, expired, disabled, from elsewhere', async () => {
    const unknown = makeSecret('lyc', randomBytes).value;
    expect(await callsOf(unknown)).toEqual({ status: 401, calls: 1 });
    expect(await callsOf(unknown)).toEqual({ status: 401, calls: 0 });
    const expired = await lab.makeOwner('student', { expires_in_days: 1 });
    const disabled = await lab.makeOwner('student');
    await lab.patch(disabled.owner, disabled.key.id, { status: 'disabled' });
    const elsewhere = await lab.makeOwner('student', { ip_whitelist: ['192.0.2.1'] });
    clock.moveS(86_400);
    for (const [one, status] of [
      [expired, 401],
      [disabled, 401],
      [elsewhere, 403],
    ] as const) {
      expect((await callsOf(one.key.secret)).status).toBe(status);
      expect(await callsOf(one.key.secret)).toEqual({ status, calls: 0 });
    }
  });

  test('asks nothing at all for what has no checksum of a key', async () => {
    const { key } = await lab.makeOwner('student');
    const wrong = `${key.secret.slice(0, -1)}${key.secret.endsWith('0') ? '1' : '0'}`;
    expect(await callsOf(wrong)).toEqual({ status: 401, calls: 0 });
  });

  test('keeps the end of a key and of a grace to the moment, without asking', async () => {
    const { key } = await lab.makeOwner('student', { expires_at: new Date(clock.now() + 10_000).toISOString() });
    await callsOf(key.secret);
    clock.moveS(9);
    expect(await callsOf(key.secret)).toEqual({ status: 200, calls: 0 });
    clock.moveS(1);
    expect(await callsOf(key.secret)).toEqual({ status: 401, calls: 0 });
  });
});

describe('a burst', () => {
  test('of fifty calls with a key that nobody remembers is one read of it and one of its owner', async () => {
    const { key } = await lab.makeOwner('student');
    clock.moveS(31);
    const before = lab.app.lines().length;
    const replies = await Promise.all(Array.from({ length: 50 }, () => lab.as(key.secret).get(validate)));
    expect(replies.map((reply) => reply.status)).toEqual(Array.from({ length: 50 }, () => 200));
    const asked = lab.app
      .lines()
      .slice(before)
      .filter((line) => line.event === 'request')
      .reduce((sum, line) => sum + Number(line.cosmos_calls), 0);
    expect(asked).toBe(3);
  });
});

describe('a change', () => {
  test('counts at once in the instance that made it', async () => {
    const { owner, key } = await lab.makeOwner('student');
    const steps: [() => Promise<unknown>, number][] = [
      [() => lab.patch(owner, key.id, { status: 'disabled' }), 401],
      [() => lab.patch(owner, key.id, { status: 'active' }), 200],
      [() => lab.patch(owner, key.id, { ip_whitelist: ['192.0.2.1'] }), 403],
      [() => lab.patch(owner, key.id, { ip_whitelist: [] }), 200],
      [() => lab.patch(owner, key.id, { scopes: ['roblox'] }), 403],
      [() => lab.patch(owner, key.id, { scopes: ['read'] }), 200],
      [() => owner.post(`/api/v1/api-keys/${key.id}/rotate`, {}), 401],
    ];
    await callsOf(key.secret);
    for (const [change, status] of steps) {
      await change();
      expect((await lab.as(key.secret).get(readPath)).status).toBe(status);
    }
    const other = await lab.makeKey(owner);
    await callsOf(other.secret);
    await owner.delete(`/api/v1/auth/keys/${other.id}`);
    expect((await lab.as(other.secret).get(readPath)).status).toBe(401);
  });

  test('counts in every other instance after 30 seconds at the latest', async () => {
    const { owner, key } = await lab.makeOwner('student');
    const instance = createRuntime(loadConfig(lab.app.settings), { writeLog: () => undefined, clock });
    const code = async () => (await instance.services.keyVerification.verify(key.secret, caller, undefined)).code;
    expect(await code()).toBe('valid');
    await owner.delete(`/api/v1/auth/keys/${key.id}`);
    expect(await lab.verify(key.secret)).toMatchObject({ code: 'revoked' });
    clock.moveS(30);
    expect(await code()).toBe('revoked');
    await instance.close();
  });

  test('of the owner counts after 30 seconds at the latest too', async () => {
    const { owner, key } = await lab.makeOwner('student');
    await callsOf(key.secret);
    await lab.setAccount(owner, '/status', 'suspended');
    clock.moveS(30);
    expect((await callsOf(key.secret)).status).toBe(401);
  });
});

test('a demotion counts for a key that is remembered longer than its owner', async () => {
  const { owner, key } = await lab.makeOwner('configurator');
  const list = () => lab.as(key.secret).get('/api/configure/flexagecomps/');
  expect((await list()).status).toBe(200);
  clock.moveS(20);
  // The key is read anew, its owner is not.
  await lab.patch(owner, key.id, { name: 'read anew' });
  expect((await list()).status).toBe(200);
  await lab.setAccount(owner, '/role', 'student');
  clock.moveS(10);
  expect((await list()).status).toBe(403);
  expect(lab.lastCalls('list-components')).toBe(1);
});

describe('many unknown keys', () => {
  test('push no known one out of the memory', async () => {
    const { key } = await lab.makeOwner('student');
    await callsOf(key.secret);
    const verify = (secret: string) => lab.app.runtime.services.keyVerification.verify(secret, caller, undefined);
    for (let i = 0; i < 300; i += 1) await verify(makeSecret('lyc', randomBytes).value);
    const cost = await withMeter(async (counters) => {
      await verify(key.secret);
      return counters.cosmos_calls;
    });
    expect(cost).toBe(0);
  });
});
