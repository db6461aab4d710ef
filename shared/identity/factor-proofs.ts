import type { OneTimeCodes } from '../adapters/one-time-codes/totp.ts';
import type { PasskeyCeremonies } from '../adapters/passkeys/ceremonies.ts';
import type { Passwords } from '../adapters/passwords/pool.ts';
import type { AuditActor, AuditEntry, AuditRecorder } from '../audit/record.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import { AppError } from '../platform/errors.ts';
import { untilWritten } from '../platform/optimistic.ts';
import { isSameText } from '../platform/same-text.ts';
import type { SecretBox } from '../platform/secret-box.ts';
import { factorOf } from './factor-changes.ts';
import {
  type GivenCode,
  hashRecoveryCode,
  noFailures,
  openSteps,
  readCode,
  waitMs,
  withFailure,
} from './factor-rules.ts';
import type { FactorDocument, FactorMethod, PasskeyAssertion, PasskeyPurpose } from './factor-schemas.ts';
import type { Factors } from './factors-repository.ts';
import type { PasskeyChallenges } from './passkey-challenges.ts';
import type { UserDocument } from './schemas.ts';

/**
 * Proofs of who somebody is, beside the log-in with a password. Each decides and writes in one step guarded by the version that
 * was read: what is right is used up, and what is wrong is counted and leaves a trace, however many come at once.
 */
export interface FactorProofs {
  /** A one-time code or a recovery code. Throws `invalid_code`, and `rate_limited` after wrong ones. */
  useCode(account: UserDocument, given: string, by: AuditActor): Promise<'totp' | 'recovery_code'>;
  /** Throws `invalid_code`. */
  usePasskey(
    account: UserDocument,
    response: PasskeyAssertion,
    purpose: PasskeyPurpose,
    by: AuditActor,
  ): Promise<'passkey'>;
  /** Throws `wrong_password`, and `rate_limited` after wrong ones. */
  checkPassword(account: UserDocument, password: string, by: AuditActor): Promise<'password'>;
  /** The step of a right code, of those that still count. */
  stepOf(secret: string, code: string, lastStep: number): number | undefined;
}

