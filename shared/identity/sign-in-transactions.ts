import { createHash, randomBytes } from 'node:crypto';
import type { ExternalIdentity, SignInProviderClient, SignInSecrets } from '../adapters/sign-in/types.ts';
import type { Clock } from '../platform/clock.ts';
import { AppError } from '../platform/errors.ts';
import { isSignInProvider } from './external-rules.ts';
import type { SignInCallback, SignInStart, SignInTransaction } from './external-schemas.ts';
import type { SignInProvider } from './schemas.ts';
import type { ShortLived } from './short-lived-repository.ts';

const lifetimeS = 600;

/** The way to a provider and back, for signing in and for linking. */
export interface SignInRoundTrip {
  /** Throws `not_found`, `provider_unavailable`. `userId`: whose account is to be linked. */
  begin(provider: string, userId: string | null): Promise<SignInStart>;
  /**
   * Who came back. Throws `not_found` (no such provider, or begun by somebody else), `sign_in_refused`,
   * `provider_unavailable`.
   */
  end(
    provider: string,
    callback: SignInCallback,
    userId: string | null,
  ): Promise<{ provider: SignInProvider; identity: ExternalIdentity }>;
}

const secret = () => randomBytes(32).toString('base64url');
const hashOf = (text: string) => createHash('sha256').update(text).digest('base64url');
const refused = (detail: string) => new AppError('sign_in_refused', detail);
const begunElsewhere = 'The sign-in was not begun in this browser, or too long ago, or is used up; begin it again.';

/**
 * What keeps a sign-in in the browser that began it: a secret that the answer gives to the page and that never stands in an
 * address. The `state` that travels is its hash, and the name of the stored transaction, which holds the verifier (PKCE) and
 * the nonce. Whoever plants the code of a sign-in of their own into somebody's browser lacks the secret there, and the code is
 * good with no other.
 */
export function createSignInRoundTrip(deps: {
  providers: ReadonlyMap<string, SignInProviderClient>;
  transactions: ShortLived<SignInTransaction>;
  redirectUriOf: (provider: string) => string;
  clock: Clock;
}): SignInRoundTrip {
  const { providers, transactions, redirectUriOf, clock } = deps;

  function clientOf(name: string): { provider: SignInProvider; client: SignInProviderClient } {
    if (!isSignInProvider(name)) throw new AppError('not_found', 'There is no such sign-in provider');
    const client = providers.get(name);
    if (client === undefined) {
      throw new AppError('provider_unavailable', `Sign-in with ${name} is not set up here`, { retryAfterS: 3600 });
    }
    return { provider: name, client };
  }

  function secretsOf(transaction: SignInTransaction, state: string): SignInSecrets {
    const { nonce, code_verifier, redirect_uri } = transaction;
    return { state, nonce, code_verifier, redirect_uri };
  }

  /** The transaction that the browser's secret belongs to, used up by this call. */
  async function take(provider: SignInProvider, key: string, userId: string | null): Promise<SignInTransaction> {
    const transaction = await transactions.find(`sign-in:${hashOf(key)}`);
    if (transaction === undefined || transaction.provider !== provider || transaction.expires_at_ms <= clock.now()) {
      throw refused(begunElsewhere);
    }
    // Signing in and linking are not exchanged for each other, nor the accounts of two people.
    if (transaction.user_id !== userId) {
      throw userId === null ? refused(begunElsewhere) : new AppError('not_found', 'You have begun no such sign-in');
    }
    if (!(await transactions.use(transaction.id))) throw refused(begunElsewhere);
    return transaction;
  }

  return {
    async begin(name, userId) {
      const { provider, client } = clientOf(name);
      const key = secret();
      const state = hashOf(key);
      const id = `sign-in:${state}`;
      const transaction: SignInTransaction = {
        id,
        pk: id,
        type: 'sign_in',
        schema_version: 1,
        provider,
        user_id: userId,
        nonce: secret(),
        code_verifier: secret(),
        redirect_uri: redirectUriOf(provider),
        expires_at_ms: clock.now() + lifetimeS * 1000,
        ttl: lifetimeS,
      };
      const authUrl = await client.authorizationUrl(secretsOf(transaction, state));
      await transactions.create(transaction);
      return { auth_url: authUrl, state: key, expires_in: lifetimeS };
    },

    async end(name, callback, userId) {
      const { provider, client } = clientOf(name);
      const { code, error, state: key, iss, redirect_uri: redirectUri } = callback;
      if (callback.provider !== undefined && callback.provider !== provider) {
        throw refused('The provider in the body is not that of the path.');
      }
      if (key === undefined || key === '') throw refused(begunElsewhere);
      const transaction = await take(provider, key, userId);
      if (error !== undefined) throw refused('The sign-in was cancelled.');
      if (redirectUri !== undefined && redirectUri !== transaction.redirect_uri) {
        throw refused('The provider sent the browser to another address than this sign-in asked for.');
      }
      if (code === undefined) throw refused('There is no code.');
      const identity = await client.identify(secretsOf(transaction, hashOf(key)), code, iss);
      return { provider, identity };
    },
  };
}
