import type { PasskeyCeremonies } from '../adapters/passkeys/ceremonies.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Caller, Principal } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import { untilWritten } from '../platform/optimistic.ts';
import type { Accounts } from './accounts-repository.ts';
import { type FactorChanges, factorOf } from './factor-changes.ts';
import type { FactorProofs } from './factor-proofs.ts';
import { whyKept, withoutSpareCodes } from './factor-rules.ts';
import type { AddedPasskey, Passkey, PasskeyAssertion, PasskeyRegistration, StoredPasskey } from './factor-schemas.ts';
import { completeWithTokens, type FactorSetup, type Setup } from './factor-setup.ts';
import type { Factors } from './factors-repository.ts';
import { ownAccount } from './own-account.ts';
import type { PasskeyChallenges } from './passkey-challenges.ts';
import { newRecoveryCodes } from './recovery-codes.ts';
import type { TokenAnswer } from './session-schemas.ts';
import type { SignInService } from './sign-in-service.ts';

type CreationOptions = Awaited<ReturnType<PasskeyCeremonies['registrationOptions']>>;
type RequestOptions = Awaited<ReturnType<PasskeyCeremonies['authenticationOptions']>>;

export interface PasskeysService {
  /** Throws `unauthenticated`, `forbidden`, `step_up_required`, `conflict` when there are as many as there may be. */
  startAdding(setup: Setup, caller: Caller): Promise<CreationOptions>;
  /** Throws `invalid_code` for an answer that does not hold, `conflict` when the passkey is known. */
  add(
    setup: Setup,
    given: { response: PasskeyRegistration; name: string; passkey_id: string },
    caller: Caller,
  ): Promise<AddedPasskey>;
  list(user: Principal): Promise<Passkey[]>;
  /** Throws `not_found`. */
  rename(user: Principal, passkeyId: string, name: string): Promise<Passkey>;
  /** Throws `not_found`, `conflict` for the last second factor of who must have one. */
  remove(user: Principal, passkeyId: string): Promise<void>;
  startSignIn(): Promise<RequestOptions>;
  /** Throws `invalid_credentials` whatever is wrong, `inactive_user` to the owner. */
  signIn(response: PasskeyAssertion, caller: Caller): Promise<TokenAnswer>;
  /** The question for a passkey of an account that is known. */
  startProof(userId: string, purpose: 'second_factor' | 'step_up'): Promise<RequestOptions>;
}

const passkeysMax = 10;

function toPasskey({ passkey_id, name, is_synced, created_at, last_used_at }: StoredPasskey): Passkey {
  return { passkey_id, name, is_synced, created_at, last_used_at };
}

