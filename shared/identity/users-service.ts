import type { Passwords } from '../adapters/passwords/pool.ts';
import type { AuditEntry } from '../audit/record.ts';
import type { Page, Principal } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import { toPage } from '../platform/paging.ts';
import { assertGoodPassword } from './account-maker.ts';
import type { AccountNotices } from './account-notices.ts';
import { toUser } from './account-rules.ts';
import type { AccountChange, AccountWrites } from './account-writes.ts';
import type { Accounts } from './accounts-repository.ts';
import type { AccountsService } from './accounts-service.ts';
import type { AssertMayGive } from './role-giving.ts';
import { accountStatuses, type User, type UserDocument } from './schemas.ts';
import { withAllSessionsEnded } from './session-rules.ts';
import { changesEmail, statusFor, withFields, withStatus } from './user-change-rules.ts';
import type { UserCreate, UserQuery, UserUpdate } from './user-schemas.ts';
import type { Users } from './users-repository.ts';

type Event = Omit<AuditEntry, 'target'>;

/** What administrators and staff do with the accounts of others. */
export interface UsersService {
  /** Oldest first. */
  list(query: UserQuery): Promise<Page<User>>;
  /** Everybody reads the own account, staff any. Throws `not_found`. */
  get(user: Principal, userId: string): Promise<User>;
  /** Throws `username_in_use`, `email_in_use`, and what `AssertMayGive` throws about the role. */
  create(user: Principal, input: UserCreate, newId: string): Promise<User>;
  /**
   * Throws `not_found`, `precondition_failed`, `username_in_use`, `email_in_use`, `last_administrator`, and `step_up_required`
   * for a new address, a new password and a new administrator.
   */
  update(user: Principal, userId: string, input: UserUpdate, ifMatch: string | undefined): Promise<User>;
  suspend(user: Principal, userId: string, ifMatch: string | undefined): Promise<User>;
  reactivate(user: Principal, userId: string, ifMatch: string | undefined): Promise<User>;
  /** Ends an account that can log in, and opens one that cannot. */
  toggle(user: Principal, userId: string, ifMatch: string | undefined): Promise<User>;
  /** Throws `not_found`. */
  endSessions(user: Principal, userId: string): Promise<undefined>;
  remove(user: Principal, userId: string, ifMatch: string | undefined): Promise<undefined>;
}

function statusesOf({ status, is_active }: UserQuery): readonly string[] {
  return accountStatuses.filter(
    (one) => (status === undefined || one === status) && (is_active === undefined || is_active === (one === 'active')),
  );
}

function statusChange(by: Principal, account: UserDocument, status: UserDocument['status']): AccountChange {
  if (status === account.status) return { account, events: [] };
  const action = status === 'active' ? 'account.reactivated' : 'account.suspended';
  return { account: withStatus(account, status), events: [{ by, action, detail: { from: account.status, status } }] };
}

export function createUsersService(deps: {
  accounts: Pick<Accounts, 'find' | 'list'>;
  users: Pick<Users, 'search'>;
  accountsService: Pick<AccountsService, 'createFor'>;
  writes: AccountWrites;
  assertMayGive: AssertMayGive;
  assertFresh: (user: Principal) => Promise<void>;
  passwords: Pick<Passwords, 'hash'>;
  notices: AccountNotices;
}): UsersService {
  const { accounts, users, accountsService, writes, assertMayGive, assertFresh, passwords, notices } = deps;

  async function find(query: UserQuery): Promise<UserDocument[]> {
    const { role, search } = query;
    const statuses = statusesOf(query);
    const isWhole = role === undefined && !search && statuses.length === accountStatuses.length;
    return isWhole ? accounts.list(query) : users.search({ role, search, statuses }, query);
  }

  async function setStatus(
    user: Principal,
    userId: string,
    ifMatch: string | undefined,
    wanted: (present: UserDocument['status']) => UserDocument['status'],
  ): Promise<User> {
    return toUser(
      await writes.apply(userId, ifMatch, (present) => statusChange(user, present, wanted(present.status))),
    );
  }

  /** Everything but the proof that some changes need. */
  function decide(by: Principal, present: UserDocument, input: UserUpdate, hash: string | undefined): AccountChange {
    const { password: _password, role, is_active, ...fields } = input;
    const events: Event[] = [];
    const plain = withFields(present, fields);
    let { account } = plain;
    if (plain.changed.length > 0) events.push({ by, action: 'account.changed', detail: { fields: plain.changed } });
    if (role !== undefined && role !== present.role) {
      account = { ...account, role };
      events.push({ by, action: 'account.role_changed', detail: { from: present.role, to: role } });
    }
    if (hash !== undefined) {
      account = withAllSessionsEnded({ ...account, password_hash: hash });
      events.push({ by, action: 'password.changed' });
    }
    if (is_active === undefined) return { account, events };
    const ended = statusChange(by, account, statusFor(account.status, is_active));
    return { account: ended.account, events: [...events, ...ended.events] };
  }

  return {
    async list(query) {
      return toPage((await find(query)).map(toUser), query, (user) => user.user_id);
    },

    async get(user, userId) {
      const isTheirs = userId === user.user_id || user.permissions.has('account:list');
      const account = isTheirs ? await accounts.find(userId) : undefined;
      if (account === undefined) throw new AppError('not_found', 'User not found');
      return toUser(account);
    },

    async create(user, { username, email, ...said }, newId) {
      const { first_name = null, last_name = null, display_name = null, language = null, timezone = null } = said;
      const personal = { first_name, last_name, display_name, language, timezone };
      const request = { ...said, ...personal, usernames: [username], email: email || null };
      return toUser(await accountsService.createFor(user, request, newId, 'conflict'));
    },

    async update(user, userId, input, ifMatch) {
      const hash = input.password === undefined ? undefined : await passwords.hash(input.password);
      if (hash !== undefined) await assertFresh(user);
      const changed = await writes.apply(userId, ifMatch, async (present) => {
        const isNewEmail = changesEmail(present, input);
        if (isNewEmail) await assertFresh(user);
        if (input.role !== undefined && input.role !== present.role) await assertMayGive(user, input.role);
        const change = decide(user, present, input, hash);
        const mails = hash === undefined ? [] : notices.ofNewPassword(user, present);
        if (input.password !== undefined) assertGoodPassword(input.password, change.account);
        return {
          ...change,
          mails: isNewEmail ? [...mails, ...notices.ofNewEmail(user, present, change.account)] : mails,
        };
      });
      return toUser(changed);
    },

    suspend: (user, userId, ifMatch) => setStatus(user, userId, ifMatch, () => 'suspended'),
    reactivate: (user, userId, ifMatch) => setStatus(user, userId, ifMatch, () => 'active'),
    toggle: (user, userId, ifMatch) =>
      setStatus(user, userId, ifMatch, (present) => statusFor(present, present !== 'active')),

    async endSessions(user, userId) {
      await writes.apply(userId, undefined, (present) => ({
        account: withAllSessionsEnded(present),
        events: [{ by: user, action: 'session.all_ended' }],
      }));
      return undefined;
    },

    remove: (user, userId, ifMatch) => writes.remove(userId, ifMatch, user),
  };
}
