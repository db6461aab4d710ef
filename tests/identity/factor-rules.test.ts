import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  delayMs,
  hashRecoveryCode,
  hasSecondFactor,
  methodsOf,
  needsSecondFactor,
  newFactor,
  noFailures,
  openSteps,
  readCode,
  recoveryCodeOf,
  stepAt,
  summaryOf,
  waitMs,
  whyKept,
  withFailure,
  withoutSpareCodes,
} from '../../shared/identity/factor-rules.ts';
import type { FactorDocument, StoredPasskey } from '../../shared/identity/factor-schemas.ts';
import { proofs } from '../../shared/identity/session-schemas.ts';

const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 });
const timeMs = fc.integer({ min: 0, max: 4_000_000_000_000 });

describe('recovery codes', () => {
  test('are four groups of four characters that cannot be taken for one another', () => {
    fc.assert(
      fc.property(bytes, (random) => {
        expect(recoveryCodeOf(random)).toMatch(/^([0-9a-hjkmnp-tv-z]{4}-){3}[0-9a-hjkmnp-tv-z]{4}$/);
      }),
    );
  });

  test('hold 80 of the random bits: two that differ in the low five bits of a byte are different', () => {
    fc.assert(
      fc.property(bytes, fc.nat(15), fc.integer({ min: 1, max: 31 }), (random, at, change) => {
        const other = Uint8Array.from(random);
        other[at] = (other[at] ?? 0) ^ change;
        expect(recoveryCodeOf(other)).not.toBe(recoveryCodeOf(random));
      }),
    );
  });

  test('are read however they are typed', () => {
    const typed = fc.record({
      random: bytes,
      isUpper: fc.boolean(),
      separator: fc.constantFrom('', ' ', '-', ' - ', '\t'),
      one: fc.constantFrom('1', 'l', 'I', 'i', 'L'),
      zero: fc.constantFrom('0', 'o', 'O'),
      isWide: fc.boolean(),
    });
    fc.assert(
      fc.property(typed, ({ random, isUpper, separator, one, zero, isWide }) => {
        const shown = recoveryCodeOf(random);
        const cased = isUpper ? shown.toUpperCase() : shown;
        const spelled = cased.replaceAll('1', one).replaceAll('0', zero).replaceAll('-', separator);
        // The same characters in full width, as some keyboards write them.
        const wide = spelled.replace(/[!-~]/g, (char) => String.fromCharCode(char.charCodeAt(0) + 0xfee0));
        const expected = { kind: 'recovery_code', code: shown.replaceAll('-', '') };
        expect(readCode(isWide && separator.trim() === '' ? wide : spelled)).toEqual(expected);
      }),
    );
  });

  test('hash the same with and without dashes, and differently for each account', () => {
    fc.assert(
      fc.property(bytes, (random) => {
        const code = recoveryCodeOf(random);
        expect(hashRecoveryCode(code.replaceAll('-', ''), 'a')).toBe(hashRecoveryCode(code, 'a'));
        expect(hashRecoveryCode(code, 'b')).not.toBe(hashRecoveryCode(code, 'a'));
      }),
    );
  });
});

describe('what somebody typed', () => {
  test('is a code of an app when it is six digits', () => {
    expect(readCode(' 123 456 ')).toEqual({ kind: 'totp', code: '123456' });
    expect(readCode('123-456')).toEqual({ kind: 'totp', code: '123456' });
  });

  test('is at most one kind of code, and no text at all makes it fail', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 64 }), (text) => {
        const read = readCode(text);
        if (read.kind === 'totp') expect(read.code).toMatch(/^\d{6}$/);
        if (read.kind === 'recovery_code') expect(read.code).toMatch(/^[0-9a-hjkmnp-tv-z]{16}$/);
      }),
    );
    for (const text of ['', '12345', '1234567', 'abcd-efgh-jkmn-pqr', 'abcd-efgh-jkmn-pqrst', 'uuuu-uuuu-uuuu-uuuu'])
      expect(readCode(text)).toEqual({ kind: 'neither' });
  });
});

describe('steps of one-time codes', () => {
  test('last 30 seconds', () => {
    expect([0, 29_999, 30_000, 59_999, 60_000].map(stepAt)).toEqual([0, 0, 1, 1, 2]);
  });

  test('are open for this one and its neighbours, and never up to the last that was used', () => {
    fc.assert(
      fc.property(timeMs, fc.integer({ min: -4, max: 4 }), (nowMs, ahead) => {
        const now = stepAt(nowMs);
        const last = now + ahead;
        const open = openSteps(nowMs, last);
        for (const step of open) {
          expect(Math.abs(step - now)).toBeLessThanOrEqual(1);
          expect(step).toBeGreaterThan(last);
          expect(step).toBeGreaterThanOrEqual(0);
          // Whatever is used now closes itself and all before it.
          expect(openSteps(nowMs, step)).not.toContain(step);
        }
        if (ahead < -1 && now > 0) expect(open).toEqual([now - 1, now, now + 1]);
        if (ahead >= 1) expect(open).toEqual([]);
      }),
    );
  });
});

