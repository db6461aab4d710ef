import { createHash } from 'node:crypto';
import type { FactorDocument, FactorMethod, Failures } from './factor-schemas.ts';
import type { UserDocument } from './schemas.ts';
import { type Proof, proofs } from './session-schemas.ts';

const stepMs = 30_000;

/** The step of one-time codes that a time lies in. */
export function stepAt(nowMs: number): number {
  return Math.floor(nowMs / stepMs);
}

/**
 * The steps whose code is taken now: this one and its neighbours, for clocks that differ, without those up to the last one
 * that was used. So a code is good once, and an older one is not good after a newer one.
 */
export function openSteps(nowMs: number, lastStep: number): number[] {
  const now = stepAt(nowMs);
  return [now - 1, now, now + 1].filter((step) => step >= 0 && step > lastStep);
}

/** Letters and digits that cannot be taken for one another: no i, l, o and u. */
const recoveryAlphabet = '0123456789abcdefghjkmnpqrstvwxyz';
const recoveryChars = 16;

/** A recovery code of 80 random bits, as it is shown: four groups of four. */
export function recoveryCodeOf(bytes: Uint8Array): string {
  // 32 characters, so that the low five bits of a byte choose one without preference.
  const chars = [...bytes.subarray(0, recoveryChars)].map((byte) => recoveryAlphabet[byte % 32] ?? '');
  return chars.join('').replace(/(.{4})(?=.)/g, '$1-');
}

/** How many random bytes `recoveryCodeOf` reads. */
export const recoveryCodeBytes = recoveryChars;

export type GivenCode = { kind: 'totp' | 'recovery_code'; code: string } | { kind: 'neither' };

/** What somebody typed: spaces, dashes and capitals do not matter, and letters that look like digits are read as these. */
export function readCode(given: string): GivenCode {
  const plain = given.normalize('NFKC').replace(/[\s-]/g, '').toLowerCase();
  if (/^\d{6}$/.test(plain)) return { kind: 'totp', code: plain };
  const code = plain.replace(/[il]/g, '1').replace(/o/g, '0');
  return /^[0-9a-hjkmnp-tv-z]{16}$/.test(code) ? { kind: 'recovery_code', code } : { kind: 'neither' };
}

/** What is stored of a recovery code. It has too many random bits to be guessed, so a fast hash is enough. */
export function hashRecoveryCode(code: string, userId: string): string {
  return createHash('sha256')
    .update(`${userId}:${code.replaceAll('-', '')}`)
    .digest('base64url');
}

const freeFailures = 5;
const firstDelayMs = 30_000;
const longestDelayMs = 3_600_000;

/** How long nobody may try after so many wrong answers in a row: nothing at first, then twice as long each time, at most an hour. */
export function delayMs(count: number): number {
  return count < freeFailures ? 0 : Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(count - freeFailures, 30));
}

export const noFailures: Failures = { count: 0, last_at_ms: 0 };

/** How long to wait before the next try counts. A clock that jumped back makes nobody wait longer than the delay itself. */
export function waitMs(failures: Failures, nowMs: number): number {
  const delay = delayMs(failures.count);
  return Math.min(delay, Math.max(0, failures.last_at_ms + delay - nowMs));
}

export function withFailure(failures: Failures, nowMs: number): Failures {
  return { count: failures.count + 1, last_at_ms: nowMs };
}

export function newFactor(userId: string): FactorDocument {
  return {
    id: `factor:${userId}`,
    pk: 'accounts',
    type: 'factor',
    schema_version: 1,
    user_id: userId,
    totp: null,
    unconfirmed_totp: null,
    passkeys: [],
    recovery_codes: [],
    code_failures: noFailures,
    password_failures: noFailures,
  };
}

type Summary = Pick<UserDocument, 'second_factors'>;

export function hasSecondFactor({ second_factors }: Summary): boolean {
  return second_factors.totp || second_factors.passkeys > 0;
}

/** In which ways the account can show a second factor. */
export function methodsOf(account: Summary): FactorMethod[] {
  const { totp, passkeys } = account.second_factors;
  return [
    ...(totp ? (['totp'] as const) : []),
    ...(hasSecondFactor(account) ? (['recovery_code'] as const) : []),
    ...(passkeys > 0 ? (['passkey'] as const) : []),
  ];
}

const secondProofs: readonly Proof[] = proofs.filter((proof) => ['totp', 'recovery_code', 'passkey'].includes(proof));

/** Whether somebody who has shown `shown` must show more: a second factor is set up, or the role must have one. */
export function needsSecondFactor(
  account: Summary & Pick<UserDocument, 'role'>,
  shown: readonly Proof[],
  requiredRoles: readonly string[],
): boolean {
  if (shown.some((proof) => secondProofs.includes(proof))) return false;
  return hasSecondFactor(account) || requiredRoles.includes(account.role);
}

/** Why what is left after a removal would not do; undefined when it does. */
export function whyKept(
  account: Pick<UserDocument, 'role' | 'password_hash' | 'external_logins'>,
  left: FactorDocument,
  requiredRoles: readonly string[],
): string | undefined {
  if (left.totp !== null || left.passkeys.length > 0) return undefined;
  if (requiredRoles.includes(account.role)) return 'Your role must have a second factor: set up another one first';
  if (account.password_hash === null && account.external_logins.length === 0)
    return 'Without it there would be no way to log in: set a password first';
  return undefined;
}

/** The account's own summary of what its factor document holds. */
export function summaryOf(factor: FactorDocument): UserDocument['second_factors'] {
  return { totp: factor.totp !== null, passkeys: factor.passkeys.length };
}

/** Recovery codes stand in for a second factor; when there is none left, they would be one by themselves. */
export function withoutSpareCodes(factor: FactorDocument): FactorDocument {
  return factor.totp === null && factor.passkeys.length === 0 ? { ...factor, recovery_codes: [] } : factor;
}
