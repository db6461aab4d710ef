import { createSecretKey } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../platform/clock.ts';
import { AppError } from '../platform/errors.ts';
import type { Ids } from '../platform/ids.ts';
import type { UserDocument } from './schemas.ts';

const issuer = 'lyceum';

/** What an access token says, and nothing that could be out of date by the time it is read. */
export interface TokenSubject {
  user_id: string;
  session_id: string;
  /** The account's `session_version` when the token was made. */
  version: number;
}

/** What of an account goes into its tokens. */
export type TokenAccount = Pick<UserDocument, 'user_id' | 'username' | 'email' | 'role' | 'session_version'>;

export interface AccessTokens {
  /** Seconds that a new token is valid. */
  readonly lifetimeS: number;
  sign(account: TokenAccount, sessionId: string): Promise<string>;
  /** Whom the token speaks for; throws `unauthenticated` for anything but a valid token of ours. */
  verify(token: string): Promise<TokenSubject>;
}

/** Access tokens: JWT, HS256 and nothing else, signed with `JWT_SECRET`. */
export function createAccessTokens(deps: {
  secret: string;
  lifetimeMinutes: number;
  clock: Clock;
  ids: Ids;
}): AccessTokens {
  const { clock, ids } = deps;
  const key = createSecretKey(deps.secret, 'utf8');
  const lifetimeS = deps.lifetimeMinutes * 60;
  // A signature does not change: a token that was right stays right until it expires.
  const verified = new LRUCache<string, TokenSubject & { expiresAtMs: number }>({ max: 10_000 });

  async function check(token: string): Promise<TokenSubject & { expiresAtMs: number }> {
    const { payload } = await jwtVerify(token, key, {
      algorithms: ['HS256'],
      issuer,
      audience: issuer,
      requiredClaims: ['sub', 'sid', 'ver', 'exp'],
      currentDate: new Date(clock.now()),
    });
    return {
      user_id: String(payload.sub),
      session_id: String(payload['sid']),
      version: Number(payload['ver']),
      expiresAtMs: Number(payload.exp) * 1000,
    };
  }

  return {
    lifetimeS,
    sign(account, sessionId) {
      const nowS = Math.floor(clock.now() / 1000);
      return new SignJWT({
        role: account.role,
        username: account.username,
        email: account.email,
        sid: sessionId,
        ver: account.session_version,
      })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .setSubject(account.user_id)
        .setIssuer(issuer)
        .setAudience(issuer)
        .setIssuedAt(nowS)
        .setExpirationTime(nowS + lifetimeS)
        .setJti(ids.next())
        .sign(key);
    },
    async verify(token) {
      const known = verified.get(token);
      if (known !== undefined && known.expiresAtMs > clock.now()) return known;
      try {
        const fresh = await check(token);
        verified.set(token, fresh);
        return fresh;
      } catch (error) {
        throw new AppError('unauthenticated', 'Could not validate credentials', { cause: error });
      }
    },
  };
}
