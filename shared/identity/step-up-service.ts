import type { Principal } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import type { Accounts } from './accounts-repository.ts';
import type { FactorProofs } from './factor-proofs.ts';
import { hasSecondFactor, methodsOf } from './factor-rules.ts';
import type { StepUp } from './factor-schemas.ts';
import { ownAccount } from './own-account.ts';
import type { UserDocument } from './schemas.ts';
import type { Proof } from './session-schemas.ts';
import type { SessionsService } from './sessions-service.ts';

export interface StepUpService {
  /**
   * Proves again who somebody is. Throws `wrong_password`, `invalid_code`, `rate_limited`, and `step_up_required` when what was
   * given is not what counts for this account.
   */
  stepUp(user: Principal, given: StepUp): Promise<{ proved_at: string; expires_in: number }>;
  /** Throws `step_up_required`, with the ways to prove it, unless the person has proved a short while ago who they are. */
  assertFresh(user: Principal): Promise<void>;
}

export function createStepUpService(deps: {
  accounts: Pick<Accounts, 'find'>;
  proofs: FactorProofs;
  sessions: Pick<SessionsService, 'assertFresh' | 'prove'>;
}): StepUpService {
  const { accounts, proofs, sessions } = deps;

  /** What counts for this account: the second factor where there is one, the password otherwise, else the provider. */
  function waysOf(account: UserDocument): string[] {
    if (hasSecondFactor(account)) return methodsOf(account);
    if (account.password_hash !== null) return ['password'];
    return account.external_logins.map(({ provider }) => provider);
  }

  async function prove(user: Principal, account: UserDocument, given: StepUp): Promise<Proof | undefined> {
    const code = given.code ?? given.recovery_code;
    if (!hasSecondFactor(account)) {
      if (account.password_hash === null || given.password === undefined) return undefined;
      return proofs.checkPassword(account, given.password, user);
    }
    if (code !== undefined) return proofs.useCode(account, code, user);
    if (given.passkey !== undefined) return proofs.usePasskey(account, given.passkey, 'step_up', user);
    return undefined;
  }

  return {
    async stepUp(user, given) {
      const account = await ownAccount(accounts, user);
      const proof = await prove(user, account, given);
      if (proof !== undefined) return sessions.prove(user, proof);
      const methods = waysOf(account);
      const detail =
        account.password_hash === null && !hasSecondFactor(account)
          ? 'The account has no password and no second factor: sign in again with its provider'
          : `This account proves it with: ${methods.join(', ')}`;
      throw new AppError('step_up_required', detail, { extensions: { methods } });
    },

    async assertFresh(user) {
      try {
        await sessions.assertFresh(user);
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'step_up_required') throw error;
        const methods = user.via.kind === 'session' ? waysOf(await ownAccount(accounts, user)) : [];
        throw new AppError('step_up_required', error.message, { cause: error, extensions: { methods } });
      }
    },
  };
}
