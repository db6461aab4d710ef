import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checksumOf, makeSecret } from '../../shared/api-keys/key-format-rules.ts';
import { loadConfig } from '../../shared/platform/config.ts';
import { createRuntime } from '../../shared/services.ts';
import { type KeyLab, movableClock, readPath, startKeyLab, type WireKey } from './api-keys-lab.ts';

// What a key is refused for, in the words of verification and as ordinary calls see it.

const clock = movableClock();
let lab: KeyLab;
beforeAll(async () => {
  lab = await startKeyLab({ clock, keyUsageFlushMs: 10 });
});
afterAll(() => lab.close());

const day = 86_400;

async function refused(secret: string, headers: Record<string, string> = {}) {
  const reply = await lab.as(secret).get(readPath, headers);
  const { code, key_code, detail } = reply.json();
  return { status: reply.status, code, key_code, detail };
}

describe('a key is refused', () => {
  test('when it has expired, from that moment on', async () => {
    const { key } = await lab.makeOwner('student', { expires_in_days: 1 });
    clock.moveS(day - 1);
    expect((await lab.as(key.secret).get(readPath)).status).toBe(200);
    clock.moveS(1);
    const answer = { status: 401, code: 'unauthenticated', key_code: 'expired', detail: 'The API key has expired' };
    expect(await refused(key.secret)).toEqual(answer);
    expect(await lab.verify(key.secret)).toEqual({ valid: false, code: 'expired', error: 'The API key has expired' });
  });

  test('when it is disabled, and let in when it is active again', async () => {
    const { owner, key } = await lab.makeOwner('student');
    await lab.patch(owner, key.id, { status: 'disabled' });
    expect(await refused(key.secret)).toMatchObject({ status: 401, key_code: 'disabled' });
    expect(await lab.verify(key.secret)).toMatchObject({ valid: false, code: 'disabled' });
    await lab.patch(owner, key.id, { status: 'active' });
    expect((await lab.as(key.secret).get(readPath)).status).toBe(200);
  });

  test('when it was revoked, for good', async () => {
    const { owner, key } = await lab.makeOwner('student');
    await owner.delete(`/api/v1/auth/keys/${key.id}`);
    expect(await refused(key.secret)).toMatchObject({ status: 401, key_code: 'revoked' });
    expect(await lab.verify(key.secret)).toMatchObject({ valid: false, code: 'revoked' });
  });

  test('when nothing is known of it, without a word more than a bad token gets', async () => {
    const unknown = makeSecret('lyc', randomBytes).value;
    const answer = {
      status: 401,
      code: 'unauthenticated',
      key_code: 'not_found',
      detail: 'Could not validate credentials',
    };
    expect(await refused(unknown)).toEqual(answer);
    expect(await lab.verify(unknown)).toMatchObject({ valid: false, code: 'not_found' });
  });

  test('when its prefix is right and its secret is that of no key', async () => {
    const { key } = await lab.makeOwner('student');
    const bytes = Buffer.from(key.prefix, 'hex');
    let isPrefix = true;
    const forged = makeSecret('lyc', (count) => {
      const own = isPrefix ? bytes : randomBytes(count);
      isPrefix = false;
      return own;
    });
    expect(forged.prefix).toBe(key.prefix);
    expect(await lab.verify(forged.value)).toMatchObject({ code: 'not_found' });
    // The same secret under another format is another key.
    const body = key.secret.replace('lyc', 'zbl').slice(0, -6);
    const renamed = body + checksumOf(body);
    expect(await lab.verify(renamed)).toMatchObject({ code: 'not_found' });
  });

  test.each<[string, Record<string, unknown>, Record<string, string>, Record<string, string>]>([
    [
      'origin_refused',
      { origins: ['https://a.example.org'] },
      { origin: 'https://a.example.org' },
      { origin: 'https://b.example.org' },
    ],
    ['origin_refused', { origins: ['https://a.example.org'] }, { origin: 'https://a.example.org' }, {}],
    ['place_refused', { place_ids: [42] }, { 'x-place-id': '42' }, { 'x-place-id': '43' }],
    ['place_refused', { place_ids: [42] }, { 'roblox-id': '42' }, {}],
  ])('as %s with %j', async (code, fields, good, bad) => {
    const { key } = await lab.makeOwner('student', fields);
    expect((await lab.as(key.secret).get(readPath, good)).status).toBe(200);
    expect(await lab.verify(key.secret, '', good)).toMatchObject({ valid: true });
    expect(await refused(key.secret, bad)).toMatchObject({ status: 403, code: 'api_key_refused', key_code: code });
    expect(await lab.verify(key.secret, '', bad)).toMatchObject({ valid: false, code });
  });

  test('as ip_refused from an address outside of its list, whatever address the caller claims', async () => {
    const { owner, key } = await lab.makeOwner('student', { ip_whitelist: ['127.0.0.0/8', '::1'] });
    expect((await lab.as(key.secret).get(readPath)).status).toBe(200);
    expect(await lab.verify(key.secret)).toMatchObject({ valid: true });
    await lab.patch(owner, key.id, { ip_whitelist: ['192.0.2.0/24', '2001:db8::/32'] });
    for (const address of ['192.0.2.1', '2001:db8::1']) {
      const headers = { 'x-forwarded-for': address, 'x-real-ip': address, forwarded: `for=${address}` };
      expect(await refused(key.secret, headers)).toMatchObject({
        status: 403,
        code: 'api_key_refused',
        key_code: 'ip_refused',
      });
      expect(await lab.verify(key.secret, '', headers)).toMatchObject({ valid: false, code: 'ip_refused' });
      // The address that the platform saw.
      const caller = { request_id: 'r', address, user_agent: null, origin: null, place_id: null };
      const user = await lab.app.runtime.authenticate({ kind: 'bearer', value: key.secret }, caller);
      expect(user.user_id).toBe(owner.id);
    }
  });

  test('when its own limit is used up, until the span ends', async () => {
    const { key } = await lab.makeOwner('student', { rate_limits: { per_minute: 2, per_hour: 10 } });
    clock.setTo(new Date(Math.ceil(clock.now() / 3_600_000) * 3_600_000).toISOString());
    const verdicts = [];
    for (let i = 0; i < 3; i += 1) verdicts.push(await lab.verify(key.secret));
    expect(verdicts.map((one) => [one.code, one.rate_limit_remaining])).toEqual([
      ['valid', 1],
      ['valid', 0],
      ['rate_limited', undefined],
    ]);
    clock.moveS(60);
    expect(await lab.verify(key.secret)).toMatchObject({ valid: true, rate_limit_remaining: 1 });
  });
});

