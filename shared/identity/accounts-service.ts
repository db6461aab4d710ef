import { type Clock, isoTime } from '../platform/clock.ts';
import type { Caller, Principal } from '../platform/define-endpoint.ts';
import type { Ids } from '../platform/ids.ts';
import type { Logger } from '../platform/logging.ts';
import type { AccountMaker, AccountRequest } from './account-maker.ts';
import { toUser } from './account-rules.ts';
import type { Accounts } from './accounts-repository.ts';
import { ownAccount } from './own-account.ts';
import { type DuplicateStyle, nameRefusal } from './registration-rules.ts';
import type { AssertMayGive } from './role-giving.ts';
import type { Registration, User, UserDocument } from './schemas.ts';

/** Who makes the first administrator: nobody but the settings. */
const installation: Caller = {
  request_id: 'installation',
  address: 'unknown',
  user_agent: null,
  origin: null,
  place_id: null,
};

const remedy = 'change the setting, or that account, and start again';
const takenBySomebody = {
  email: `BOOTSTRAP_ADMIN_EMAIL is the address of another account: ${remedy}.`,
  look_alike: `BOOTSTRAP_ADMIN_USERNAME looks like the name of another account: ${remedy}.`,
};

export interface AccountsService {
  me(user: Principal): Promise<User>;
  /** Throws `username_taken`, `email_taken`, and what `AssertMayGive` throws about the role. */
  register(actor: Principal, registration: Registration, newId: string): Promise<User>;
  /** The same with whatever else is known of the person, and the account as it is stored. */
  createFor(
    actor: Principal,
    request: Omit<AccountRequest, 'user_id'>,
    newId: string,
    duplicates: DuplicateStyle,
  ): Promise<UserDocument>;
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
  assertMayGive: AssertMayGive;
  clock: Clock;
  ids: Ids;
  logger: Pick<Logger, 'error'>;
  bootstrapAdmin: BootstrapAdmin | undefined;
}): AccountsService {
  const { accounts, maker, assertMayGive, clock, ids, logger } = deps;
  let bootstrapped: Promise<void> | undefined;

  function ensureAdministrator(): Promise<void> {
    const admin = deps.bootstrapAdmin;
    if (admin === undefined) return Promise.resolve();
    bootstrapped ??= (async () => {
      if (await accounts.isFirstMade(admin.username)) return;
      if (await accounts.findByName({ kind: 'username', name: admin.username })) return;
      const { username, password, email = null } = admin;
      const account = { user_id: ids.next(), usernames: [username], password, email, role: 'admin' };
      const mark = accounts.firstMadeOperation({ username, made_at: isoTime(clock.now()) });
      const made = await maker.make(account, { anonymous: installation }, [mark]).catch((error: unknown) => {
        // What is wrong with it is for the log alone: whoever tries to log in must not learn it.
        throw new Error('The first administrator cannot be made of the settings.', { cause: error });
      });
      // Another instance may have made it in this moment; an address or a look belongs to somebody else.
      if ('taken' in made && (made.taken === 'email' || made.taken === 'look_alike')) {
        logger.error('first_administrator_not_made', { reason: takenBySomebody[made.taken] });
      }
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
    await assertMayGive(actor, request.role);
    const made = await maker.make({ ...request, user_id: newId }, actor);
    if ('user' in made) return made.user;
    // A repeat of a request that died after it had made the account: the account is the answer.
    const known = await accounts.find(newId);
    if (known !== undefined) return known;
    if (made.taken === 'more') throw new Error('The record of a new account was refused.');
    throw nameRefusal(made.taken, duplicates);
  }

  return {
    me: async (user) => toUser(await ownAccount(accounts, user)),

    createFor,

    async register(actor, { username, email, ...said }, newId) {
      const request = { ...said, usernames: [username], email: email || null };
      return toUser(await createFor(actor, request, newId, 'bad_request'));
    },

    async find(userId) {
      const account = await accounts.find(userId);
      return account && toUser(account);
    },

    findMany: async (userIds) => (await accounts.findMany(userIds)).map(toUser),

    ensureAdministrator,
  };
}
