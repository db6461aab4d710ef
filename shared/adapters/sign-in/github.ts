import type { Configuration } from 'openid-client';
import { z } from 'zod';
import { toSignInError, unavailable } from './errors.ts';
import type { SignInProviderClient } from './types.ts';

export interface GitHubOptions {
  /** `https://github.com`, or an enterprise server. */
  url: string;
  /** `https://api.github.com`, or that of the enterprise server. */
  apiUrl: string;
  clientId: string;
  clientSecret: string;
  /** Only for a server on this machine. */
  allowsHttp: boolean;
  timeoutS?: number;
}

const Person = z.object({ id: z.int(), login: z.string(), name: z.string().nullish() });
const Addresses = z.array(z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }));

const withoutEnd = (url: string) => url.replace(/\/+$/, '');
const usualTimeoutS = 10;

/** GitHub speaks OAuth alone: there is no ID token, so who somebody is, is asked with the access token, which is then forgotten. */
export function createGitHubProvider(options: GitHubOptions): SignInProviderClient {
  const [url, apiUrl] = [withoutEnd(options.url), withoutEnd(options.apiUrl)];
  let made: Promise<Configuration> | undefined;

  async function configuration(): Promise<Configuration> {
    const { allowInsecureRequests, Configuration: Class } = await import('openid-client');
    const server = {
      issuer: url,
      authorization_endpoint: `${url}/login/oauth/authorize`,
      token_endpoint: `${url}/login/oauth/access_token`,
    };
    const config = new Class(server, options.clientId, options.clientSecret);
    config.timeout = options.timeoutS ?? usualTimeoutS;
    if (options.allowsHttp) allowInsecureRequests(config);
    return config;
  }

  async function ask<T extends z.ZodType>(config: Configuration, token: string, path: string, schema: T) {
    const { fetchProtectedResource } = await import('openid-client');
    const headers = new Headers({
      accept: 'application/vnd.github+json',
      'user-agent': 'lyceum',
      'x-github-api-version': '2022-11-28',
    });
    const response = await fetchProtectedResource(config, token, new URL(apiUrl + path), 'GET', undefined, headers);
    if (response.status !== 200) throw unavailable(`status ${response.status}`, response.headers.get('retry-after'));
    const parsed = schema.safeParse(await response.json());
    if (!parsed.success) throw unavailable('an answer of another form');
    return parsed.data;
  }

  return {
    async authorizationUrl({ state, code_verifier, redirect_uri }) {
      made ??= configuration();
      const config = await made;
      const { buildAuthorizationUrl, calculatePKCECodeChallenge } = await import('openid-client');
      return buildAuthorizationUrl(config, {
        redirect_uri,
        scope: 'read:user user:email',
        state,
        code_challenge: await calculatePKCECodeChallenge(code_verifier),
        code_challenge_method: 'S256',
      }).href;
    },

    async identify({ state, code_verifier, redirect_uri }, code) {
      made ??= configuration();
      const config = await made;
      const { authorizationCodeGrant } = await import('openid-client');
      const arrived = new URL(redirect_uri);
      arrived.searchParams.set('code', code);
      arrived.searchParams.set('state', state);
      try {
        const checks = { expectedState: state, pkceCodeVerifier: code_verifier };
        const { access_token: token } = await authorizationCodeGrant(config, arrived, checks);
        const [person, addresses] = await Promise.all([
          ask(config, token, '/user', Person),
          ask(config, token, '/user/emails', Addresses),
        ]);
        const primary = addresses.find((address) => address.primary && address.verified);
        return {
          subject: String(person.id),
          email: primary?.email.toLowerCase() ?? null,
          is_email_verified: primary !== undefined,
          name: person.name || null,
          username: person.login,
        };
      } catch (error) {
        throw toSignInError(error);
      }
    },
  };
}