describe('hostile input', () => {
  test('in place of a key is refused with 401, and never an error of ours', async () => {
    const { key } = await lab.makeOwner('student');
    const texts = [
      'lyc_',
      'lyc__',
      'lyc_00000000_',
      `lyc_${'0'.repeat(8)}_${'0'.repeat(38)}`,
      'x'.repeat(7000),
      `${key.secret}\u00e9`,
      `${key.secret},${key.secret}`,
      '../../api-keys',
      "lyc_0'or1=1_0000000000000000000000000000000000000000",
      '%00',
      'null',
      'undefined',
      '{"$ne":null}',
    ];
    for (const text of texts) {
      for (const headers of [
        { authorization: `Api-Key ${text}` },
        { 'x-api-key': text },
        { authorization: `Bearer ${text}` },
      ]) {
        const reply = await lab.anyone('GET', readPath, { headers });
        expect([text.slice(0, 60), reply.status]).toEqual([text.slice(0, 60), 401]);
      }
      expect(await lab.verify(text)).toMatchObject({ valid: false, code: 'not_found' });
    }
  });

  test('a key in the address of a call is no key', async () => {
    const { key } = await lab.makeOwner('student');
    expect((await lab.anyone('GET', `${readPath}?api_key=${key.secret}&token=${key.secret}`)).status).toBe(401);
  });

  test('a bad token beside a good key is refused: what is shown first counts', async () => {
    const { key } = await lab.makeOwner('student');
    for (const authorization of ['Bearer garbage', 'Basic cm9vdDpyb290', 'Bearer']) {
      const headers = { authorization, 'x-api-key': key.secret };
      expect((await lab.anyone('GET', readPath, { headers })).status).toBe(401);
    }
    // Only who asks whether a key is good may have a credential of their own beside it.
    expect(await lab.verify(key.secret, '', { authorization: 'Bearer garbage' })).toMatchObject({ valid: true });
  });
});

