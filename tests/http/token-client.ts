import { decodeJwt } from 'jose';
import type { Lab, Person, Reply } from './client.ts';
import { auditEvents, type WireEvent } from './events.ts';

/** What a log-in and a refresh answer, written down apart from the code that makes it. */
export interface WireTokens {
  access_token: string;
  refresh_token: string;
  token_type: string;
  expires_in: number;
  role: string;
  user: Record<string, unknown>;
  accessToken: string;
  refreshToken: string;
  expiresIn: number;
  device_token?: string;
}

export interface WireSession {
  session_id: string;
  is_current: boolean;
  proofs: string[];
  address: string;
  user_agent: string | null;
  created_at: string;
  last_used_at: string;
  expires_at: string;
}

/** Logging in and what follows, as somebody with a browser does it. */
export function tokenClient(lab: Lab) {
  async function logIn(
    { username, password }: Pick<Person, 'username' | 'password'>,
    headers: Record<string, string> = {},
  ): Promise<WireTokens> {
    const reply = await lab.anyone('POST', '/api/v1/auth/login', { json: { username, password }, headers });
    if (reply.status !== 200) throw new Error(`log in: ${reply.status} ${reply.text}`);
    return reply.json<WireTokens>();
  }
  const refresh = (refresh_token: string, headers: Record<string, string> = {}): Promise<Reply> =>
    lab.anyone('POST', '/api/v1/auth/refresh', { json: { refresh_token }, headers });
  const renewed = async (refreshToken: string, headers: Record<string, string> = {}): Promise<WireTokens> => {
    const reply = await refresh(refreshToken, headers);
    if (reply.status !== 200) throw new Error(`refresh: ${reply.status} ${reply.text}`);
    return reply.json<WireTokens>();
  };
  const me = async (token: string) => (await lab.anyone('GET', '/api/v1/auth/me', { token })).status;
  const sessionOf = (token: string) => String(decodeJwt(token)['sid']);
  /** The audit events of one kind about an account, a session or nobody known, oldest first. */
  async function audited(about: string | null, action: string): Promise<WireEvent[]> {
    const isWanted = (event: WireEvent) =>
      event.action === action && (event.target.id === about || event.detail['user_id'] === about);
    return (await auditEvents(lab)).filter(isWanted);
  }
  return { logIn, refresh, renewed, me, sessionOf, audited };
}
