import type { Passwords } from '../adapters/passwords/pool.ts';
import type { AuditActor, AuditRecorder } from '../audit/record.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Caller, Page, Principal } from '../platform/define-endpoint.ts';
import { AppError, validationError } from '../platform/errors.ts';
import type { Ids } from '../platform/ids.ts';
import { toPage } from '../platform/paging.ts';
import type { Paging } from '../platform/schemas.ts';
import { newAccount } from './account-documents.ts';
import { toUser } from './account-rules.ts';
import { type Accounts, accountsPk, type ReservedName } from './accounts-repository.ts';
import type { Roles } from './roles.ts';
import type { Registration, User, UserDocument } from './schemas.ts';

/** Who makes the first administrator: nobody but the settings. */
const installation: Caller = {
  request_id: 'installation',
  address: 'unknown',
  user_agent: null,
  origin: null,
  place_id: null,
};

export interface AccountsService {
  me(user: Principal): Promise<User>;
  /** Throws `username_taken`, `email_taken`, or `forbidden` when someone else than an administrator makes one. */
  register(actor: Principal, registration: Registration, newId: string): Promise<User>;
  list(paging: Paging): Promise<Page<User>>;
  find(userId: string): Promise<User | undefined>;
  findMany(userIds: readonly string[]): Promise<User[]>;
  /** Makes the first administrator, from the settings, where it is missing; does something once per process. */
  ensureAdministrator(): Promise<void>;
}

export interface BootstrapAdmin {
  username: string;
  password: string;
  email: string | undefined;
}

export function createAccountsService(deps: {
  accounts: Accounts;
  passwords: Passwords;
  roles: Pick<Roles, 'permissionsOf'>;
  audit: AuditRecorder;
  clock: Clock;
  ids: Ids;
  bootstrapAdmin: BootstrapAdmin | undefined;
}): AccountsService {
  const { accounts, passwords, roles, audit, clock, ids } = deps;
  let bootstrapped: Promise<void> | undefined;

  async function create(
    registration: Pick<Registration, 'username' | 'password' | 'email' | 'full_name' | 'role'>,
    userId: string,
    by: AuditActor,
  ): Promise<{ user: UserDocument } | { taken: ReservedName }> {
    const email = registration.email === '' ? null : (registration.email ?? null);
    const names: ReservedName[] = [{ kind: 'username', name: registration.username }];
    if (email !== null) names.push({ kind: 'email', name: email });
    const now = isoTime(clock.now());
    const user = newAccount({
      user_id: userId,
      username: registration.username,
      email,
      full_name: registration.full_name || null,
      role: registration.role,
      created_at: now,
      updated_at: now,
      password_hash: await passwords.hash(registration.password),
    });
    const created = audit.operation(accountsPk, {
      by,
      action: 'account.created',
      target: { type: 'account', id: userId },
      detail: { role: user.role },
    });
    const taken = await accounts.create(user, names, [created]);
    if (taken === 'more') throw new Error('The record of a new account was refused.');
    return taken === undefined ? { user } : { taken };
  }

  function ensureAdministrator(): Promise<void> {
    const admin = deps.bootstrapAdmin;
    if (admin === undefined) return Promise.resolve();
    bootstrapped ??= (async () => {
      if (await accounts.findByName({ kind: 'username', name: admin.username })) return;
      await create({ ...admin, role: 'admin' }, ids.next(), { anonymous: installation });
    })().catch((error: unknown) => {
      bootstrapped = undefined;
      throw error;
    });
    return bootstrapped;
  }

  return {
    async me(user) {
      const account = await accounts.find(user.user_id);
      if (account === undefined) throw new AppError('unauthenticated', 'Could not validate credentials');
      return toUser(account);
    },

    async register(actor, registration, newId) {
      if (registration.role === 'admin' && !actor.permissions.has('user:admin')) {
        throw new AppError('forbidden', 'Only an administrator can make an administrator');
      }
      if ((await roles.permissionsOf(registration.role)).size === 0) {
        throw validationError([{ loc: ['body', 'role'], msg: 'is not a role', type: 'unknown_role' }]);
      }
      const known = await accounts.findByName({ kind: 'username', name: registration.username });
      // A repeat of a request that died after it had made the account: the account is the answer.
      if (known?.user_id === newId) return toUser(known);
      if (known !== undefined) throw new AppError('username_taken');
      const made = await create(registration, newId, actor);
      if ('taken' in made) throw new AppError(made.taken.kind === 'username' ? 'username_taken' : 'email_taken');
      return toUser(made.user);
    },

    async list(paging) {
      return toPage((await accounts.list(paging)).map(toUser), paging, (user) => user.user_id);
    },

    async find(userId) {
      const account = await accounts.find(userId);
      return account && toUser(account);
    },

    findMany: async (userIds) => (await accounts.findMany(userIds)).map(toUser),

    ensureAdministrator,
  };
}
