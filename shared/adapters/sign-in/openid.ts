import type { Configuration, CustomFetch } from 'openid-client';
import type { Clock } from '../../platform/clock.ts';
import { identityOf, type Vouching } from './claims.ts';
import { refused, toSignInError, unavailable } from './errors.ts';
import type { SignInProviderClient } from './types.ts';

export interface OpenIdOptions {
  issuer: string;
  clientId: string;
  clientSecret: string;
  vouches: Vouching;
  /** Only for a provider on this machine. */
  allowsHttp: boolean;
  clock: Clock;
  timeoutS?: number;
  fetch?: CustomFetch;
}

const keptMs = 60 * 60_000;
const usualTimeoutS = 10;

/** A provider that speaks OpenID Connect. What it says of itself is read at the first sign-in and once an hour. */
export function createOpenIdProvider(options: OpenIdOptions): SignInProviderClient {
  const { issuer, clientId, clientSecret, vouches, allowsHttp, clock, timeoutS = usualTimeoutS } = options;
  let known: { config: Configuration; atMs: number } | undefined;
  let asking: Promise<Configuration> | undefined;

  async function discover(): Promise<Configuration> {
    const { allowInsecureRequests, customFetch, discovery, enableNonRepudiationChecks } = await import('openid-client');
    return discovery(new URL(issuer), clientId, clientSecret, undefined, {
      timeout: timeoutS,
      // The token comes straight from the provider; its signature is checked all the same.
      execute: [enableNonRepudiationChecks, ...(allowsHttp ? [allowInsecureRequests] : [])],
      ...(options.fetch === undefined ? {} : { [customFetch]: options.fetch }),
    });
  }

  async function configuration(): Promise<Configuration> {
    if (known !== undefined && Math.abs(clock.now() - known.atMs) < keptMs) return known.config;
    asking ??= discover()
      .then((config) => {
        known = { config, atMs: clock.now() };
        return config;
      })
      .finally(() => {
        asking = undefined;
      });
    try {
      return await asking;
    } catch (error) {
      // What it said an hour ago is better than nobody getting in.
      if (known !== undefined) return known.config;
      const { cause } = toSignInError(error);
      throw unavailable(`discovery, ${cause instanceof Error ? cause.message : 'unknown'}`);
    }
  }

  return {
    async authorizationUrl({ state, nonce, code_verifier, redirect_uri }) {
      const config = await configuration();
      const { buildAuthorizationUrl, calculatePKCECodeChallenge } = await import('openid-client');
      return buildAuthorizationUrl(config, {
        redirect_uri,
        scope: 'openid profile email',
        state,
        nonce,
        code_challenge: await calculatePKCECodeChallenge(code_verifier),
        code_challenge_method: 'S256',
      }).href;
    },

    async identify({ state, nonce, code_verifier, redirect_uri }, code, iss) {
      const config = await configuration();
      const { authorizationCodeGrant } = await import('openid-client');
      const url = new URL(redirect_uri);
      url.searchParams.set('code', code);
      url.searchParams.set('state', state);
      // Which provider the answer is from is known without `iss`: a sign-in belongs to one, and so does its redirect address.
      url.searchParams.set('iss', iss ?? config.serverMetadata().issuer);
      try {
        const tokens = await authorizationCodeGrant(config, url, {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: code_verifier,
          idTokenExpected: true,
        });
        const claims = tokens.claims();
        if (claims === undefined) throw refused('no ID token');
        return identityOf(claims, vouches);
      } catch (error) {
        throw toSignInError(error);
      }
    },
  };
}
