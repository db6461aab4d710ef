import { decodeProtectedHeader, exportJWK, jwtVerify, SignJWT } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../platform/clock.ts';
import { AppError } from '../platform/errors.ts';
import type { Ids } from '../platform/ids.ts';
import type { SigningKey } from '../platform/signing-keys.ts';
import type { UserDocument } from './schemas.ts';
import { PublicKey } from './session-schemas.ts';

const issuer = 'lyceum';
/** Says what the token is for, so that no other token that we may ever sign passes for one. */
const tokenType = 'at+jwt';

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
  /** Seconds that a new token is valid at most. */
  readonly lifetimeS: number;
  /** A token for `lifetimeS`, or for less. */
  sign(account: TokenAccount, sessionId: string, lifetimeS?: number): Promise<string>;
  /** Whom the token speaks for; throws `unauthenticated` for anything but a valid token of ours. */
  verify(token: string): Promise<TokenSubject>;
  /** What others need to check our tokens: the public halves of the asymmetric keys. */
  publicKeys(): Promise<PublicKey[]>;
}

/** Headers that would let a token say where its key is. */
const keyCarriers = ['jku', 'jwk', 'x5u', 'x5c', 'x5t', 'x5t#S256', 'crit'];

/**
 * Access tokens: JWT, signed with the first key. A token names its key by `kid`, which is looked up among ours and nowhere
 * else, and each key has one algorithm: what the token says of it only has to agree.
 */
export function createAccessTokens(deps: {
  /** The first one signs, all of them verify; none of two has the same `kid`. Without any, no token is made and none is good. */
  keys: readonly SigningKey[];
  lifetimeMinutes: number;
  clock: Clock;
  ids: Ids;
}): AccessTokens {
  const { keys, clock, ids } = deps;
  const lifetimeS = deps.lifetimeMinutes * 60;
  const [signer] = keys;
  const byKid = new Map(keys.map((key) => [key.kid, key]));
  // A signature does not change: a token that was right stays right until it expires.
  const verified = new LRUCache<string, TokenSubject & { expiresAtMs: number }>({ max: 10_000 });

  function keyFor(token: string): SigningKey {
    const said = decodeProtectedHeader(token);
    const key = byKid.get(said.kid);
    if (key === undefined || said.alg !== key.algorithm) throw new Error('The token names none of our keys.');
    if (keyCarriers.some((name) => name in said)) throw new Error('The token brings its own key.');
    return key;
  }

  async function check(token: string): Promise<TokenSubject & { expiresAtMs: number }> {
    const key = keyFor(token);
    const { payload } = await jwtVerify(token, key.verifying, {
      algorithms: [key.algorithm],
      typ: tokenType,
      issuer,
      audience: issuer,
      requiredClaims: ['sub', 'sid', 'ver', 'exp', 'iat'],
      currentDate: new Date(clock.now()),
    });
    // A shorter lifetime in the settings holds for the tokens that exist, too: accounts remember ended sessions no longer.
    const expiresAtMs = Math.min(Number(payload.exp), Number(payload.iat) + lifetimeS) * 1000;
    if (clock.now() >= expiresAtMs) throw new Error('The token is older than tokens may be.');
    return {
      user_id: String(payload.sub),
      session_id: String(payload['sid']),
      version: Number(payload['ver']),
      expiresAtMs,
    };
  }

  return {
    lifetimeS,
    async sign(account, sessionId, forS = lifetimeS) {
      if (signer === undefined) throw new Error('This app has no key to sign access tokens with.');
      const { algorithm: alg, kid } = signer;
      const nowS = Math.floor(clock.now() / 1000);
      return new SignJWT({
        role: account.role,
        username: account.username,
        email: account.email,
        sid: sessionId,
        ver: account.session_version,
      })
        .setProtectedHeader({ alg, typ: tokenType, ...(kid === undefined ? {} : { kid }) })
        .setSubject(account.user_id)
        .setIssuer(issuer)
        .setAudience(issuer)
        .setIssuedAt(nowS)
        .setExpirationTime(nowS + Math.min(forS, lifetimeS))
        .setJti(ids.next())
        .sign(signer.signing);
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
    publicKeys() {
      const shared = keys.filter(({ algorithm }) => algorithm !== 'HS256');
      return Promise.all(
        shared.map(async ({ kid, algorithm: alg, verifying }) =>
          PublicKey.parse({ ...(await exportJWK(verifying)), kid, use: 'sig', alg }),
        ),
      );
    },
  };
}
