import { createHash, createHmac } from 'node:crypto';
import type { Caller } from '../platform/define-endpoint.ts';
import { isSameText } from '../platform/same-text.ts';
import { fromIdBytes, idBytes, toIdBytes } from './id-bytes.ts';
import type { RefreshState, SessionDocument } from './session-schemas.ts';

/** What a refresh token holds: where its session lies, and two secrets of which only hashes are stored. */
export interface RefreshToken {
  user_id: string;
  session_id: string;
  /** The same in all refresh tokens of one log-in: who shows it had one of them. */
  family: Buffer;
  /** Good once. */
  secret: Buffer;
}

const prefix = 'lyr_';
export const secretBytes = 32;
const tokenBytes = 2 * idBytes + 2 * secretBytes;

/** A secret scanner knows them by the prefix, and so does the log. */
export function formatRefreshToken({ user_id, session_id, family, secret }: RefreshToken): string {
  const ids = [user_id, session_id].map(toIdBytes);
  return prefix + Buffer.concat([...ids, family, secret]).toString('base64url');
}

/** Undefined for anything that was never a refresh token, such as an access token. */
export function parseRefreshToken(text: string): RefreshToken | undefined {
  const bytes = Buffer.from(text.slice(prefix.length), 'base64url');
  if (!text.startsWith(prefix) || bytes.length !== tokenBytes) return undefined;
  const secretsAt = 2 * idBytes;
  const token = {
    user_id: fromIdBytes(bytes.subarray(0, idBytes)),
    session_id: fromIdBytes(bytes.subarray(idBytes, secretsAt)),
    family: bytes.subarray(secretsAt, secretsAt + secretBytes),
    secret: bytes.subarray(secretsAt + secretBytes),
  };
  // One spelling only: base64 reads what it would not write.
  return formatRefreshToken(token) === text ? token : undefined;
}

/** 256 random bits need no slow hash. */
export function hashOf(secret: Buffer): string {
  return createHash('sha256').update(secret).digest('base64url');
}

function isHashOf(hash: string, secret: Buffer): boolean {
  return isSameText(hash, hashOf(secret));
}

/**
 * The secret that follows on `secret`. It takes the old secret, which only the client has, and the salt, which only the
 * database has; so a client that comes twice with the same old one gets the same answer, though no secret is stored.
 */
export function successorOf(secret: Buffer, salt: string): Buffer {
  return createHmac('sha256', secret).update(salt).digest();
}

/** Whether the token is, or was, one of this session: only that makes what it says worth acting upon. */
export function isOfFamily(refresh: RefreshState, token: RefreshToken): boolean {
  return isHashOf(refresh.family_hash, token.family);
}

export interface RefreshPolicy {
  idleMs: number;
  /** For how long the token before the current one is taken for a benign repeat. */
  repeatMs: number;
}

/** After this nothing can be had with the session any more. */
export function isExpired(session: SessionDocument, nowMs: number, policy: Pick<RefreshPolicy, 'idleMs'>): boolean {
  return nowMs >= Date.parse(session.expires_at) || nowMs >= Date.parse(session.last_used_at) + policy.idleMs;
}

export type RefreshDecision =
  /** It is the current one: it is used up now. */
  | { kind: 'rotate' }
  /** It was the current one a moment ago, and the same client asks again: it gets the same successor. */
  | { kind: 'repeat'; successor: Buffer }
  /** Somebody else has used it, or uses it: nobody can tell who is the thief. */
  | { kind: 'reused' }
  /** The session is over, or the token was never one of it. */
  | { kind: 'refused' };

/** What a refresh token is good for; whether the account still has the session is not known here. */
export function decideRefresh(
  session: SessionDocument,
  token: RefreshToken,
  caller: Pick<Caller, 'address' | 'user_agent'>,
  nowMs: number,
  policy: RefreshPolicy,
): RefreshDecision {
  const { current_hash, previous } = session.refresh;
  if (!isOfFamily(session.refresh, token)) return { kind: 'refused' };
  if (session.ended_at !== null || isExpired(session, nowMs, policy)) return { kind: 'refused' };
  if (isHashOf(current_hash, token.secret)) return { kind: 'rotate' };
  const isBenign =
    previous !== null &&
    isHashOf(previous.hash, token.secret) &&
    Math.abs(nowMs - Date.parse(previous.used_at)) <= policy.repeatMs &&
    previous.address === caller.address &&
    previous.user_agent === caller.user_agent;
  return isBenign ? { kind: 'repeat', successor: successorOf(token.secret, previous.salt) } : { kind: 'reused' };
}

/** The session after its current refresh token was used: the next one is current, and the old one is remembered. */
export function rotated(
  session: SessionDocument,
  token: RefreshToken,
  by: { caller: Pick<Caller, 'address' | 'user_agent'>; salt: string; at: string; version: number },
): { session: SessionDocument; successor: Buffer } {
  const successor = successorOf(token.secret, by.salt);
  const { address, user_agent } = by.caller;
  const refresh: RefreshState = {
    ...session.refresh,
    current_hash: hashOf(successor),
    previous: { hash: session.refresh.current_hash, salt: by.salt, used_at: by.at, address, user_agent },
  };
  return {
    successor,
    session: { ...session, refresh, version: by.version, last_used_at: by.at, address, user_agent },
  };
}
