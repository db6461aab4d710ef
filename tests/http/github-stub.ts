import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface GitHubPerson {
  id: number;
  login: string;
  name?: string | null;
  emails?: readonly { email: string; primary: boolean; verified: boolean }[];
}

/** What GitHub does instead of answering, by path. */
export type GitHubFault = { status: number; headers?: Record<string, string>; body?: unknown } | 'hang';

interface Grant {
  person: GitHubPerson;
  challenge: string;
  redirectUri: string;
}

const clientId = 'github-client';
const clientSecret = 'github-secret';

/** The part of GitHub that sign-in uses, on a local port: its OAuth with PKCE, and who the token is for. */
export async function startGitHubStub() {
  const codes = new Map<string, Grant>();
  const tokens = new Map<string, GitHubPerson>();
  const faults = new Map<string, GitHubFault>();

  function answer(res: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
    res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  }

  async function exchange(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk);
    const form = new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
    const code = form.get('code') ?? '';
    const grant = codes.get(code);
    codes.delete(code);
    // GitHub answers 200 also when it refuses.
    if (form.get('client_id') !== clientId || form.get('client_secret') !== clientSecret) {
      return answer(res, 200, { error: 'incorrect_client_credentials' });
    }
    const challenge = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    if (grant?.challenge !== challenge || grant.redirectUri !== form.get('redirect_uri')) {
      return answer(res, 200, { error: 'bad_verification_code', error_description: `The code ${code} is incorrect.` });
    }
    const token = `gho_${randomUUID()}`;
    tokens.set(token, grant.person);
    answer(res, 200, { access_token: token, token_type: 'bearer', scope: 'read:user,user:email' });
  }

  function describe(path: string, req: IncomingMessage, res: ServerResponse): void {
    const person = tokens.get(/^Bearer (.+)$/i.exec(req.headers.authorization ?? '')?.[1] ?? '');
    // The real one refuses callers without a name.
    if (person === undefined || req.headers['user-agent'] === undefined)
      answer(res, 401, { message: 'Bad credentials' });
    else if (path === '/api/user') answer(res, 200, { id: person.id, login: person.login, name: person.name ?? null });
    else answer(res, 200, person.emails ?? []);
  }

  const server = createServer((req, res) => {
    const path = req.url?.split('?', 1)[0] ?? '';
    const fault = faults.get(path);
    if (fault === 'hang') return;
    if (fault !== undefined) answer(res, fault.status, fault.body ?? {}, fault.headers);
    else if (path === '/login/oauth/access_token') exchange(req, res).catch(() => res.destroy());
    else if (path === '/api/user' || path === '/api/user/emails') describe(path, req, res);
    else answer(res, 404, { message: 'Not Found' });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A server that listens on a port has an address of this form.
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    settings: {
      GITHUB_CLIENT_ID: clientId,
      GITHUB_CLIENT_SECRET: clientSecret,
      GITHUB_URL: url,
      GITHUB_API_URL: `${url}/api`,
    },
    /** The person says yes on GitHub's page; returns the code that the browser comes back with. */
    approve(authUrl: string, person: GitHubPerson): string {
      const query = new URL(authUrl).searchParams;
      if (query.get('client_id') !== clientId || query.get('code_challenge_method') !== 'S256') {
        throw new Error(`GitHub would not show its page for ${authUrl}`);
      }
      const code = randomUUID();
      codes.set(code, {
        person,
        challenge: query.get('code_challenge') ?? '',
        redirectUri: query.get('redirect_uri') ?? '',
      });
      return code;
    },
    /** Undefined undoes it. */
    break(path: string, fault: GitHubFault | undefined): void {
      if (fault === undefined) faults.delete(path);
      else faults.set(path, fault);
    },
    async close(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