describe('what a key was used for', () => {
  test('is counted in the background, by code, and the last use is kept', async () => {
    const { owner, key } = await lab.makeOwner('student', { scopes: ['write'], place_ids: [1] });
    const there = { 'x-place-id': '1' };
    for (let i = 0; i < 3; i += 1) await lab.as(key.secret).get(readPath, there);
    await lab.as(key.secret).get(readPath);
    await lab.as(key.secret).get('/api/auth/users', there);
    await lab.verify(key.secret, '?required_scope=admin', there);
    await lab.verify(key.secret, '', there);
    const usage = async () => (await owner.get(`/api/v1/api-keys/usage-stats?key_id=${key.id}`)).json();
    await expect.poll(usage, { timeout: 5000 }).toMatchObject({ usage_count: 4, refused_count: 3 });
    expect(await usage()).toEqual({
      key_id: key.id,
      usage_count: 4,
      refused_count: 3,
      refused_by_code: { place_refused: 1, scope_missing: 2 },
      last_used_at: new Date(clock.now()).toISOString(),
      keys: [{ key_id: key.id, name: 'a key', usage_count: 4, last_used_at: new Date(clock.now()).toISOString() }],
    });
    const shown = (await owner.get('/api/v1/auth/keys')).json<WireKey[]>()[0];
    expect(shown).toMatchObject({ usage_count: 4, refused_count: 3, last_used: new Date(clock.now()).toISOString() });
    const stats = (await owner.get('/api/v1/auth/keys/stats')).json();
    expect(stats).toMatchObject({ usage_count: 4, refused_count: 3, last_used: new Date(clock.now()).toISOString() });
  });

  test('where it should not have been used stands in the audit trail, without the key', async () => {
    const { key } = await lab.makeOwner('student', { ip_whitelist: ['192.0.2.1'] });
    await lab.as(key.secret).get(readPath, { 'user-agent': 'thief' });
    const refusals = async () => (await lab.trail(key.id)).filter((event) => event.action === 'api_key.refused');
    await expect.poll(async () => (await refusals()).length, { timeout: 5000 }).toBe(1);
    expect((await refusals())[0]).toMatchObject({
      result: 'refused',
      address: '127.0.0.1',
      user_agent: 'thief',
      detail: { code: 'ip_refused', counts: { ip_refused: 1 } },
    });
    expect(JSON.stringify(await lab.trail(key.id))).not.toContain(key.secret.slice(13));
  });

  test('is not in the audit trail where an honest caller asked for too much', async () => {
    const { owner, key } = await lab.makeOwner('student', { scopes: ['read'] });
    await lab.as(key.secret).post('/api/v1/auth/keys', { name: 'x' });
    await expect.poll(async () => (await lab.show(owner, key.id)).refused_count, { timeout: 5000 }).toBe(1);
    expect((await lab.trail(key.id)).map((event) => event.action)).toEqual(['api_key.created']);
  });

  test('is written when the instance stops', async () => {
    const { owner, key } = await lab.makeOwner('student');
    const instance = createRuntime(loadConfig(lab.app.settings), {
      writeLog: () => undefined,
      keyUsageFlushMs: 3_600_000,
    });
    const caller = { request_id: 'r', address: 'unknown', user_agent: null, origin: null, place_id: null };
    await instance.services.keyVerification.verify(key.secret, caller, undefined);
    expect((await lab.show(owner, key.id)).usage_count).toBe(0);
    await instance.close();
    expect((await lab.show(owner, key.id)).usage_count).toBe(1);
  });
});
