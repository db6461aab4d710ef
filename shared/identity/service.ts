import type { Passwords } from '../adapters/passwords/pool.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Page, Principal } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import type { Ids } from '../platform/ids.ts';
import { toPage } from '../platform/paging.ts';
import type { Paging } from '../platform/schemas.ts';
import type { Accounts, ReservedName } from './repository.ts';
import type { Registration, User, UserDocument } from './schemas.ts';
import type { AccessTokens } from './tokens.ts';

export interface IdentityService {
  /** Throws `invalid_credentials`; `inactive_user` only to who knows the password. */
  logIn(credentials: {
    username: string;
    password: string;
  }): Promise<{ access_token: string; token_type: 'bearer'; expires_in: number }>;
  /** The person behind a bearer token; throws `unauthenticated`. */
  authenticate(token: string): Promise<Principal>;
  me(user: Principal): Promise<User>;
  /** Throws `username_taken`, `email_taken`, or `forbidden` when someone else than an administrator makes one. */
  register(actor: Principal, registration: Registration, newId: string): Promise<User>;
  list(paging: Paging): Promise<Page<User>>;
  find(userId: string): Promise<User | undefined>;
  findMany(userIds: readonly string[]): Promise<User[]>;
}

export interface BootstrapAdmin {
  username: string;
  password: string;
  email: string | undefined;
}

export function createIdentityService(deps: {
  accounts: Accounts;
  passwords: Passwords;
  tokens: AccessTokens;
  clock: Clock;
  ids: Ids;
  bootstrapAdmin: BootstrapAdmin | undefined;
}): IdentityService {
  const { accounts, passwords, tokens, clock, ids } = deps;
  let bootstrapped: Promise<void> | undefined;

  async function create(
    registration: Registration,
    userId: string,
  ): Promise<{ user: UserDocument } | { taken: ReservedName }> {
    const email = registration.email === '' ? null : (registration.email ?? null);
    const names: ReservedName[] = [{ kind: 'username', name: registration.username }];
    if (email !== null) names.push({ kind: 'email', name: email });
    const now = isoTime(clock.now());
    const user: UserDocument = {
      id: userId,
      pk: 'accounts',
      type: 'user',
      schema_version: 1,
      user_id: userId,
      username: registration.username,
      email,
      full_name: registration.full_name || null,
      role: registration.role,
      is_active: true,
      created_at: now,
      updated_at: now,
      password_hash: await passwords.hash(registration.password),
    };
    const taken = await accounts.create(user, names);
    return taken === undefined ? { user } : { taken };
  }

  /** The first administrator, from the settings: made by the first log-in that finds it missing, once per process. */
  function bootstrap(): Promise<void> {
    const admin = deps.bootstrapAdmin;
    if (admin === undefined) return Promise.resolve();
    bootstrapped ??= (async () => {
      if (await accounts.findByName({ kind: 'username', name: admin.username })) return;
      await create({ ...admin, role: 'admin' }, ids.next());
    })().catch((error: unknown) => {
      bootstrapped = undefined;
      throw error;
    });
    return bootstrapped;
  }

  return {
    async logIn({ username, password }) {
      await bootstrap();
      const user = await accounts.findByName({ kind: 'username', name: username.trim() });
      // An unknown name costs the same time as a wrong password, so that nobody learns which names exist.
      const isRight =
        user === undefined
          ? await passwords.verifyDummy(password)
          : await passwords.verify(password, user.password_hash);
      if (user === undefined || !isRight) throw new AppError('invalid_credentials');
      if (!user.is_active) throw new AppError('inactive_user');
      return { access_token: await tokens.sign(user), token_type: 'bearer', expires_in: tokens.lifetimeS };
    },

    async authenticate(token) {
      const user = await accounts.find(await tokens.verify(token));
      if (user === undefined) throw new AppError('unauthenticated', 'Could not validate credentials');
      if (!user.is_active) throw new AppError('unauthenticated', 'Inactive user');
      return { user_id: user.user_id, username: user.username, role: user.role, full_name: user.full_name };
    },

    async me(user) {
      const account = await accounts.find(user.user_id);
      if (account === undefined) throw new AppError('unauthenticated', 'Could not validate credentials');
      return account;
    },

    async register(actor, registration, newId) {
      if (registration.role === 'admin' && actor.role !== 'admin') {
        throw new AppError('forbidden', 'Only an administrator can make an administrator');
      }
      const known = await accounts.findByName({ kind: 'username', name: registration.username });
      // A repeat of a request that died after it had made the account: the account is the answer.
      if (known?.user_id === newId) return known;
      if (known !== undefined) throw new AppError('username_taken');
      const made = await create(registration, newId);
      if ('taken' in made) throw new AppError(made.taken.kind === 'username' ? 'username_taken' : 'email_taken');
      return made.user;
    },

    async list(paging) {
      return toPage(await accounts.list(paging), paging, (user) => user.user_id);
    },

    find: accounts.find,
    findMany: accounts.findMany,
  };
}
