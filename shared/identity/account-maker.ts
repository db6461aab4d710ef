import type { BatchOperation } from '../adapters/cosmos/container.ts';
import type { Passwords } from '../adapters/passwords/pool.ts';
import type { AuditActor, AuditRecorder } from '../audit/record.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import { validationError } from '../platform/errors.ts';
import { newAccount, type ReservedName } from './account-documents.ts';
import { namesOf, namesToLeaveFree, type Taken, takenOf } from './account-names-rules.ts';
import { type Accounts, accountsPk } from './accounts-repository.ts';
import { type PasswordOwner, passwordProblem } from './password-rules.ts';
import type { UserDocument } from './schemas.ts';
import type { Standings } from './standing.ts';

/** What is said of an account that somebody can log in to with a password. */
export type AccountRequest = Pick<UserDocument, 'user_id' | 'email' | 'role'> &
  Partial<
    Pick<
      UserDocument,
      'full_name' | 'first_name' | 'last_name' | 'display_name' | 'language' | 'timezone' | 'is_verified'
    >
  > & {
    /** It gets the first of these that is free. */
    usernames: readonly string[];
    password: string;
  };

/** The account, what of it is not free, or `more` when an operation beside it was refused. */
export type MadeAccount = { user: UserDocument } | { taken: Taken | 'more' };

/** Makes accounts: names reserved, password judged and hashed, standing and event, all in one batch with `more`. */
export interface AccountMaker {
  /** Throws `validation_failed` for a password that is not good enough. */
  make(request: AccountRequest, by: AuditActor, more?: readonly BatchOperation[]): Promise<MadeAccount>;
}

/** Throws `validation_failed`, with the place of the password in the body. */
export function assertGoodPassword(password: string, owner: PasswordOwner, field = 'password'): void {
  const problem = passwordProblem(password, owner);
  if (problem !== undefined) throw validationError([{ loc: ['body', field], ...problem }]);
}

/** Administrators that are made at the same moment wait for each other. */
const triesMax = 8;

export function createAccountMaker(deps: {
  accounts: Accounts;
  passwords: Pick<Passwords, 'hash'>;
  standings: Standings;
  audit: AuditRecorder;
  clock: Clock;
}): AccountMaker {
  const { accounts, passwords, standings, audit, clock } = deps;

  async function firstTaken(names: readonly ReservedName[]): Promise<ReservedName | undefined> {
    const taken = await Promise.all(names.map((name) => accounts.isTaken(name)));
    return names.find((_name, index) => taken[index]);
  }

  async function makeAs(user: UserDocument, by: AuditActor, more: readonly BatchOperation[]): Promise<MadeAccount> {
    const taken = await firstTaken(namesToLeaveFree(user));
    if (taken !== undefined) return { taken: takenOf(taken, user) };
    const created = audit.operation(accountsPk, {
      by,
      action: 'account.created',
      target: { type: 'account', id: user.user_id },
      detail: { role: user.role },
    });
    for (let tries = 1; ; tries += 1) {
      const standing = await standings.operations(undefined, user);
      const refused = await accounts.create(user, namesOf(user), [created, ...standing, ...more]);
      if (refused === undefined) return { user };
      if (refused !== 'more') return { taken: takenOf(refused, user) };
      // Beside the account only what is written about its role can be right at the next try.
      if (standing.length === 0 || tries === triesMax) return { taken: 'more' };
    }
  }

  return {
    async make({ password, usernames, ...request }, by, more = []) {
      for (const username of usernames) assertGoodPassword(password, { ...request, username });
      const password_hash = await passwords.hash(password);
      const now = isoTime(clock.now());
      const said = { full_name: null, ...request, password_hash, created_at: now, updated_at: now };
      let made: MadeAccount = { taken: 'username' };
      for (const username of usernames) {
        made = await makeAs(newAccount({ ...said, username }), by, more);
        if ('user' in made || made.taken === 'email' || made.taken === 'more') break;
      }
      return made;
    },
  };
}
