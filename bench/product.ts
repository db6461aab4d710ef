/** Lyceum as `npm start` runs it, in a process of its own, with an empty data folder and generous rate limits. */
import { join } from 'node:path';
import infra from '../infra/containers.json' with { type: 'json' };
import { connectionSettings } from '../local/app-settings.ts';
import { createCosmos } from '../shared/adapters/cosmos/client.ts';
import { newAccount } from '../shared/identity/account-documents.ts';
import { createAccounts } from '../shared/identity/accounts-repository.ts';
import { createAccessTokens } from '../shared/identity/tokens.ts';
import { isoTime, systemClock } from '../shared/platform/clock.ts';
import { createIds } from '../shared/platform/ids.ts';
import { secretKey } from '../shared/platform/signing-keys.ts';
import { startProgram, temporaryFolder } from './processes.ts';

const root = join(import.meta.dirname, '..');
const startScript = join(root, 'local', 'start.ts');

const ids = createIds(systemClock);

export const jwtSecret = 'only for benchmarks: thirty-two bytes or more of text';
export const tokens = createAccessTokens({
  keys: [secretKey(jwtSecret)],
  lifetimeMinutes: 24 * 60,
  clock: systemClock,
  ids,
});

const admin = { username: 'bench-admin', password: 'a long password of the bench' };

export interface Account {
  user_id: string;
  username: string;
  role: string;
  token: string;
  password: string;
}

export interface Product {
  url: string;
  /** Address of the database's stand-in. */
  cosmos: string;
  pid: number | undefined;
  /** Where its log lines go. */
  logFile: string;
  admin: Account;
  /** The answer's body; throws for anything but a success. */
  call<T>(method: string, path: string, token: string, body?: unknown): Promise<T>;
  register(username: string, role: 'student' | 'configurator'): Promise<Account>;
  stop(): Promise<void>;
}

const settings: Record<string, string> = {
  JWT_SECRET: jwtSecret,
  DATA_ENCRYPTION_KEY: jwtSecret,
  BOOTSTRAP_ADMIN_USERNAME: admin.username,
  BOOTSTRAP_ADMIN_PASSWORD: admin.password,
  RATE_LIMIT_SCALE: '1000000',
  ACCESS_TOKEN_EXPIRE_MINUTES: '1440',
  // Whatever this shell has set, nothing here may reach a paid model or another account.
  ANTHROPIC_API_KEY: '',
  OPENAI_API_KEY: '',
  LLM_PROVIDERS: '',
  NODE_OPTIONS: '',
};

/** Where the measured process and its threads leave profiles when they end, if someone asked for them. */
const profileFolder = process.env['LYCEUM_BENCH_PROFILE'];
const profile = profileFolder ? ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`] : [];

/** Starts the product, or another application on the same stack. */
export async function startStack(env: Record<string, string> = {}) {
  const dataDir = temporaryFolder();
  const program = await startProgram(startScript, {
    nodeArgs: profile,
    args: ['--no-demo', '--port-base', '0', '--data', dataDir],
    env: { ...settings, ...env },
  });
  const cosmos = /Cosmos DB\s+(http\S+)/.exec(program.output())?.[1] ?? '';
  return {
    url: program.ready,
    cosmos,
    pid: program.child.pid,
    logFile: join(dataDir, 'logs', 'functions.log'),
    stop: program.stop,
  };
}

export async function startProduct(env: Record<string, string> = {}): Promise<Product> {
  const { url, cosmos, pid, logFile, stop } = await startStack(env);

  async function call<T>(method: string, path: string, token: string | undefined, body?: unknown): Promise<T> {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 500)}`);
    // The caller names the shape that the contract promises; a wrong one would fail the run soon after.
    return JSON.parse(text) as T;
  }

  const { access_token } = await call<{ access_token: string }>('POST', '/api/auth/login/json', undefined, admin);
  const me = await call<Account>('GET', '/api/auth/me', access_token);
  return {
    url,
    cosmos,
    pid,
    logFile,
    stop,
    admin: { ...me, token: access_token, password: admin.password },
    call,
    async register(username, role) {
      const password = `the password of ${username}`;
      const user = await call<Account>('POST', '/api/auth/register', access_token, { username, password, role });
      return { ...user, password, token: await tokens.sign({ ...user, email: null, session_version: 1 }, ids.next()) };
    },
  };
}

/** Students whose passwords nobody knows, written as documents: a thousand passwords at bcrypt's cost take minutes. */
export async function makeStudents(product: Product, count: number): Promise<Account[]> {
  const { CosmosConnection = '' } = connectionSettings({
    functions: 0,
    cosmos: 0,
    serviceBus: 0,
    azurite: 0,
    webPubSub: 0,
  });
  const key = /AccountKey=([^;]+)/.exec(CosmosConnection)?.[1] ?? '';
  const cosmos = createCosmos({ endpoint: product.cosmos, key, database: infra.database, meter: () => undefined });
  const accounts = createAccounts(cosmos.container('identity'));
  const now = isoTime(systemClock.now());
  const students: Account[] = [];
  for (let number = 0; number < count; number++) {
    const user = { user_id: ids.next(), username: `bench-student-${number}`, role: 'student' as const };
    const taken = await accounts.create(
      newAccount({
        ...user,
        email: null,
        full_name: null,
        created_at: now,
        updated_at: now,
        password_hash: null,
      }),
      [{ kind: 'username', name: user.username }],
    );
    if (taken !== undefined) throw new Error(`${user.username} exists.`);
    students.push({
      ...user,
      password: '',
      token: await tokens.sign({ ...user, email: null, session_version: 1 }, ids.next()),
    });
  }
  await cosmos.close();
  return students;
}
