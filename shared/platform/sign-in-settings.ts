/** The settings that this is about; those of `config.ts`, which reads them. */
export interface SignInSettings {
  LYCEUM_ENVIRONMENT: 'local' | 'production';
  APP_URL: string;
  SIGN_IN_REDIRECT_URL?: string | undefined;
  MICROSOFT_CLIENT_ID?: string | undefined;
  MICROSOFT_CLIENT_SECRET?: string | undefined;
  MICROSOFT_ISSUER?: string | undefined;
  MICROSOFT_TENANT: string;
  GOOGLE_CLIENT_ID?: string | undefined;
  GOOGLE_CLIENT_SECRET?: string | undefined;
  GOOGLE_ISSUER?: string | undefined;
  GITHUB_CLIENT_ID?: string | undefined;
  GITHUB_CLIENT_SECRET?: string | undefined;
  GITHUB_URL: string;
  GITHUB_API_URL: string;
}

/** Whether an address leads to this machine, where TLS is not needed. */
export function isOnThisMachine(address: string): boolean {
  const { protocol, hostname } = new URL(address);
  return protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
}

const addresses = ['MICROSOFT_ISSUER', 'GOOGLE_ISSUER', 'GITHUB_URL', 'GITHUB_API_URL'] as const;
const providers = ['MICROSOFT', 'GOOGLE', 'GITHUB'] as const;

/** What is wrong with the settings for sign-in with providers. */
export function signInProblems(config: SignInSettings): string[] {
  const problems: string[] = [];
  for (const name of addresses) {
    const address = config[name];
    if (address === undefined || address.startsWith('https://')) continue;
    if (config.LYCEUM_ENVIRONMENT !== 'local' || !isOnThisMachine(address))
      problems.push(`${name}: must begin with https://`);
  }
  for (const name of providers) {
    const [id, secret] = [config[`${name}_CLIENT_ID`], config[`${name}_CLIENT_SECRET`]];
    if ((id === undefined) !== (secret === undefined))
      problems.push(`${name}_CLIENT_ID and ${name}_CLIENT_SECRET: are needed together`);
  }
  // What providers add is taken off again before the code is exchanged, and all else of a query with it.
  if (config.SIGN_IN_REDIRECT_URL !== undefined && /[?#]/.test(config.SIGN_IN_REDIRECT_URL))
    problems.push('SIGN_IN_REDIRECT_URL: must have neither ? nor #');
  return problems;
}

/** Where a provider sends people back to. */
export function redirectUriOf(config: SignInSettings, provider: string): string {
  const template = config.SIGN_IN_REDIRECT_URL ?? `${config.APP_URL.replace(/\/+$/, '')}/auth/{provider}/callback`;
  return new URL(template.replaceAll('{provider}', provider)).href;
}
