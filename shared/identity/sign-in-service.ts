import type { Passwords } from '../adapters/passwords/pool.ts';
import type { AuditLog } from '../audit/log.ts';
import type { Caller } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import { type Accounts, reservationId } from './accounts-repository.ts';
import type { AccountsService } from './accounts-service.ts';
import { needsSecondFactor } from './factor-rules.ts';
import type { LogInThrottle } from './login-throttle-service.ts';
import type { PendingLogIns } from './pending-log-ins.ts';
import type { UserDocument } from './schemas.ts';
import type { Proof, SignInAnswer } from './session-schemas.ts';
import type { SessionsService } from './sessions-service.ts';

export interface PasswordCredentials {
  /** Username or e-mail address. */
  identifier: string;
  password: string;
  deviceToken?: string | undefined;
}

export interface SignInService {
  /**
   * Throws `invalid_credentials`, `rate_limited` when too many tries have failed, and `inactive_user` only to who knows the
   * password.
   */
  withPassword(credentials: PasswordCredentials, caller: Caller): Promise<SignInAnswer>;
  /**
   * What follows when somebody has proved in one way who they are: tokens, or the question for a second factor. Throws
   * `inactive_user`.
   */
  complete(account: UserDocument, caller: Caller, proofs: readonly Proof[]): Promise<SignInAnswer>;
}

/** Longer than the identifier of any document can be: no account has such a name. */
const reservationCharsMax = 1000;
const nobody = '00000000-0000-0000-0000-000000000000';

export function createSignInService(deps: {
  accounts: Accounts;
  accountsService: Pick<AccountsService, 'ensureAdministrator'>;
  passwords: Passwords;
  sessions: Pick<SessionsService, 'start'>;
  throttle: LogInThrottle;
  auditLog: AuditLog;
  pendingLogIns: Pick<PendingLogIns, 'open'>;
  /** Roles that must have a second factor. */
  mfaRequiredRoles: readonly string[];
}): SignInService {
  const { accounts, accountsService, passwords, sessions, throttle, auditLog, pendingLogIns, mfaRequiredRoles } = deps;

  /** A failure is a record of its own: there is no change that it could be part of. */
  function recordRefusal(
    account: UserDocument | undefined,
    caller: Caller,
    detail: Record<string, unknown>,
  ): Promise<void> {
    const target = { type: 'account', id: account?.user_id ?? null };
    const entry = { by: { anonymous: caller }, action: 'session.refused', target, result: 'refused', detail } as const;
    return auditLog.write(entry, account?.user_id);
  }

  async function complete(account: UserDocument, caller: Caller, proofs: readonly Proof[]): Promise<SignInAnswer> {
    if (account.status !== 'active') {
      await recordRefusal(account, caller, { reason: 'inactive', proofs: [...proofs] });
      throw new AppError('inactive_user');
    }
    if (needsSecondFactor(account, proofs, mfaRequiredRoles)) return pendingLogIns.open(account, proofs);
    return sessions.start(account, caller, proofs);
  }

  /** Reads as much for a name that nobody has as for one that somebody has. */
  async function findAccount(identifier: string): Promise<UserDocument | undefined> {
    const isPossible = reservationId({ kind: 'username', name: identifier }).length <= reservationCharsMax;
    const name = isPossible ? identifier : '';
    const kinds = name.includes('@') ? (['email', 'username'] as const) : (['username'] as const);
    const ids = await Promise.all(kinds.map((kind) => accounts.findReserved({ kind, name })));
    return accounts.find(ids.find((id) => id !== undefined) ?? nobody);
  }

  /** A name that is unknown costs the time of a wrong password, so that nobody learns which names exist. */
  function isRight(account: UserDocument | undefined, password: string): Promise<boolean> {
    const hash = account?.password_hash ?? undefined;
    return hash === undefined ? passwords.verifyDummy(password) : passwords.verify(password, hash);
  }

  /** The account with a hash of today's cost; it is stored with the log-in. */
  async function withFreshHash(account: UserDocument, password: string): Promise<UserDocument> {
    const isStale = account.password_hash !== null && passwords.needsRehash(account.password_hash);
    return isStale ? { ...account, password_hash: await passwords.hash(password) } : account;
  }

  return {
    async withPassword({ identifier, password, deviceToken }, caller) {
      await accountsService.ensureAdministrator();
      const given = identifier.trim();
      const account = await findAccount(given);
      const name = reservationId({ kind: 'username', name: given });
      const isIn = await throttle.attempt({ name, caller, deviceToken, userId: account?.user_id }, () =>
        isRight(account, password),
      );
      if (account === undefined || !isIn) {
        const detail =
          account === undefined
            ? { reason: 'unknown_name', name_hash: throttle.hashOfName(name) }
            : { reason: 'wrong_password' };
        await recordRefusal(account, caller, detail);
        throw new AppError('invalid_credentials');
      }
      const fresh = account.status === 'active' ? await withFreshHash(account, password) : account;
      const answer = await complete(fresh, caller, ['password']);
      // Nobody is logged in yet, so the fresh hash is not stored yet.
      if ('mfa_required' in answer && fresh !== account) await accounts.replace(fresh);
      return answer;
    },
    complete,
  };
}