export function createFactorProofs(deps: {
  factors: Factors;
  passkeyChallenges: PasskeyChallenges;
  ceremonies: Pick<PasskeyCeremonies, 'verifyAuthentication'>;
  codes: Pick<OneTimeCodes, 'codeAt'>;
  passwords: Pick<Passwords, 'verify' | 'verifyDummy'>;
  secretBox: SecretBox;
  audit: AuditRecorder;
  clock: Clock;
}): FactorProofs {
  const { factors, passkeyChallenges, ceremonies, codes, passwords, secretBox, audit, clock } = deps;

  function stepOf(secret: string, code: string, lastStep: number): number | undefined {
    // All of them are compared, so that the time tells nothing about the clock of the other side.
    const right = openSteps(clock.now(), lastStep).filter((step) => isSameText(codes.codeAt(secret, step), code));
    return right.at(-1);
  }

  const entry = (userId: string, by: AuditActor, rest: Omit<AuditEntry, 'by' | 'target'>) =>
    audit.operation('accounts', { by, target: { type: 'account', id: userId }, ...rest });

  function assertNoWait(factor: FactorDocument, which: 'code_failures' | 'password_failures'): void {
    const wait = waitMs(factor[which], clock.now());
    if (wait > 0) {
      throw new AppError('rate_limited', 'Too many wrong answers; try again later.', { retryAfterS: wait / 1000 });
    }
  }

  /** The factor with the code used up, or undefined when the code is not right. */
  function afterCode(factor: FactorDocument, code: GivenCode): FactorDocument | undefined {
    if (code.kind === 'totp' && factor.totp !== null) {
      const secret = secretBox.open(factor.totp.secret, factor.user_id);
      const step = stepOf(secret, code.code, factor.totp.last_step);
      return step === undefined ? undefined : { ...factor, totp: { ...factor.totp, last_step: step } };
    }
    if (code.kind !== 'recovery_code') return undefined;
    const hash = hashRecoveryCode(code.code, factor.user_id);
    const left = factor.recovery_codes.filter((known) => !isSameText(known, hash));
    return left.length === factor.recovery_codes.length ? undefined : { ...factor, recovery_codes: left };
  }

  const find = (userId: string) => factorOf(factors, userId);

  /** Writes what a right or a wrong answer leads to; undefined when somebody else wrote in between. */
  async function settle(
    before: FactorDocument,
    after: FactorDocument | undefined,
    by: AuditActor,
    method: FactorMethod,
  ): Promise<boolean | undefined> {
    const { user_id } = before;
    if (after !== undefined) {
      const used = entry(user_id, by, {
        action: 'second_factor.recovery_used',
        detail: { left: after.recovery_codes.length },
      });
      const right = { ...after, code_failures: noFailures };
      const refused = await factors.write(right, method === 'recovery_code' ? [used] : []);
      return refused === undefined ? true : undefined;
    }
    // Only codes of six digits can be guessed. Were other wrong answers counted, strangers could shut somebody out with them.
    const failures = method === 'totp' ? withFailure(before.code_failures, clock.now()) : before.code_failures;
    const trace = entry(user_id, by, {
      action: 'second_factor.refused',
      result: 'refused',
      detail: { method },
    });
    const refused = await factors.write({ ...before, code_failures: failures }, [trace]);
    return refused === undefined ? false : undefined;
  }

  return {
    stepOf,

    async useCode(account, given, by) {
      const code = readCode(given);
      const method = code.kind === 'totp' ? 'totp' : 'recovery_code';
      const isRight = await untilWritten(async () => {
        const factor = await find(account.user_id);
        // Recovery codes and passkeys stay a way in for the owner while somebody else is trying codes.
        if (method === 'totp') assertNoWait(factor, 'code_failures');
        return settle(factor, afterCode(factor, code), by, method);
      });
      if (!isRight) throw new AppError('invalid_code');
      return method;
    },

    async usePasskey(account, response, purpose, by) {
      const asked = purpose === 'sign_in' ? null : account.user_id;
      const challenge = await passkeyChallenges.use(response, purpose, asked);
      const isRight = await untilWritten(async () => {
        const factor = await find(account.user_id);
        const passkey = factor.passkeys.find(({ credential_id }) => credential_id === response.id);
        const answer =
          challenge === undefined || passkey === undefined
            ? undefined
            : await ceremonies.verifyAuthentication(response, challenge, passkey);
        // Alone it must be as good as a password and a code together.
        const isEnough = answer !== undefined && (purpose !== 'sign_in' || answer.is_user_verified);
        const after = isEnough
          ? {
              ...factor,
              passkeys: factor.passkeys.map((one) =>
                one === passkey ? { ...one, counter: answer.counter, last_used_at: isoTime(clock.now()) } : one,
              ),
            }
          : undefined;
        return settle(factor, after, by, 'passkey');
      });
      if (!isRight) throw new AppError('invalid_code', 'The passkey was not accepted');
      return 'passkey';
    },

    async checkPassword(account, password, by) {
      const { password_hash: hash, user_id } = account;
      assertNoWait(await find(user_id), 'password_failures');
      const isRight = hash === null ? await passwords.verifyDummy(password) : await passwords.verify(password, hash);
      await untilWritten(async () => {
        const factor = await find(user_id);
        // Of many at once that were wrong, those that come too late are told nothing.
        assertNoWait(factor, 'password_failures');
        if (isRight && factor.password_failures.count === 0) return true;
        const failures = isRight ? noFailures : withFailure(factor.password_failures, clock.now());
        const trace = entry(user_id, by, {
          action: 'second_factor.refused',
          result: 'refused',
          detail: { method: 'password' },
        });
        const refused = await factors.write({ ...factor, password_failures: failures }, isRight ? [] : [trace]);
        return refused === undefined ? true : undefined;
      });
      if (!isRight) throw new AppError('wrong_password');
      return 'password';
    },
  };
}
