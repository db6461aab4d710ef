import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canUnlink, decideStranger, provenEmail, usernameFor } from '../../shared/identity/external-rules.ts';

describe('the account of a stranger', () => {
  test.each([
    [{ is_verified: true }, true, 'link'],
    [{ is_verified: true }, false, 'link'],
    [{ is_verified: false }, true, 'link_required'],
    [{ is_verified: false }, false, 'link_required'],
    [undefined, true, 'register'],
    [undefined, false, 'closed'],
  ] as const)('with the same address %j and open registration %j: %s', (account, isOpen, decision) => {
    expect(decideStranger(account, isOpen)).toBe(decision);
  });

  test('an address without proof counts as none', () => {
    expect(provenEmail({ email: 'a@b.example', is_email_verified: false })).toBeNull();
    expect(provenEmail({ email: 'a@b.example', is_email_verified: true })).toBe('a@b.example');
  });
});

describe('the last way into an account', () => {
  const login = (provider: 'google' | 'github') => ({ provider, subject: 'x', email: null, linked_at: '' });
  const none = { password_hash: null, second_factors: { totp: true, passkeys: 0 }, external_logins: [login('google')] };
  test.each([
    ['nothing else, for a one-time code is only a second factor', {}, false],
    ['a password', { password_hash: 'x' }, true],
    ['a passkey', { second_factors: { totp: false, passkeys: 1 } }, true],
    ['another provider', { external_logins: [login('google'), login('github')] }, true],
  ])('beside the provider there is %s', (_what, fields, isAllowed) => {
    expect(canUnlink({ ...none, ...fields }, 'google')).toBe(isAllowed);
  });
});

describe('a user name made of what a provider says', () => {
  const id = '01a1fddf-952b-7000-8000-007d0731378a';

  test.each([
    ['Ann.Example', 'ann.example'],
    ['Zoë Müller', 'zoe-muller'],
    ['  octo_cat ', 'octo_cat'],
    ['..ann..', 'ann'],
    ['x'.repeat(100), 'x'.repeat(40)],
    ['李', 'member-0731378a'],
    ['ab', 'member-0731378a'],
    ['', 'member-0731378a'],
    [null, 'member-0731378a'],
  ])('%j becomes %s', (said, name) => {
    expect(usernameFor(said, id, 0)).toBe(name);
  });

  test('has an ending of its own from the second try on', () => {
    expect(usernameFor('ann', id, 1)).toBe('ann-0731378a');
  });

  test('is always plain and short, and looks like nothing else', () => {
    const said = fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.constant(null));
    fc.assert(
      fc.property(said, fc.uuid(), fc.nat(3), (text, userId, try_) => {
        const name = usernameFor(text, userId, try_);
        expect(name).toMatch(/^[a-z0-9](?:[a-z0-9._-]{1,48}[a-z0-9])$/);
        expect(usernameFor(name, userId, 0)).toBe(name.length > 40 ? name.slice(0, 40).replace(/[._-]+$/, '') : name);
      }),
    );
  });
});
