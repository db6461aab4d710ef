import { randomBytes } from 'node:crypto';
import { hashRecoveryCode, recoveryCodeBytes, recoveryCodeOf } from './factor-rules.ts';

const codesPerSet = 10;

/** A new set of recovery codes, and what is stored of it. */
export function newRecoveryCodes(userId: string): { shown: string[]; hashes: string[] } {
  const shown = Array.from({ length: codesPerSet }, () => recoveryCodeOf(randomBytes(recoveryCodeBytes)));
  return { shown, hashes: shown.map((code) => hashRecoveryCode(code, userId)) };
}
