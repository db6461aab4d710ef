import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CliKeyCreate } from '../../shared/api-keys/schemas.ts';
import { type KeyLab, movableClock, readPath, repeatable, startKeyLab, type WireKey } from './api-keys-lab.ts';
import { principalOf } from './client.ts';

const clock = movableClock();
let lab: KeyLab;
beforeAll(async () => {
  lab = await startKeyLab({ clock });
});
afterAll(() => lab.close());

const keys = '/api/v1/auth/keys';

describe('the limit of five', () => {
  test('holds when six are made at once by somebody who has four', async () => {
    const owner = await lab.makePerson('student');
    for (let i = 0; i < 4; i += 1) await lab.makeKey(owner);
    const replies = await Promise.all(Array.from({ length: 6 }, () => owner.post(keys, { name: 'one more' })));
    expect(replies.map((reply) => reply.status).sort()).toEqual([200, 400, 400, 400, 400, 400]);
    expect(replies.filter((reply) => reply.status === 400).every((one) => one.json()['code'] === 'api_key_limit')).toBe(
      true,
    );
    expect((await owner.get(keys)).json<WireKey[]>()).toHaveLength(5);
  });

  test('holds when six are made at once by somebody who has none', async () => {
    const owner = await lab.makePerson('student');
    const replies = await Promise.all(Array.from({ length: 6 }, () => owner.post(keys, { name: 'one more' })));
    expect(replies.map((reply) => reply.status).sort()).toEqual([200, 200, 200, 200, 200, 400]);
    // Every answer that showed a secret is true.
    for (const reply of replies.filter((one) => one.status === 200))
      expect((await lab.as(reply.json<{ api_key: string }>().api_key).get(readPath)).status).toBe(200);
  });

  test('is free again when a key has expired', async () => {
    const owner = await lab.makePerson('student');
    for (let i = 0; i < 5; i += 1) await lab.makeKey(owner, { expires_in_days: i === 0 ? 1 : 30 });
    expect((await owner.post(keys, { name: 'x' })).status).toBe(400);
    clock.moveS(86_400);
    const again = await lab.logIn(owner.username, owner.password);
    expect((await again.post(keys, { name: 'x' })).status).toBe(200);
    expect((await again.post(keys, { name: 'x' })).status).toBe(400);
  });

  test('leaves no prefix that leads to a key which was not made', async () => {
    const owner = await lab.makePerson('student');
    for (let i = 0; i < 4; i += 1) await lab.makeKey(owner);
    await Promise.all(Array.from({ length: 6 }, () => owner.post(keys, { name: 'one more' })));
    const query = 'SELECT VALUE c.key_id FROM c WHERE c.type = "api_key_lookup"';
    const { resources } = await lab.container('identity').items.query<string>(query).fetchAll();
    const made = (await owner.get(keys)).json<WireKey[]>().map((one) => one.id);
    const query2 = 'SELECT VALUE c.key_id FROM c WHERE c.type = "api_key"';
    const all = new Set((await lab.container('identity').items.query<string>(query2).fetchAll()).resources);
    expect(made.every((id) => resources.includes(id))).toBe(true);
    expect(resources.filter((id) => !all.has(id))).toEqual([]);
  });
});

describe('a key that is made with an Idempotency-Key', () => {
  test.each([keys, '/api/v1/api-keys/create'])(
    'at %s is made once; the secret is never kept, and a repeat gets 409 with the id',
    async (path) => {
      const owner = await lab.makePerson('student');
      const headers = repeatable();
      const first = await owner.post(path, { name: 'once' }, headers);
      const { api_key } = first.json<{ api_key: string }>();
      const [shown] = (await owner.get(keys)).json<WireKey[]>();
      const second = await owner.post(path, { name: 'once' }, headers);
      expect([second.status, second.json()]).toMatchObject([409, { code: 'already_done', id: shown?.id }]);
      expect(second.headers.get('idempotency-replayed')).toBe('true');
      expect((await owner.get(keys)).json<WireKey[]>()).toHaveLength(1);
      const { resources } = await lab.container('platform').items.query('SELECT * FROM c').fetchAll();
      expect(resources.length).toBeGreaterThan(0);
      for (const secret of [api_key, api_key.slice(13, 45)]) expect(JSON.stringify(resources)).not.toContain(secret);
      expect((await owner.post(path, { name: 'other' }, headers)).status).toBe(422);
    },
  );

  test('is not made again when the instance died after making it: the repeat is told its id', async () => {
    const owner = await lab.makePerson('student');
    const user = principalOf(owner.user);
    const id = randomUUID();
    const request = CliKeyCreate.parse({ name: 'once' });
    await lab.app.runtime.services.apiKeys.create(user, request, id);
    const repeat = lab.app.runtime.services.apiKeys.create(user, request, id);
    await expect(repeat).rejects.toMatchObject({ code: 'already_done', extensions: { id } });
    expect((await owner.get(keys)).json<WireKey[]>()).toHaveLength(1);
    // Also when it was revoked in between.
    await owner.delete(`${keys}/${id}`);
    const late = lab.app.runtime.services.apiKeys.create(user, request, id);
    await expect(late).rejects.toMatchObject({ code: 'already_done', extensions: { id } });
  });

  test('is not rotated twice by a repeat after such a death', async () => {
    const { owner, key } = await lab.makeOwner('student');
    const user = principalOf(owner.user);
    const id = randomUUID();
    await lab.app.runtime.services.apiKeys.rotate(user, key.id, 3600, id);
    const repeat = lab.app.runtime.services.apiKeys.rotate(user, key.id, 3600, id);
    await expect(repeat).rejects.toMatchObject({ code: 'already_done', extensions: { id: key.id } });
    expect((await lab.as(key.secret).get(readPath)).status).toBe(200);
  });
});

test('of six who revoke a key at once one does, and the others find none', async () => {
  const { owner, key } = await lab.makeOwner('student');
  const replies = await Promise.all(Array.from({ length: 6 }, () => owner.delete(`${keys}/${key.id}`)));
  expect(replies.map((reply) => reply.status).sort()).toEqual([200, 404, 404, 404, 404, 404]);
  const revoked = (await lab.trail(key.id)).filter((event) => event.action === 'api_key.revoked');
  expect(revoked).toHaveLength(1);
});

test('of six changes that saw the same version one is made', async () => {
  const { owner, key } = await lab.makeOwner('student');
  const etag = (await owner.get(`/api/v1/api-keys/${key.id}`)).headers.get('etag') ?? '';
  const change = (at: number) => lab.patch(owner, key.id, { name: `name ${at}` }, { 'if-match': etag });
  const replies = await Promise.all([0, 1, 2, 3, 4, 5].map(change));
  expect(replies.map((reply) => reply.status).sort()).toEqual([200, 412, 412, 412, 412, 412]);
});
