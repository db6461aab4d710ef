import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newAccount } from '../../shared/identity/account-documents.ts';
import { accountStatuses } from '../../shared/identity/schemas.ts';
import {
  changesEmail,
  plainFields,
  statusFor,
  withFields,
  withStatus,
} from '../../shared/identity/user-change-rules.ts';

const account = newAccount({
  user_id: 'u',
  username: 'ann',
  email: 'Ann@example.org',
  full_name: 'Ann Example',
  role: 'student',
  created_at: '2026-01-01T00:00:00.000Z',
  updated_at: '2026-01-01T00:00:00.000Z',
  password_hash: 'x',
  is_verified: true,
  session_version: 4,
  kept_session_id: 'kept',
});
const statuses = fc.constantFrom(...accountStatuses);

describe('a status', () => {
  test('that ends the account ends its sessions; any other change of it leaves them', () => {
    fc.assert(
      fc.property(statuses, statuses, (before, after) => {
        const present = { ...account, status: before };
        const changed = withStatus(present, after);
        expect(changed.status).toBe(after);
        const isEnded = before !== after && after !== 'active';
        expect(changed.session_version).toBe(present.session_version + (isEnded ? 1 : 0));
      }),
    );
  });

  test('follows is_active, and a suspension outlives false', () => {
    expect(statusFor('active', true)).toBe('active');
    expect(statusFor('active', false)).toBe('inactive');
    expect(statusFor('inactive', false)).toBe('inactive');
    expect(statusFor('inactive', true)).toBe('active');
    expect(statusFor('suspended', false)).toBe('suspended');
    expect(statusFor('suspended', true)).toBe('active');
  });
});

describe('fields', () => {
  test('that are not given, or are as they were, make no difference', () => {
    expect(withFields(account, {})).toEqual({ account, changed: [] });
    expect(withFields(account, { username: undefined, email: undefined })).toEqual({ account, changed: [] });
    const same = Object.fromEntries(plainFields.map((name) => [name, account[name]]));
    expect(withFields(account, same)).toEqual({ account, changed: [] });
  });

  test('that are given are the only ones that change', () => {
    fc.assert(
      fc.property(fc.record({ first_name: fc.string(), language: fc.string() }, { requiredKeys: [] }), (fields) => {
        const { account: after, changed } = withFields(account, fields);
        expect(after).toEqual({ ...account, ...fields });
        expect(changed.toSorted()).toEqual(Object.keys(fields).toSorted());
      }),
    );
  });

  test('a new address is not verified; the same one in other letters is the same', () => {
    expect(changesEmail(account, { email: 'other@example.org' })).toBe(true);
    expect(changesEmail(account, { email: null })).toBe(true);
    expect(changesEmail(account, { email: 'ann@EXAMPLE.org' })).toBe(false);
    expect(changesEmail(account, {})).toBe(false);
    expect(changesEmail({ ...account, email: null }, { email: null })).toBe(false);
    expect(withFields(account, { email: 'other@example.org' }).account.is_verified).toBe(false);
    expect(withFields(account, { email: 'ann@EXAMPLE.org' })).toMatchObject({
      account: { email: 'ann@EXAMPLE.org', is_verified: true },
      changed: ['email'],
    });
    const unproved = { ...account, is_verified: false };
    expect(withFields(unproved, { first_name: 'A' }).account.is_verified).toBe(false);
  });
});
