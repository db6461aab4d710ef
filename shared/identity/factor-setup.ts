import type { AuditActor } from '../audit/record.ts';
import type { Caller, Principal } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import { permissions } from '../platform/permissions.ts';
import type { Accounts } from './accounts-repository.ts';
import { hasSecondFactor } from './factor-rules.ts';
import { ownAccount } from './own-account.ts';
import { logInIsOver, type PendingLogIns } from './pending-log-ins.ts';
import type { UserDocument } from './schemas.ts';
import type { Proof, TokenAnswer } from './session-schemas.ts';
import type { SignInService } from './sign-in-service.ts';

/** Who sets up a second factor: somebody logged in, or whose log-in waits because the role must have one. */
export interface Setup {
  user: Principal | undefined;
  mfa_token: string | undefined;
}

export interface FactorSetup {
  /** Who may begin. Throws `unauthenticated`, `forbidden` for an API key, `step_up_required`. */
  begin(setup: Setup, caller: Caller): Promise<{ account: UserDocument; by: AuditActor }>;
  /** The same for who has begun, which asks for no fresh proof again. */
  resume(setup: Setup, caller: Caller): Promise<{ account: UserDocument; by: AuditActor }>;
  /** What follows when the factor is there: the tokens of a log-in that waited for it, nothing for who was logged in. */
  finish(setup: Setup, proof: Proof, caller: Caller): Promise<{ tokens?: TokenAnswer }>;
}

/** The tokens of a log-in that has shown all that it must. */
export async function completeWithTokens(
  signIn: Pick<SignInService, 'complete'>,
  ...args: Parameters<SignInService['complete']>
): Promise<TokenAnswer> {
  const answer = await signIn.complete(...args);
  if ('mfa_required' in answer) throw new Error('A second factor was shown and is asked for again.');
  return answer;
}

export function createFactorSetup(deps: {
  accounts: Pick<Accounts, 'find'>;
  pendingLogIns: PendingLogIns;
  signIn: Pick<SignInService, 'complete'>;
  assertFresh: (user: Principal) => Promise<void>;
}): FactorSetup {
  const { accounts, pendingLogIns, signIn, assertFresh } = deps;

  async function ofLogIn(token: string, caller: Caller): Promise<{ account: UserDocument; by: AuditActor }> {
    const logIn = await pendingLogIns.read(token);
    const account = await accounts.find(logIn.user_id);
    const isStillTheir = account?.session_version === logIn.session_version && account.status === 'active';
    // Who knows a password alone must not be able to add a second factor beside the owner's.
    if (!isStillTheir || hasSecondFactor(account)) {
      throw logInIsOver();
    }
    return { account, by: { anonymous: caller } };
  }

  async function resume({ user, mfa_token }: Setup, caller: Caller) {
    if (user === undefined) {
      if (mfa_token === undefined) throw new AppError('unauthenticated', 'Could not validate credentials');
      return ofLogIn(mfa_token, caller);
    }
    if (!user.permissions.has('account:secure_self'))
      throw new AppError('forbidden', permissions['account:secure_self'].refusal);
    return { account: await ownAccount(accounts, user), by: user };
  }

  return {
    resume,
    async begin(setup, caller) {
      const begun = await resume(setup, caller);
      if (setup.user !== undefined) await assertFresh(setup.user);
      return begun;
    },
    async finish({ user, mfa_token }, proof, caller) {
      if (user !== undefined || mfa_token === undefined) return {};
      const logIn = await pendingLogIns.read(mfa_token);
      const account = await accounts.find(logIn.user_id);
      if (account?.session_version !== logIn.session_version) {
        throw logInIsOver();
      }
      await pendingLogIns.use(logIn);
      return { tokens: await completeWithTokens(signIn, account, caller, [...logIn.proofs, proof]) };
    },
  };
}
