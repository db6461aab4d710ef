import type { Caller } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import type { Accounts } from './accounts-repository.ts';
import type { FactorProofs } from './factor-proofs.ts';
import type { PasskeyAssertion, PendingLogInDocument } from './factor-schemas.ts';
import { completeWithTokens } from './factor-setup.ts';
import type { PasskeysService } from './passkeys-service.ts';
import { logInIsOver, type PendingLogIns } from './pending-log-ins.ts';
import type { UserDocument } from './schemas.ts';
import type { TokenAnswer } from './session-schemas.ts';
import type { SignInService } from './sign-in-service.ts';

/** One of the ways to show a second factor. */
export interface GivenFactor {
  code?: string | undefined;
  recovery_code?: string | undefined;
  passkey?: PasskeyAssertion | undefined;
}

export interface SecondFactorLogInService {
  /** Throws `unauthenticated` for a log-in that is over, `inactive_user`, `invalid_code`, `rate_limited`. */
  verify(mfaToken: string, given: GivenFactor, caller: Caller): Promise<TokenAnswer>;
  /** The question for a passkey. Throws `unauthenticated`, `inactive_user`, `not_found` without a passkey. */
  startPasskey(mfaToken: string): ReturnType<PasskeysService['startProof']>;
}

export function createSecondFactorLogInService(deps: {
  accounts: Pick<Accounts, 'find'>;
  pendingLogIns: PendingLogIns;
  proofs: FactorProofs;
  passkeys: Pick<PasskeysService, 'startProof'>;
  signIn: Pick<SignInService, 'complete'>;
}): SecondFactorLogInService {
  const { accounts, pendingLogIns, proofs, passkeys, signIn } = deps;

  /** The account as it is now: since the password was right, it may have been suspended or its sessions ended. */
  async function accountOf(logIn: PendingLogInDocument): Promise<UserDocument> {
    const account = await accounts.find(logIn.user_id);
    if (account === undefined || account.session_version !== logIn.session_version) throw logInIsOver();
    if (account.status !== 'active') throw new AppError('inactive_user');
    return account;
  }

  return {
    async verify(mfaToken, given, caller) {
      const logIn = await pendingLogIns.readForTry(mfaToken);
      const account = await accountOf(logIn);
      const by = { anonymous: caller };
      const code = given.code ?? given.recovery_code ?? '';
      const proof =
        given.passkey === undefined
          ? await proofs.useCode(account, code, by)
          : await proofs.usePasskey(account, given.passkey, 'second_factor', by);
      await pendingLogIns.use(logIn);
      return completeWithTokens(signIn, account, caller, [...logIn.proofs, proof]);
    },

    async startPasskey(mfaToken) {
      const account = await accountOf(await pendingLogIns.read(mfaToken));
      return passkeys.startProof(account.user_id, 'second_factor');
    },
  };
}
