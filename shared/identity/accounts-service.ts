import type { Caller, Page, Principal } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import type { Ids } from '../platform/ids.ts';
import { toPage } from '../platform/paging.ts';
import type { Paging } from '../platform/schemas.ts';
import type { AccountMaker, AccountRequest } from './account-maker.ts';
import { toUser } from './account-rules.ts';
import type { Accounts } from './accounts-repository.ts';
import { canGiveRole, type DuplicateStyle, nameRefusal, roleRefusal } from './registration-rules.ts';
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
  /** Throws `username_taken`, `email_taken`, or `forbidden` for a role that the actor may not give. */
  register(actor: Principal, registration: Registration, newId: string): Promise<User>;
  /** The same with whatever else is known of the person, and the account as it is stored. */
  createFor(
    actor: Principal,
    request: Omit<AccountRequest, 'user_id'>,
    newId: string,
    duplicates: DuplicateStyle,
  ): Promise<UserDocument>;
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
  maker: AccountMaker;
  roles: Pick<Roles, 'permissionsOf'>;
  ids: Ids;
  bootstrapAdmin: BootstrapAdmin | undefined;
}): AccountsService {
  const { accounts, maker, roles, ids } = deps;
  let bootstrapped: Promise<void> | undefined;

  function ensureAdministrator(): Promise<void> {
    const admin = deps.bootstrapAdmin;
    if (admin === undefined) return Promise.resolve();
    bootstrapped ??= (async () => {
      if (await accounts.findByName({ kind: 'username', name: admin.username })) return;
      const { username, password, email = null } = admin;
      const account = { user_id: ids.next(), usernames: [username], password, email, role: 'admin' };
      await maker.make(account, { anonymous: installation }).catch((error: unknown) => {
        // What is wrong with it is for the log alone: whoever tries to log in must not learn it.
        throw new Error('The first administrator cannot be made of the settings.', { cause: error });
      });
    })().catch((error: unknown) => {
      bootstrapped = undefined;
      throw error;
    });
    return bootstrapped;
  }

  async function createFor(
    actor: Principal,
    request: Omit<AccountRequest, 'user_id'>,
    newId: string,
    duplicates: DuplicateStyle,
  ): Promise<UserDocument> {
    const role = await roles.permissionsOf(request.role);
    if (!canGiveRole(actor.permissions, role)) throw roleRefusal(request.role, role);
    const made = await maker.make({ ...request, user_id: newId }, actor);
    if ('user' in made) return made.user;
    // A repeat of a request that died after it had made the account: the account is the answer.
    const known = await accounts.find(newId);
    if (known !== undefined) return known;
    if (made.taken === 'more') throw new Error('The record of a new account was refused.');
    throw nameRefusal(made.taken, duplicates);
  }

  return {
    async me(user) {
      const account = await accounts.find(user.user_id);
      if (account === undefined) throw new AppError('unauthenticated', 'Could not validate credentials');
      return toUser(account);
    },

    createFor,

    async register(actor, { username, email, ...said }, newId) {
      const request = { ...said, usernames: [username], email: email || null };
      return toUser(await createFor(actor, request, newId, 'bad_request'));
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
