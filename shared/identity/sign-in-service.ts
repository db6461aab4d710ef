import type { Passwords } from '../adapters/passwords/pool.ts';
import type { Caller } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import type { Accounts } from './accounts-repository.ts';
import type { AccountsService } from './accounts-service.ts';
import type { UserDocument } from './schemas.ts';
import type { Proof, SignInAnswer } from './session-schemas.ts';
import type { SessionsService } from './sessions-service.ts';

export interface SignInService {
  /** Throws `invalid_credentials`; `inactive_user` only to who knows the password. */
  withPassword(credentials: { identifier: string; password: string }, caller: Caller): Promise<SignInAnswer>;
  /**
   * What follows when somebody has proved in one way who they are: tokens, or the question for a second factor. Throws
   * `inactive_user`.
   */
  complete(account: UserDocument, caller: Caller, proofs: readonly Proof[]): Promise<SignInAnswer>;
}

export function createSignInService(deps: {
  accounts: Accounts;
  accountsService: Pick<AccountsService, 'ensureAdministrator'>;
  passwords: Passwords;
  sessions: Pick<SessionsService, 'start'>;
}): SignInService {
  const { accounts, accountsService, passwords, sessions } = deps;

  async function complete(account: UserDocument, caller: Caller, proofs: readonly Proof[]): Promise<SignInAnswer> {
    if (account.status !== 'active') throw new AppError('inactive_user');
    return sessions.start(account, caller, proofs);
  }

  async function findAccount(identifier: string): Promise<UserDocument | undefined> {
    const name = identifier.trim();
    const kinds = name.includes('@') ? (['email', 'username'] as const) : (['username'] as const);
    for (const kind of kinds) {
      const found = await accounts.findByName({ kind, name });
      if (found !== undefined) return found;
    }
    return undefined;
  }

  return {
    async withPassword({ identifier, password }, caller) {
      await accountsService.ensureAdministrator();
      const account = await findAccount(identifier);
      const hash = account?.password_hash ?? undefined;
      // An unknown name costs the same time as a wrong password, so that nobody learns which names exist.
      const isRight =
        hash === undefined ? await passwords.verifyDummy(password) : await passwords.verify(password, hash);
      if (account === undefined || !isRight) throw new AppError('invalid_credentials');
      return complete(account, caller, ['password']);
    },
    complete,
  };
}
