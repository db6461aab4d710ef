import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RateLimits } from '../../shared/api-keys/documents.ts';
import {
  activeEntries,
  activeKeysMax,
  etagOf,
  isReplaced,
  isWithin,
  type KeyBounds,
  keptS,
  newKeySet,
  revokedKeptS,
  rotatedSecrets,
  statusOf,
  toApiKey,
  toNamedLimits,
  versionIn,
} from '../../shared/api-keys/key-rules.ts';
import { ApiKey } from '../../shared/api-keys/schemas.ts';
import { grantedBy } from '../../shared/api-keys/scope-rules.ts';
import { keyDocument, secret } from './documents.ts';

const now = Date.parse('2026-03-14T12:00:00.000Z');
const iso = (ms: number) => new Date(ms).toISOString();
const none: RateLimits = { per_minute: null, per_hour: null, per_day: null };

describe('the status of a key', () => {
  test('turns to expired at the moment it says, and revoked stays revoked', () => {
    const until = iso(now);
    expect(statusOf({ status: 'active', expires_at: until }, now - 1)).toBe('active');
    expect(statusOf({ status: 'active', expires_at: until }, now)).toBe('expired');
    expect(statusOf({ status: 'disabled', expires_at: until }, now)).toBe('expired');
    expect(statusOf({ status: 'revoked', expires_at: until }, now)).toBe('revoked');
    expect(statusOf({ status: 'disabled', expires_at: null }, now)).toBe('disabled');
  });
});

describe('limits', () => {
  test('are those that are set, with the seconds of their spans', () => {
    expect(toNamedLimits(none)).toEqual([]);
    expect(toNamedLimits({ per_minute: 1, per_hour: 2, per_day: 3 })).toEqual([
      { name: 'minute', window_s: 60, max_calls: 1 },
      { name: 'hour', window_s: 3600, max_calls: 2 },
      { name: 'day', window_s: 86_400, max_calls: 3 },
    ]);
  });
});

describe('the keys that count', () => {
  test('are those that have not expired; five are as many as anybody has', () => {
    const active = [
      { key_id: 'a', expires_at: null },
      { key_id: 'b', expires_at: iso(now) },
      { key_id: 'c', expires_at: iso(now + 1) },
    ];
    const set = newKeySet('u', undefined, active);
    expect(activeEntries(set, now).map((entry) => entry.key_id)).toEqual(['a', 'c']);
    expect(activeEntries(undefined, now)).toEqual([]);
    expect(activeKeysMax).toBe(5);
  });

  test('keep the version that was read, so that two writers notice each other', () => {
    const before = { ...newKeySet('u', undefined, []), _etag: 'e1' };
    expect(newKeySet('u', before, [{ key_id: 'a', expires_at: null }])).toEqual({
      id: 'api-keys',
      pk: 'u',
      type: 'api_key_set',
      schema_version: 1,
      active: [{ key_id: 'a', expires_at: null }],
      _etag: 'e1',
    });
  });
});

test('a key is kept 90 days after it stops working, and for ever while it does not expire', () => {
  expect(keptS(null, now)).toBeUndefined();
  expect(keptS(iso(now + 10_500), now)).toBe(11 + 90 * 86_400);
  expect(keptS(iso(now - 86_400_000), now)).toBe(90 * 86_400);
  expect(revokedKeptS).toBe(90 * 86_400);
});

describe('a rotation', () => {
  test('puts the new secret first and gives the one before it its grace; an older one is dropped', () => {
    const [fresh, first, older] = [secret(null, 'ffffffff'), secret(null, 'aaaaaaaa'), secret(iso(now), 'bbbbbbbb')];
    expect(rotatedSecrets([first, older], fresh, iso(now + 1000))).toEqual([
      fresh,
      { ...first, valid_until: iso(now + 1000) },
    ]);
    expect(rotatedSecrets([], fresh, iso(now))).toEqual([fresh]);
  });

  test('ends a grace at its moment', () => {
    expect(isReplaced(secret(iso(now)), now - 1)).toBe(false);
    expect(isReplaced(secret(iso(now)), now)).toBe(true);
    expect(isReplaced(secret(null), now)).toBe(false);
  });
});

