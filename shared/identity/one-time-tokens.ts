import { createHash, createHmac } from 'node:crypto';
import { isSameText } from '../platform/same-text.ts';
import { fromIdBytes, idBytes, toIdBytes } from './id-bytes.ts';

/** What a link in an e-mail, or a code that staff hand over, is good for. */
export type TokenPurpose = 'password_reset' | 'email_verification' | 'invitation' | 'mailed_invitation';

/**
 * Tokens for links. A token is made again from what it is for, so it need not be kept to be mailed a second time after a
 * crash; only its hash is stored. It begins with the identifier of the account or invitation, so that it is found by a
 * point read.
 */
export interface OneTimeTokens {
  /** The same for the same subject and occasion; `occasion` is what tells two tokens of one subject apart. */
  make(purpose: TokenPurpose, subjectId: string, occasion: string): string;
  /** The identifier that the token begins with; undefined for what is no token of ours. Proves nothing. */
  subjectOf(token: string): string | undefined;
  hash(token: string): string;
  matches(token: string, hash: string): boolean;
}

const proofBytes = 32;
const form = /^[A-Za-z0-9_-]{64}$/;

export function createOneTimeTokens({ key }: { key: Buffer }): OneTimeTokens {
  const hash = (token: string) => createHash('sha256').update(token).digest('base64url');

  return {
    make(purpose, subjectId, occasion) {
      const proof = createHmac('sha256', key).update(`${purpose}\n${subjectId}\n${occasion}`).digest();
      return Buffer.concat([toIdBytes(subjectId), proof]).toString('base64url');
    },
    subjectOf(token) {
      if (!form.test(token)) return undefined;
      const bytes = Buffer.from(token, 'base64url');
      if (bytes.length !== idBytes + proofBytes) return undefined;
      return fromIdBytes(bytes.subarray(0, idBytes));
    },
    hash,
    matches: (token, stored) => isSameText(hash(token), stored),
  };
}
