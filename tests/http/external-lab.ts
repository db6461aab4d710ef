import { randomUUID } from 'node:crypto';
import type { AppOptions } from '../app.ts';
import { type Reply, startLab } from './client.ts';
import { auditEvents, type WireEvent } from './events.ts';
import type { GitHubPerson } from './github-stub.ts';
import { client, startOpenIdProvider } from './openid-provider.ts';

export interface Begun {
  auth_url: string;
  state: string;
  expires_in: number;
}

export const callbackOf = (provider: string) => `http://localhost:3000/auth/${provider}/callback`;

const minuteMs = 60_000;

/** An application with a real OpenID provider as Google and as Microsoft, beside the stub of GitHub; its clock can be moved. */
export async function startExternalLab(options: AppOptions = {}) {
  const provider = await startOpenIdProvider([callbackOf('google'), callbackOf('microsoft')]);
  let aheadMs = 0;
  const lab = await startLab({
    ...options,
    settings: {
      GOOGLE_CLIENT_ID: client.client_id,
      GOOGLE_CLIENT_SECRET: client.client_secret,
      GOOGLE_ISSUER: provider.issuer,
      MICROSOFT_CLIENT_ID: client.client_id,
      MICROSOFT_CLIENT_SECRET: client.client_secret,
      MICROSOFT_ISSUER: provider.issuer,
      ...options.settings,
    },
    overrides: { clock: { now: () => Date.now() + aheadMs }, ...options.overrides },
  });

  const { github } = lab.app;

  async function begin(name = 'google'): Promise<Begun> {
    const reply = await lab.anyone('GET', `/api/v1/auth/${name}/login`);
    if (reply.status !== 200) throw new Error(`begin: ${reply.status} ${reply.text}`);
    return reply.json<Begun & Record<string, unknown>>();
  }

  const finish = (name: string, json: Record<string, unknown>, headers: Record<string, string> = {}): Promise<Reply> =>
    lab.anyone('POST', `/api/v1/auth/${name}/callback`, { json, headers });

  /** The code that the browser comes back with when `who` logs in at the provider. */
  async function codeFor(authUrl: string, who: string): Promise<string> {
    const back = await provider.logIn(authUrl, who);
    const code = back.searchParams.get('code');
    if (code === null) throw new Error(`The provider gave no code: ${back.href}`);
    return code;
  }

  /** Somebody new whom the provider knows, with an address that it vouches for. */
  function newcomer(claims: Record<string, unknown> = {}): { who: string; email: string } {
    const who = randomUUID();
    const email = `${who}@example.org`;
    provider.knows(who, { email, email_verified: true, name: 'Ann Example', ...claims });
    return { who, email };
  }

  return {
    provider,
    github,
    lab,
    begin,
    finish,
    codeFor,
    newcomer,
    forward(minutes: number): void {
      aheadMs += minutes * minuteMs;
    },
    async signIn(name: string, who: string): Promise<Reply> {
      const { auth_url, state } = await begin(name);
      return finish(name, { code: await codeFor(auth_url, who), state });
    },
    async signInWithGitHub(person: GitHubPerson): Promise<Reply> {
      const { auth_url, state } = await begin('github');
      return finish('github', { code: github.approve(auth_url, person), state });
    },
    /** The account as it is stored. */
    async stored(userId: string): Promise<Record<string, unknown>> {
      const { resource } = await lab.container('identity').item(userId, 'accounts').read<Record<string, unknown>>();
      return resource ?? {};
    },
    /** What was done to an account itself, oldest first: what waits for the audit trail, and what has got there. */
    async eventsOf(userId: string): Promise<WireEvent[]> {
      const events = await auditEvents(lab);
      return events.filter((event) => event.action.startsWith('account.') && JSON.stringify(event).includes(userId));
    },
    async close(): Promise<void> {
      await lab.close();
      await provider.close();
    },
  };
}

export type ExternalLab = Awaited<ReturnType<typeof startExternalLab>>;
