import { createSecretKey } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../platform/clock.ts';
import { AppError } from '../platform/errors.ts';
import type { Ids } from '../platform/ids.ts';

const issuer = 'lyceum';

export interface AccessTokens {
  /** Seconds that a new token is valid. */
  readonly lifetimeS: number;
  sign(claims: { user_id: string; username: string; role: string }): Promise<string>;
  /** The user id that the token speaks for; throws `unauthenticated` for anything but a valid token of ours. */
  verify(token: string): Promise<string>;
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
  const verified = new LRUCache<string, { userId: string; expiresAtMs: number }>({ max: 10_000 });

  async function check(token: string): Promise<{ userId: string; expiresAtMs: number }> {
    const { payload } = await jwtVerify(token, key, {
      algorithms: ['HS256'],
      issuer,
      audience: issuer,
      requiredClaims: ['sub', 'exp'],
      currentDate: new Date(clock.now()),
    });
    return { userId: String(payload.sub), expiresAtMs: Number(payload.exp) * 1000 };
  }

  return {
    lifetimeS,
    sign(claims) {
      const nowS = Math.floor(clock.now() / 1000);
      return new SignJWT({ role: claims.role, username: claims.username })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .setSubject(claims.user_id)
        .setIssuer(issuer)
        .setAudience(issuer)
        .setIssuedAt(nowS)
        .setExpirationTime(nowS + lifetimeS)
        .setJti(ids.next())
        .sign(key);
    },
    async verify(token) {
      const known = verified.get(token);
      if (known !== undefined && known.expiresAtMs > clock.now()) return known.userId;
      try {
        const fresh = await check(token);
        verified.set(token, fresh);
        return fresh.userId;
      } catch (error) {
        throw new AppError('unauthenticated', 'Could not validate credentials', { cause: error });
      }
    },
  };
}
