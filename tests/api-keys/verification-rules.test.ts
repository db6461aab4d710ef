import { describe, expect, test } from 'vitest';
import type { ApiKeyDocument, StoredSecret } from '../../shared/api-keys/documents.ts';
import { type OwnerStatus, refusalOf } from '../../shared/api-keys/verification-rules.ts';
import { keyDocument, secret } from './documents.ts';

const now = Date.parse('2026-03-14T12:00:00.000Z');
const past = new Date(now).toISOString();
const future = new Date(now + 1).toISOString();
const home = { address: '192.0.2.7', origin: 'https://app.example.org', place_id: '42' };
const nowhere = { address: 'unknown', origin: null, place_id: null };

function refusal(
  said: Partial<ApiKeyDocument>,
  {
    from = home,
    owner = 'active',
    by = secret(),
  }: { from?: typeof nowhere | typeof home; owner?: OwnerStatus; by?: StoredSecret } = {},
) {
  return refusalOf(keyDocument(said), by, owner, from, now);
}

describe('a key is let in', () => {
  test('from anywhere when it has no lists', () => {
    expect([refusal({}), refusal({}, { from: nowhere })]).toEqual([undefined, undefined]);
  });
  test('from where its lists say, until it expires', () => {
    const lists = { ip_whitelist: ['192.0.2.0/24'], origins: [home.origin], place_ids: ['41', '42'] };
    expect(refusal({ ...lists, expires_at: future })).toBeUndefined();
  });
  test('with the secret before the last rotation until its grace ends', () => {
    expect(refusal({}, { by: secret(future) })).toBeUndefined();
  });
});

describe('a key is refused', () => {
  test.each<[string, Partial<ApiKeyDocument>]>([
    ['revoked', { status: 'revoked' }],
    ['disabled', { status: 'disabled' }],
    ['expired', { expires_at: past }],
    ['ip_refused', { ip_whitelist: ['192.0.3.0/24'] }],
    ['origin_refused', { origins: ['https://other.example.org'] }],
    ['place_refused', { place_ids: ['41'] }],
  ])('as %s', (code, said) => expect(refusal(said)).toBe(code));

  test('where it has a list and the caller says nothing of it', () => {
    expect(refusal({ ip_whitelist: ['0.0.0.0/0'] }, { from: nowhere })).toBe('ip_refused');
    expect(refusal({ origins: ['null', ''] }, { from: nowhere })).toBe('origin_refused');
    expect(refusal({ place_ids: ['null', ''] }, { from: nowhere })).toBe('place_refused');
  });

  test('when its grace is over, or its owner is suspended or gone', () => {
    expect(refusal({}, { by: secret(past) })).toBe('revoked');
    expect(refusal({}, { owner: 'inactive' })).toBe('disabled');
    expect(refusal({}, { owner: 'gone' })).toBe('not_found');
  });

  test('for what its owner decided before where it is used', () => {
    const everything = { expires_at: past, ip_whitelist: ['::1'], origins: ['x'], place_ids: ['x'] };
    expect(refusal({ ...everything, status: 'revoked' }, { owner: 'inactive' })).toBe('revoked');
    expect(refusal({ ...everything, status: 'disabled' })).toBe('expired');
    expect(refusal({ ...everything, expires_at: null })).toBe('ip_refused');
    expect(refusal({ ...everything, expires_at: null, ip_whitelist: [] })).toBe('origin_refused');
  });
});