describe('waiting after wrong answers', () => {
  test('begins with the fifth and doubles up to an hour', () => {
    const seconds = [0, 1, 4, 5, 6, 7, 11, 12, 13, 100, 10_000].map((count) => delayMs(count) / 1000);
    expect(seconds).toEqual([0, 0, 0, 30, 60, 120, 1920, 3600, 3600, 3600, 3600]);
  });

  test('ends after the delay, and is never longer, wherever the clock stands', () => {
    fc.assert(
      fc.property(fc.nat(40), timeMs, fc.integer({ min: -10_000_000, max: 10_000_000 }), (count, lastMs, laterMs) => {
        const wait = waitMs({ count, last_at_ms: lastMs }, lastMs + laterMs);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(delayMs(count));
        if (laterMs >= delayMs(count)) expect(wait).toBe(0);
        else expect(wait).toBe(Math.min(delayMs(count), delayMs(count) - laterMs));
      }),
    );
  });

  test('counts each wrong answer', () => {
    expect(withFailure(withFailure(noFailures, 5), 7)).toEqual({ count: 2, last_at_ms: 7 });
    expect(waitMs(noFailures, 0)).toBe(0);
  });
});

const passkey: StoredPasskey = {
  passkey_id: 'p',
  name: 'Key',
  credential_id: 'c',
  public_key: 'k',
  counter: 0,
  transports: [],
  is_synced: false,
  created_at: '',
  last_used_at: null,
};
const totp = { secret: 's', confirmed_at: '', last_step: 1 };
const factorOf = (has: { totp: boolean; passkeys: number }): FactorDocument => ({
  ...newFactor('a'),
  totp: has.totp ? totp : null,
  passkeys: Array.from({ length: has.passkeys }, () => passkey),
  recovery_codes: ['x'],
});
const summary = fc.record({ totp: fc.boolean(), passkeys: fc.nat(3) });

describe('second factors of an account', () => {
  test('are none at first', () => {
    expect(newFactor('ann')).toEqual({
      id: 'factor:ann',
      pk: 'accounts',
      type: 'factor',
      schema_version: 1,
      user_id: 'ann',
      totp: null,
      unconfirmed_totp: null,
      passkeys: [],
      recovery_codes: [],
      code_failures: { count: 0, last_at_ms: 0 },
      password_failures: { count: 0, last_at_ms: 0 },
    });
    for (const second_factors of [
      { totp: false, passkeys: 0 },
      { totp: true, passkeys: 0 },
      { totp: false, passkeys: 1 },
    ])
      expect(hasSecondFactor({ second_factors })).toBe(second_factors.totp || second_factors.passkeys === 1);
  });

  test('are told by its summary, which follows its factor document', () => {
    fc.assert(
      fc.property(summary, (second_factors) => {
        expect(summaryOf(factorOf(second_factors))).toEqual(second_factors);
        const methods = methodsOf({ second_factors });
        expect(methods.includes('totp')).toBe(second_factors.totp);
        expect(methods.includes('passkey')).toBe(second_factors.passkeys > 0);
        const hasOne = second_factors.totp || second_factors.passkeys > 0;
        expect(hasSecondFactor({ second_factors })).toBe(hasOne);
        expect(methods.includes('recovery_code')).toBe(hasOne);
      }),
    );
  });

  test('are asked for when there is one or the role must have one, until one was shown', () => {
    fc.assert(
      fc.property(summary, fc.boolean(), fc.subarray([...proofs]), (second_factors, isRequired, shown) => {
        const needed = needsSecondFactor(
          { second_factors, role: 'teacher' },
          shown,
          isRequired ? ['teacher'] : ['admin'],
        );
        const hasShown = shown.some((proof) => ['totp', 'recovery_code', 'passkey'].includes(proof));
        expect(needed).toBe(!hasShown && (hasSecondFactor({ second_factors }) || isRequired));
      }),
    );
  });

  test('may go when another stays, or when nothing needs one', () => {
    const account = { role: 'teacher', password_hash: 'h' as string | null, external_logins: [] };
    const none = factorOf({ totp: false, passkeys: 0 });
    expect(whyKept(account, none, [])).toBeUndefined();
    expect(whyKept(account, none, ['teacher'])).toMatch(/must have a second factor/);
    expect(whyKept(account, factorOf({ totp: true, passkeys: 0 }), ['teacher'])).toBeUndefined();
    expect(whyKept(account, factorOf({ totp: false, passkeys: 1 }), ['teacher'])).toBeUndefined();
    const bare = { ...account, password_hash: null };
    expect(whyKept(bare, none, [])).toMatch(/no way to log in/);
    expect(whyKept(bare, factorOf({ totp: false, passkeys: 1 }), [])).toBeUndefined();
    const linked = { provider: 'google' as const, subject: 's', email: null, linked_at: '' };
    expect(whyKept({ ...bare, external_logins: [linked] }, none, [])).toBeUndefined();
  });

  test('take the recovery codes with them when the last one goes', () => {
    fc.assert(
      fc.property(summary, (has) => {
        const left = withoutSpareCodes(factorOf(has)).recovery_codes;
        expect(left).toEqual(has.totp || has.passkeys > 0 ? ['x'] : []);
      }),
    );
  });
});