describe('a key lies within another', () => {
  const outer = (said: Partial<KeyBounds> = {}): KeyBounds => ({ ...keyDocument(), ...said });
  const names = fc.uniqueArray(fc.constantFrom('1', '2', '3'), { maxLength: 3 });
  const limit = fc.option(fc.constantFrom(10, 100, 1000));
  const bounds: fc.Arbitrary<KeyBounds> = fc.record({
    scopes: fc.array(fc.constantFrom('read', 'write', 'admin', 'roblox', 'component:read'), { minLength: 1 }),
    place_ids: names,
    ip_whitelist: names,
    origins: names,
    rate_limits: fc.record({ per_minute: limit, per_hour: limit, per_day: limit }),
    expires_at: fc.option(fc.constantFrom(iso(now), iso(now + 1))),
    credits: fc.constantFrom(null, {}),
  });

  test('when it reaches no further in anything', () => {
    expect(isWithin(outer(), outer())).toBe(true);
    expect(isWithin(outer({ scopes: ['write'] }), outer({ scopes: ['read'] }))).toBe(true);
    expect(isWithin(outer(), outer({ place_ids: ['1'], ip_whitelist: ['1'], origins: ['1'], credits: {} }))).toBe(true);
    expect(isWithin(outer(), outer({ rate_limits: { ...none, per_hour: 10 }, expires_at: iso(now) }))).toBe(true);
    const listed = outer({ place_ids: ['1', '2'] });
    expect(isWithin(listed, outer({ place_ids: ['2'] }))).toBe(true);
  });

  test.each<[string, Partial<KeyBounds>, Partial<KeyBounds>]>([
    ['another scope', {}, { scopes: ['read', 'write'] }],
    ['another place', { place_ids: ['1'] }, { place_ids: ['1', '2'] }],
    ['every place', { place_ids: ['1'] }, { place_ids: [] }],
    ['another address', { ip_whitelist: ['1'] }, { ip_whitelist: ['2'] }],
    ['every address', { ip_whitelist: ['1'] }, {}],
    ['another origin', { origins: ['1'] }, { origins: ['2'] }],
    ['more calls a minute', { rate_limits: { ...none, per_minute: 10 } }, { rate_limits: { ...none, per_minute: 11 } }],
    ['more calls an hour', { rate_limits: { ...none, per_hour: 10 } }, { rate_limits: { ...none, per_hour: 11 } }],
    ['calls without a limit', { rate_limits: { ...none, per_day: 10 } }, { rate_limits: { ...none, per_hour: 10 } }],
    ['a later end', { expires_at: iso(now) }, { expires_at: iso(now + 1) }],
    ['no end', { expires_at: iso(now) }, {}],
    ['calls without credits', { credits: {} }, {}],
  ])('not when it has %s', (_what, has, wants) => {
    expect(isWithin(outer(has), outer(wants))).toBe(false);
  });

  test('always when it is the same, and what lies within what lies within lies within', () => {
    fc.assert(
      fc.property(bounds, bounds, bounds, (a, b, c) => {
        expect(isWithin(a, a)).toBe(true);
        if (isWithin(a, b) && isWithin(b, c)) expect(isWithin(a, c)).toBe(true);
        if (isWithin(a, b))
          expect([...grantedBy(b.scopes)].filter((name) => !grantedBy(a.scopes).has(name))).toEqual([]);
      }),
    );
  });
});

describe('what is shown of a key', () => {
  test('is what the schema says and nothing of its secrets', () => {
    const key = keyDocument({ secrets: [secret(null, 'ffffffff'), secret(iso(now + 1), 'aaaaaaaa')], _etag: '"e-1"' });
    const shown = toApiKey(key, now);
    const { _etag, ...rest } = shown;
    expect(ApiKey.parse(rest)).toEqual(rest);
    expect(shown).toMatchObject({ id: key.key_id, key_id: key.key_id, prefix: 'ffffffff', is_active: true });
    expect(shown.replaced_secret_until).toBe(iso(now + 1));
    expect(JSON.stringify(shown)).not.toContain('hash');
    expect(toApiKey(key, now + 1).replaced_secret_until).toBeNull();
    expect(toApiKey({ ...key, status: 'revoked' }, now)).toMatchObject({
      replaced_secret_until: null,
      is_active: false,
      is_expired: false,
    });
    expect(toApiKey({ ...key, secrets: [] }, now).prefix).toBe('');
    expect(toApiKey({ ...key, secrets: key.secrets.slice(0, 1) }, now).replaced_secret_until).toBeNull();
  });

  test('has its scopes and lists', () => {
    const lists = { scopes: ['read'], place_ids: ['1'], ip_whitelist: ['::1'], origins: ['https://a.example.org'] };
    expect(toApiKey(keyDocument(lists), now)).toMatchObject(lists);
  });

  test('counts calls and refusals, and says when it has expired', () => {
    const usage = { valid: 7, refused: { expired: 2, ip_refused: 3 }, last_used_at: iso(now) };
    const key = keyDocument({ usage, expires_at: iso(now), rate_limits: { ...none, per_hour: 60 } });
    expect(toApiKey(key, now)).toMatchObject({
      usage_count: 7,
      refused_count: 5,
      last_used: iso(now),
      last_used_at: iso(now),
      status: 'expired',
      is_expired: true,
      is_active: false,
      rate_limit: 60,
      credits: null,
    });
    const credits = { remaining: 3, refill: null, period: null, grant: 9 };
    expect(toApiKey({ ...key, credits }, now).credits).toEqual({ remaining: 3, refill: null });
  });

  test('has an ETag that counting changes, but not the part that a change is compared with', () => {
    const etag = etagOf({ version: 12, _etag: '"00-a-1"' });
    expect(etag).toBe('12-00a1');
    expect(etagOf({ version: 12, _etag: '"00-b"' })).not.toBe(etag);
    expect(versionIn(etag)).toBe('12');
    expect(versionIn(etagOf({ version: 12 }))).toBe('12');
  });
});
