import { randomUUID } from 'node:crypto';
import type { RuntimeOverrides } from '../../shared/services.ts';
import { type CallOptions, call, type Lab, type Person, type Reply, startLab } from './client.ts';
import { eventsAbout } from './events.ts';

/** The shape that clients rely on, written down apart from the code that makes it. */
export interface WireKey {
  id: string;
  key_id: string;
  name: string;
  description: string | null;
  prefix: string;
  scopes: string[];
  status: string;
  is_active: boolean;
  is_expired: boolean;
  expires_at: string | null;
  last_used: string | null;
  usage_count: number;
  refused_count: number;
  credits: { remaining: number; refill: { amount: number; every: string } | null } | null;
  replaced_secret_until: string | null;
  revoked_reason: string | null;
}

/** A key with its secret, as a program holds it. */
export interface Held {
  id: string;
  secret: string;
  prefix: string;
}

/** A clock that stands still until it is moved. */
export function movableClock(startMs = Date.parse('2030-05-15T10:00:00Z')) {
  let nowMs = startMs;
  return {
    now: () => nowMs,
    moveS(seconds: number) {
      nowMs += seconds * 1000;
    },
    setTo(text: string) {
      nowMs = Date.parse(text);
    },
  };
}

export const readPath = '/api/auth/me';

function ok(reply: Reply): Reply {
  if (reply.status >= 300) throw new Error(`${reply.status} ${reply.text}`);
  return reply;
}

/** A lab with what tests of API keys do all the time. `cacheS` is how long instances remember. */
export async function startKeyLab({ cacheS = 0, ...overrides }: RuntimeOverrides & { cacheS?: number } = {}) {
  const lab: Lab = await startLab({
    settings: { AUTH_CACHE_S: String(cacheS), ACCESS_TOKEN_EXPIRE_MINUTES: '1440' },
    overrides,
  });

  async function makeKey(owner: Pick<Person, 'post'>, fields: Record<string, unknown> = {}): Promise<Held> {
    const reply = ok(await owner.post('/api/v1/auth/keys', { name: 'a key', ...fields }));
    const { api_key, key_info } = reply.json<{ api_key: string; key_info: WireKey }>();
    return { id: key_info.id, secret: api_key, prefix: key_info.prefix };
  }

  /** The administrator with a token of this moment, however far the clock was moved. */
  const logInRoot = () => lab.logIn(lab.root.username, lab.root.password);

  async function makePerson(role: string, fields: Record<string, unknown> = {}): Promise<Person> {
    const [username, password] = [`${role}-${randomUUID()}`, randomUUID()];
    ok(await (await logInRoot()).post('/api/auth/register', { username, password, role, ...fields }));
    return lab.logIn(username, password);
  }

  /** Someone new with one key. */
  async function makeOwner(role = 'configurator', fields: Record<string, unknown> = {}) {
    const owner = await makePerson(role);
    return { owner, key: await makeKey(owner, fields) };
  }

  /** The key as a caller, with the same verbs as a person. */
  function as(secret: string) {
    const send = (method: string, path: string, options: CallOptions = {}) =>
      call(lab.url, method, path, { token: secret, ...options });
    return {
      get: (path: string, headers: Record<string, string> = {}) => send('GET', path, { headers }),
      post: (path: string, json?: unknown, headers: Record<string, string> = {}) =>
        send('POST', path, { json, headers }),
      patch: (path: string, json: unknown) => send('PATCH', path, { json }),
      delete: (path: string) => send('DELETE', path),
    };
  }

  const patch = (person: Person, keyId: string, json: unknown, headers: Record<string, string> = {}) =>
    person.call('PATCH', `/api/v1/api-keys/${keyId}`, { json, headers });

  async function show(owner: Person, keyId: string): Promise<WireKey> {
    return ok(await owner.get(`/api/v1/api-keys/${keyId}`)).json<WireKey>();
  }

  /** What the service that lets others in by a key is told. */
  async function verify(secret: string | undefined, query = '', headers: Record<string, string> = {}) {
    const shown: Record<string, string> = secret === undefined ? {} : { 'x-api-key': secret };
    const reply = await lab.anyone('POST', `/api/v1/api-keys/validate${query}`, { headers: { ...shown, ...headers } });
    return ok(reply).json<{ valid: boolean; code: string; error?: string; rate_limit_remaining?: number | null }>();
  }

  /** Sets a field of the owner's account, past every rule. */
  async function setAccount(person: Person, path: string, value: unknown): Promise<void> {
    await lab
      .container('identity')
      .item(person.id, 'accounts')
      .patch([{ op: 'set', path, value }]);
  }

  /** The records of what was done to a key, oldest first. */
  const trail = (keyId: string) => eventsAbout(lab, keyId);

  /** What the last call of an operation asked the database. */
  function lastCalls(operation: string): number | undefined {
    return lab.app.lines().findLast((line) => line.event === 'request' && line.operation === operation)?.cosmos_calls;
  }

  return { ...lab, logInRoot, makePerson, makeKey, makeOwner, as, patch, show, verify, setAccount, trail, lastCalls };
}

export type KeyLab = Awaited<ReturnType<typeof startKeyLab>>;

export const repeatable = () => ({ 'idempotency-key': randomUUID() });
