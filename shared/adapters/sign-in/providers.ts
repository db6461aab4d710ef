import type { Clock } from '../../platform/clock.ts';
import { isOnThisMachine, type SignInSettings } from '../../platform/sign-in-settings.ts';
import { vouchingOf } from './claims.ts';
import { createGitHubProvider } from './github.ts';
import { createOpenIdProvider } from './openid.ts';
import type { SignInProviderClient } from './types.ts';

/** The providers that the settings name; nothing is asked of them yet. */
export function createSignInProviders(
  settings: SignInSettings,
  clock: Clock,
): ReadonlyMap<string, SignInProviderClient> {
  const providers = new Map<string, SignInProviderClient>();
  // The settings were checked: without TLS only on a laptop, and only to the laptop itself.
  const addOpenId = (name: string, issuer: string, clientId: string | undefined, clientSecret: string | undefined) => {
    if (clientId === undefined || clientSecret === undefined) return;
    const [vouches, allowsHttp] = [vouchingOf(issuer), isOnThisMachine(issuer)];
    providers.set(name, createOpenIdProvider({ issuer, clientId, clientSecret, vouches, allowsHttp, clock }));
  };
  const entra = `https://login.microsoftonline.com/${settings.MICROSOFT_TENANT}/v2.0`;
  addOpenId(
    'microsoft',
    settings.MICROSOFT_ISSUER ?? entra,
    settings.MICROSOFT_CLIENT_ID,
    settings.MICROSOFT_CLIENT_SECRET,
  );
  const google = 'https://accounts.google.com';
  addOpenId('google', settings.GOOGLE_ISSUER ?? google, settings.GOOGLE_CLIENT_ID, settings.GOOGLE_CLIENT_SECRET);
  const { GITHUB_CLIENT_ID: clientId, GITHUB_CLIENT_SECRET: clientSecret } = settings;
  if (clientId !== undefined && clientSecret !== undefined) {
    const { GITHUB_URL: url, GITHUB_API_URL: apiUrl } = settings;
    const allowsHttp = isOnThisMachine(url) && isOnThisMachine(apiUrl);
    providers.set('github', createGitHubProvider({ url, apiUrl, clientId, clientSecret, allowsHttp }));
  }
  return providers;
}
