import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Held,
  type KeyLab,
  movableClock,
  readPath,
  repeatable,
  startKeyLab,
  type WireKey,
} from './api-keys-lab.ts';
import type { Person } from './client.ts';

const clock = movableClock();
let lab: KeyLab;
beforeAll(async () => {
  lab = await startKeyLab({ clock });
});
afterAll(() => lab.close());

const day = 86_400;
const status = async (secret: string) => (await lab.as(secret).get(readPath)).status;

async function rotate(owner: Person, key: Held, grace?: number) {
  const reply = await owner.post(`/api/v1/api-keys/${key.id}/rotate`, grace === undefined ? {} : { grace_s: grace });
  const rotated = reply.json<WireKey & { api_key: string }>();
  return { reply, rotated, secret: rotated.api_key };
}

describe('a rotation', () => {
  test('gives a new secret with the settings, the id and the remaining lifetime of the old one', async () => {
    const settings = { scopes: ['read'], expires_in_days: 30, metadata: { a: 1 }, rate_limits: { per_hour: 20 } };
    const { owner, key } = await lab.makeOwner('student', settings);
    const before = await lab.show(owner, key.id);
    const { rotated, secret } = await rotate(owner, key);
    expect(secret).not.toBe(key.secret);
    expect(rotated.prefix).not.toBe(key.prefix);
    expect(rotated).toMatchObject({
      ...before,
      prefix: secret.split('_')[1],
      rotated_at: new Date(clock.now()).toISOString(),
      updated_at: new Date(clock.now()).toISOString(),
    });
    expect(await lab.show(owner, key.id)).toEqual(expect.not.objectContaining({ api_key: expect.anything() }));
  });

  test('ends the old secret at once when no grace is asked for', async () => {
    const { owner, key } = await lab.makeOwner('student');
    const { secret, rotated } = await rotate(owner, key);
    expect(rotated.replaced_secret_until).toBeNull();
    expect([await status(key.secret), await status(secret)]).toEqual([401, 200]);
    expect(await lab.verify(key.secret)).toMatchObject({ code: 'revoked' });
  });

  test('lets both secrets in until the grace ends', async () => {
    const { owner, key } = await lab.makeOwner('student');
    const { secret, rotated } = await rotate(owner, key, 3600);
    expect(rotated.replaced_secret_until).toBe(new Date(clock.now() + 3_600_000).toISOString());
    clock.moveS(3599);
    expect([await status(key.secret), await status(secret)]).toEqual([200, 200]);
    clock.moveS(1);
    expect([await status(key.secret), await status(secret)]).toEqual([401, 200]);
    expect(await lab.verify(key.secret)).toMatchObject({ code: 'revoked' });
    expect((await lab.show(owner, key.id)).replaced_secret_until).toBeNull();
  });

  test('gives at most seven days of grace', async () => {
    const { owner, key } = await lab.makeOwner('student');
    expect((await rotate(owner, key, 7 * day + 1)).reply.status).toBe(422);
    expect((await rotate(owner, key, -1)).reply.status).toBe(422);
    expect((await rotate(owner, key, 7 * day)).reply.status).toBe(200);
  });

  test('within a grace ends it: only one old secret is ever let in', async () => {
    const { owner, key } = await lab.makeOwner('student');
    const second = (await rotate(owner, key, day)).secret;
    const third = (await rotate(owner, key, day)).secret;
    expect([await status(key.secret), await status(second), await status(third)]).toEqual([401, 200, 200]);
    expect(await lab.verify(key.secret)).toMatchObject({ code: 'not_found' });
  });

  test('binds both secrets to the one key: what stops it stops both', async () => {
    const { owner, key } = await lab.makeOwner('student');
    const { secret } = await rotate(owner, key, day);
    await lab.patch(owner, key.id, { status: 'disabled' });
    expect([await status(key.secret), await status(secret)]).toEqual([401, 401]);
    await lab.patch(owner, key.id, { status: 'active' });
    await owner.delete(`/api/v1/auth/keys/${key.id}`);
    for (const one of [key.secret, secret]) expect(await lab.verify(one)).toMatchObject({ code: 'revoked' });
  });

  test('is not for a key that does not work: it would not work afterwards either', async () => {
    const { owner, key } = await lab.makeOwner('student');
    await lab.patch(owner, key.id, { status: 'disabled' });
    expect((await rotate(owner, key)).reply.status).toBe(404);
    await owner.delete(`/api/v1/auth/keys/${key.id}`);
    expect((await rotate(owner, key)).reply.status).toBe(404);
  });

  test('is done by the key itself, which goes on with the new secret', async () => {
    const { key } = await lab.makeOwner('student');
    const reply = await lab.as(key.secret).post(`/api/v1/api-keys/${key.id}/rotate`, { grace_s: 60 });
    const { api_key } = reply.json<{ api_key: string }>();
    expect([await status(key.secret), await status(api_key)]).toEqual([200, 200]);
  });

  test('stands in the audit trail with both prefixes and no secret', async () => {
    const { owner, key } = await lab.makeOwner('student');
    const { secret } = await rotate(owner, key, 60);
    const last = (await lab.trail(key.id)).at(-1);
    expect(last).toMatchObject({
      action: 'api_key.rotated',
      detail: { grace_s: 60, prefix: secret.split('_')[1], replaced_prefix: key.prefix },
    });
    for (const one of [key.secret, secret]) expect(JSON.stringify(last)).not.toContain(one.slice(13));
  });

  test('that is repeated with its Idempotency-Key is done once and answers 409 with the id of the key', async () => {
    const { owner, key } = await lab.makeOwner('student');
    const headers = repeatable();
    const path = `/api/v1/api-keys/${key.id}/rotate`;
    const first = await owner.post(path, { grace_s: day }, headers);
    const second = await owner.post(path, { grace_s: day }, headers);
    expect([second.status, second.json()]).toMatchObject([409, { code: 'already_done', id: key.id }]);
    expect([await status(key.secret), await status(first.json<{ api_key: string }>().api_key)]).toEqual([200, 200]);
  });

  test('six times at once leaves one key with one newest secret, and every answer is true or a refusal', async () => {
    const { owner, key } = await lab.makeOwner('student');
    const all = await Promise.all(Array.from({ length: 6 }, () => rotate(owner, key, day)));
    const done = all.filter(({ reply }) => reply.status === 200);
    expect(done.length).toBeGreaterThan(0);
    expect(all.every(({ reply }) => [200, 409].includes(reply.status))).toBe(true);
    const { prefix } = await lab.show(owner, key.id);
    const works = [];
    for (const { secret } of done) if ((await status(secret)) === 200) works.push(secret.split('_')[1]);
    expect(works).toContain(prefix);
    expect(works.length).toBeLessThanOrEqual(2);
  });
});