export function createPasskeysService(deps: {
  accounts: Accounts;
  factors: Factors;
  proofs: Pick<FactorProofs, 'usePasskey'>;
  factorSetup: FactorSetup;
  passkeyChallenges: PasskeyChallenges;
  ceremonies: PasskeyCeremonies;
  signIn: Pick<SignInService, 'complete'>;
  changes: FactorChanges;
  clock: Clock;
  requiredRoles: readonly string[];
}): PasskeysService {
  const { accounts, factors, proofs, factorSetup, passkeyChallenges, ceremonies, changes, clock } = deps;

  const find = (userId: string) => factorOf(factors, userId);

  async function assertRoom(userId: string) {
    const factor = await find(userId);
    if (factor.passkeys.length >= passkeysMax)
      throw new AppError('conflict', `An account can have ${passkeysMax} passkeys; remove one first`);
    return factor;
  }

  async function startProof(userId: string, purpose: 'second_factor' | 'step_up'): Promise<RequestOptions> {
    const { passkeys } = await find(userId);
    if (passkeys.length === 0) throw new AppError('not_found', 'The account has no passkey');
    return ceremonies.authenticationOptions(await passkeyChallenges.open(purpose, userId), passkeys);
  }

  return {
    async startAdding(setup, caller) {
      const { account } = await factorSetup.begin(setup, caller);
      const { passkeys } = await assertRoom(account.user_id);
      const challenge = await passkeyChallenges.open('add', account.user_id);
      const { user_id, username, display_name, full_name } = account;
      const named = { user_id, username, display_name: display_name ?? full_name ?? username };
      return ceremonies.registrationOptions(challenge, named, passkeys);
    },

    async add(setup, { response, name, passkey_id }, caller) {
      const { account: owner } = await factorSetup.resume(setup, caller);
      const challenge = await passkeyChallenges.use(response, 'add', owner.user_id);
      const made = challenge && (await ceremonies.verifyRegistration(response, challenge));
      if (!made) throw new AppError('invalid_code', 'The passkey was not accepted');
      const created_at = isoTime(clock.now());
      const stored: StoredPasskey = { passkey_id, name, ...made, created_at, last_used_at: null };
      const { recovery_codes } = await untilWritten(async () => {
        const { account, by } = await factorSetup.resume(setup, caller);
        const factor = await assertRoom(account.user_id);
        const isFirst = factor.totp === null && factor.passkeys.length === 0;
        const recovery = isFirst ? newRecoveryCodes(account.user_id) : undefined;
        const changed = {
          ...factor,
          passkeys: [...factor.passkeys, stored],
          recovery_codes: recovery?.hashes ?? factor.recovery_codes,
        };
        const trace = { by, action: 'second_factor.added', detail: { kind: 'passkey', passkey_id } } as const;
        const claim = factors.claimPasskey(made.credential_id, account.user_id);
        const refused = await changes.write(account, changed, trace, [claim]);
        if (refused?.status === 409 && refused.index === 2)
          throw new AppError('conflict', 'This passkey belongs to an account already');
        return refused === undefined ? { recovery_codes: recovery?.shown } : undefined;
      });
      return {
        passkey: toPasskey(stored),
        ...(recovery_codes === undefined ? {} : { recovery_codes }),
        ...(await factorSetup.finish(setup, 'passkey', caller)),
      };
    },

    list: async (user) => (await find(user.user_id)).passkeys.map(toPasskey),

    async rename(user, passkeyId, name) {
      return untilWritten(async () => {
        const factor = await find(user.user_id);
        const found = factor.passkeys.find(({ passkey_id }) => passkey_id === passkeyId);
        if (found === undefined) throw new AppError('not_found');
        const renamed = { ...found, name };
        const passkeys = factor.passkeys.map((one) => (one === found ? renamed : one));
        const refused = await factors.write({ ...factor, passkeys }, []);
        return refused === undefined ? toPasskey(renamed) : undefined;
      });
    },

    async remove(user, passkeyId) {
      await untilWritten(async () => {
        const [account, factor] = [await ownAccount(accounts, user), await find(user.user_id)];
        const found = factor.passkeys.find(({ passkey_id }) => passkey_id === passkeyId);
        if (found === undefined) throw new AppError('not_found');
        const left = withoutSpareCodes({ ...factor, passkeys: factor.passkeys.filter((one) => one !== found) });
        const reason = whyKept(account, left, deps.requiredRoles);
        if (reason !== undefined) throw new AppError('conflict', reason);
        const trace = {
          by: user,
          action: 'second_factor.removed',
          detail: { kind: 'passkey', passkey_id: passkeyId },
        } as const;
        const refused = await changes.write(account, left, trace, [factors.releasePasskey(found.credential_id)]);
        return refused === undefined ? true : undefined;
      });
    },

    async startSignIn() {
      return ceremonies.authenticationOptions(await passkeyChallenges.open('sign_in', null));
    },

    async signIn(response, caller) {
      const refusal = () => new AppError('invalid_credentials', 'The passkey was not accepted');
      const userId = await factors.findPasskeyOwner(response.id);
      const account = userId === undefined ? undefined : await accounts.find(userId);
      if (account === undefined) throw refusal();
      const believed = ceremonies.userOf(response);
      if (believed !== undefined && believed !== account.user_id) throw refusal();
      const proof = await proofs
        .usePasskey(account, response, 'sign_in', { anonymous: caller })
        .catch((error: unknown) => {
          throw error instanceof AppError && error.code === 'invalid_code' ? refusal() : error;
        });
      return completeWithTokens(deps.signIn, account, caller, [proof]);
    },

    startProof,
  };
}
