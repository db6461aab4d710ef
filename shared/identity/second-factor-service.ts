import type { OneTimeCodes } from '../adapters/one-time-codes/totp.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Caller, Principal } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import { untilWritten } from '../platform/optimistic.ts';
import type { SecretBox } from '../platform/secret-box.ts';
import type { Accounts } from './accounts-repository.ts';
import { type FactorChanges, factorOf } from './factor-changes.ts';
import type { FactorProofs } from './factor-proofs.ts';
import { hasSecondFactor, methodsOf, whyKept, withoutSpareCodes } from './factor-rules.ts';
import type { FactorProof, RecoveryCodes, SecondFactorState, TotpSetup } from './factor-schemas.ts';
import type { FactorSetup, Setup } from './factor-setup.ts';
import type { Factors } from './factors-repository.ts';
import { ownAccount } from './own-account.ts';
import { newRecoveryCodes } from './recovery-codes.ts';
import { withAllSessionsEnded } from './session-rules.ts';

export interface SecondFactorService {
  state(user: Principal): Promise<SecondFactorState>;
  /**
   * A new secret in place of one that was not confirmed. For somebody who is logged in, or whose log-in waits for a first
   * second factor. Throws `conflict` when one is confirmed, `step_up_required`, `unauthenticated`.
   */
  startTotp(setup: Setup, caller: Caller): Promise<TotpSetup>;
  /** Throws `invalid_code`, `conflict` when there is nothing to confirm. */
  confirmTotp(setup: Setup, code: string, caller: Caller): Promise<RecoveryCodes>;
  /** Throws `wrong_password`, `invalid_code`, `rate_limited`, `not_found`, `conflict` for the last one of who must have one. */
  removeTotp(user: Principal, given: FactorProof): Promise<void>;
  /** Throws `wrong_password`, `invalid_code`, `rate_limited`, `not_found` without a second factor. */
  renewRecoveryCodes(user: Principal, given: FactorProof): Promise<RecoveryCodes>;
  /**
   * Takes the second factors from somebody who has lost them all, by an administrator who knows the person; the sessions of the
   * account end. Throws `not_found`.
   */
  reset(by: Principal, userId: string): Promise<undefined>;
}

export function createSecondFactorService(deps: {
  accounts: Accounts;
  factors: Factors;
  proofs: FactorProofs;
  factorSetup: FactorSetup;
  codes: OneTimeCodes;
  secretBox: SecretBox;
  changes: FactorChanges;
  clock: Clock;
  requiredRoles: readonly string[];
}): SecondFactorService {
  const { accounts, factors, proofs, factorSetup, codes, secretBox, changes, clock, requiredRoles } = deps;

  const find = (userId: string) => factorOf(factors, userId);

  /** True once it is written; undefined when somebody else wrote in between. */
  async function write(...change: Parameters<FactorChanges['write']>): Promise<true | undefined> {
    return (await changes.write(...change)) === undefined ? true : undefined;
  }

  /** Who takes something away must show the password, where there is one, and the second factor. */
  async function prove(user: Principal, given: FactorProof): Promise<void> {
    const account = await ownAccount(accounts, user);
    if (account.password_hash !== null) {
      if (given.password === undefined) throw new AppError('wrong_password', 'Send the password too');
      await proofs.checkPassword(account, given.password, user);
    }
    if (given.passkey !== undefined) await proofs.usePasskey(account, given.passkey, 'step_up', user);
    else await proofs.useCode(account, given.code ?? given.recovery_code ?? '', user);
  }

  return {
    async state(user) {
      const account = await ownAccount(accounts, user);
      const factor = await find(user.user_id);
      return {
        user_id: user.user_id,
        totp: factor.totp !== null,
        passkeys: factor.passkeys.length,
        recovery_codes_left: factor.recovery_codes.length,
        methods: methodsOf(account).filter((one) => one !== 'recovery_code' || factor.recovery_codes.length > 0),
        is_required: requiredRoles.includes(account.role),
      };
    },

    async startTotp(setup, caller) {
      const { account } = await factorSetup.begin(setup, caller);
      const secret = codes.newSecret();
      await untilWritten(async () => {
        const factor = await find(account.user_id);
        if (factor.totp !== null) throw new AppError('conflict', 'An authenticator app is set up; remove it first');
        const sealed = secretBox.seal(secret, account.user_id);
        const refused = await factors.write({ ...factor, unconfirmed_totp: { secret: sealed } }, []);
        return refused === undefined ? true : undefined;
      });
      return { secret, ...codes.describe(secret, account.username) };
    },

    async confirmTotp(setup, code, caller) {
      const recovery = await untilWritten(async () => {
        const { account, by } = await factorSetup.resume(setup, caller);
        const factor = await find(account.user_id);
        if (factor.totp !== null) throw new AppError('conflict', 'An authenticator app is set up already');
        if (factor.unconfirmed_totp === null) throw new AppError('conflict', 'There is nothing to confirm');
        const { secret } = factor.unconfirmed_totp;
        const step = proofs.stepOf(secretBox.open(secret, account.user_id), code.replace(/[\s-]/g, ''), -1);
        if (step === undefined) throw new AppError('invalid_code');
        const { shown, hashes } = newRecoveryCodes(account.user_id);
        const confirmed = {
          ...factor,
          totp: { secret, confirmed_at: isoTime(clock.now()), last_step: step },
          unconfirmed_totp: null,
          recovery_codes: hashes,
        };
        const trace = { by, action: 'second_factor.added', detail: { kind: 'totp' } } as const;
        return (await write(account, confirmed, trace)) && shown;
      });
      return { recovery_codes: recovery, ...(await factorSetup.finish(setup, 'totp', caller)) };
    },

    async removeTotp(user, given) {
      if ((await find(user.user_id)).totp === null) throw new AppError('not_found', 'No authenticator app is set up');
      await prove(user, given);
      await untilWritten(async () => {
        const [account, factor] = [await ownAccount(accounts, user), await find(user.user_id)];
        const left = withoutSpareCodes({ ...factor, totp: null });
        const reason = whyKept(account, left, requiredRoles);
        if (reason !== undefined) throw new AppError('conflict', reason);
        return write(account, left, {
          by: user,
          action: 'second_factor.removed',
          detail: { kind: 'totp' },
        });
      });
    },

    async reset(by, userId) {
      await untilWritten(async () => {
        const account = await accounts.find(userId);
        if (account === undefined) throw new AppError('not_found', 'User not found');
        if (!hasSecondFactor(account)) throw new AppError('not_found', 'No second factor is set up');
        const factor = await find(userId);
        const left = { ...factor, totp: null, unconfirmed_totp: null, passkeys: [], recovery_codes: [] };
        const trace = { by, action: 'second_factor.removed', detail: { kind: 'all' } } as const;
        const released = factor.passkeys.map(({ credential_id }) => factors.releasePasskey(credential_id));
        return write(withAllSessionsEnded(account), left, trace, released);
      });
      return undefined;
    },

    async renewRecoveryCodes(user, given) {
      if (!hasSecondFactor(await ownAccount(accounts, user)))
        throw new AppError('not_found', 'No second factor is set up');
      await prove(user, given);
      const { shown, hashes } = newRecoveryCodes(user.user_id);
      await untilWritten(async () => {
        const [account, factor] = [await ownAccount(accounts, user), await find(user.user_id)];
        const renewed = { ...factor, recovery_codes: hashes };
        return write(account, renewed, { by: user, action: 'second_factor.recovery_renewed' });
      });
      return { recovery_codes: shown };
    },
  };
}
