import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

/** Somebody whom the provider knows; the key is what they log in with. */
export type OpenIdPerson = Record<string, unknown>;

export const client = { client_id: 'lyceum', client_secret: 'a secret of the provider and Lyceum' };
export const otherClient = { client_id: 'another-app', client_secret: 'a secret of another application' };

/** Changes what the token endpoint answers, as only a provider that is not to be trusted would. */
export type Tampering = (answer: Record<string, unknown>) => Record<string, unknown> | Promise<Record<string, unknown>>;

export type Outage = { status: number; headers?: Record<string, string>; body?: string } | 'hang';

interface Visit {
  url: URL;
  form?: URLSearchParams;
}

/** Somebody who reads the provider's pages: keeps cookies, follows redirects, fills in forms. */
class Browser {
  readonly #cookies = new Map<string, string>();
  readonly #issuer: string;
  readonly #who: string;

  constructor(issuer: string, who: string) {
    this.#issuer = issuer;
    this.#who = who;
  }

  /** Where the answer leads to. */
  async visit({ url, form }: Visit): Promise<Visit> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const method = form === undefined ? 'GET' : 'POST';
    const response = await fetch(url, { method, body: form ?? null, redirect: 'manual', headers: { cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      this.#cookies.set(name, value);
    }
    const location = response.headers.get('location');
    if (location !== null) return { url: new URL(location, url) };
    const page = await response.text();
    const action = /<form[^>]*action="([^"]+)"/.exec(page)?.[1];
    if (action === undefined) throw new Error(`The provider answered ${response.status}: ${page.slice(0, 300)}`);
    const prompt = page.includes('value="login"') ? 'login' : 'consent';
    const filled = new URLSearchParams({ prompt, login: this.#who, password: 'any' });
    return { url: new URL(action, this.#issuer), form: filled };
  }
}

/**
 * A real OpenID provider on a local port, with its own pages for logging in and consenting; people go through these like
 * people do. What it answers can be broken on the way out.
 */
export async function startOpenIdProvider(redirectUris: readonly string[]) {
  const people = new Map<string, OpenIdPerson>();
  let tampering: Tampering | undefined;
  let outage: { path: RegExp; what: Outage } | undefined;
  const requests: string[] = [];

  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A server that listens on a port has an address of this form.
  const { port } = server.address() as AddressInfo;
  const issuer = `http://127.0.0.1:${port}`;
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'first' };
  const provider = new Provider(issuer, {
    clients: [client, otherClient].map((one) => ({
      ...one,
      redirect_uris: [...redirectUris],
      grant_types: ['authorization_code'],
      response_types: ['code' as const],
      token_endpoint_auth_method: 'client_secret_post' as const,
    })),
    jwks: { keys: [jwk] },
    cookies: { keys: ['only for tests'] },
    // As Google and Entra do: what the scopes name stands in the ID token.
    conformIdTokenClaims: false,
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name', 'preferred_username'],
    },
    pkce: { required: () => true },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...people.get(id) }) }),
    features: { devInteractions: { enabled: true } },
    ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 600, IdToken: 600, AuthorizationCode: 60 },
  });
  const handle = provider.callback();

  function tamperWith(res: ServerResponse, change: Tampering): void {
    const end = res.end.bind(res);
    const rewritten = async (chunk: unknown) => {
      const text = JSON.stringify(await change(JSON.parse(String(chunk)) as Record<string, unknown>));
      res.setHeader('content-length', Buffer.byteLength(text));
      end(text);
    };
    Object.assign(res, {
      end(chunk: unknown) {
        void rewritten(chunk);
        return res;
      },
    });
  }

  server.on('request', (req, res) => {
    const path = req.url?.split('?', 1)[0] ?? '';
    requests.push(`${req.method} ${path}`);
    if (outage?.path.test(path)) {
      if (outage.what === 'hang') return;
      const { status, headers, body = 'out of order' } = outage.what;
      res.writeHead(status, headers).end(body);
      return;
    }
    if (path === '/token' && tampering !== undefined) tamperWith(res, tampering);
    void handle(req, res);
  });

  /** Goes to an address as a browser would, until it leads away from the provider. */
  async function logIn(authUrl: string, who: string): Promise<URL> {
    const browser = new Browser(issuer, who);
    let next: Visit = { url: new URL(authUrl) };
    for (let steps = 0; steps < 20; steps += 1) {
      next = await browser.visit(next);
      if (next.url.origin !== issuer) return next.url;
    }
    throw new Error('The provider asks for ever.');
  }

  return {
    issuer,
    requests,
    logIn,
    knows(who: string, claims: OpenIdPerson): void {
      people.set(who, claims);
    },
    /** Undefined undoes it. */
    tamper(change: Tampering | undefined): void {
      tampering = change;
    },
    /** Undefined undoes it. */
    breakDown(path: RegExp, what: Outage | undefined): void {
      outage = what && { path, what };
    },
    async close(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
