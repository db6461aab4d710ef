import type { AuditRecorder } from '../audit/record.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Principal } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import { untilWritten } from '../platform/optimistic.ts';
import type { AccountStates } from './account-states.ts';
import { type Accounts, accountsPk, releaseExternal, reserveExternal } from './accounts-repository.ts';
import { canUnlink } from './external-rules.ts';
import type { LinkAnswer, Logins, SignInCallback } from './external-schemas.ts';
import { ownAccount } from './own-account.ts';
import type { SignInRoundTrip } from './sign-in-transactions.ts';

export interface ExternalLoginsService {
  list(user: Principal): Promise<Logins>;
  /**
   * Begins a link when nothing came back from the provider, completes it otherwise. Throws `not_found`, `sign_in_refused`,
   * `provider_unavailable`, `conflict` (the person there, or the provider here, is linked already).
   */
  link(user: Principal, provider: string, callback: SignInCallback): Promise<LinkAnswer>;
  /** Throws `not_found`; `conflict` for the last way into the account. */
  unlink(user: Principal, provider: string): Promise<void>;
}

export function createExternalLoginsService(deps: {
  roundTrip: SignInRoundTrip;
  accounts: Accounts;
  states: Pick<AccountStates, 'forget'>;
  audit: AuditRecorder;
  clock: Clock;
}): ExternalLoginsService {
  const { roundTrip, accounts, states, audit, clock } = deps;

  const event = (user: Principal, action: 'account.login_linked' | 'account.login_unlinked', provider: string) =>
    audit.operation(accountsPk, {
      by: user,
      action,
      target: { type: 'account', id: user.user_id },
      detail: { provider },
    });

  return {
    async list(user) {
      const { user_id, password_hash, second_factors, external_logins } = await ownAccount(accounts, user);
      return {
        user_id,
        has_password: password_hash !== null,
        passkeys: second_factors.passkeys,
        logins: external_logins,
      };
    },

    async link(user, name, callback) {
      const hasAnswer = callback.code !== undefined || callback.error !== undefined || callback.state !== undefined;
      if (!hasAnswer) return roundTrip.begin(name, user.user_id);
      const { provider, identity } = await roundTrip.end(name, callback, user.user_id);
      const login = {
        provider,
        subject: identity.subject,
        email: identity.email,
        linked_at: isoTime(clock.now()),
      };
      return untilWritten(async () => {
        const account = await ownAccount(accounts, user);
        const before = account.external_logins.find((one) => one.provider === provider);
        if (before?.subject === login.subject) return before;
        if (before !== undefined) {
          throw new AppError('conflict', 'Another account of this provider is linked; take that out first');
        }
        const holder = await accounts.findByExternal(login);
        if (holder !== undefined) throw new AppError('conflict', 'This sign-in is linked to another account');
        const linked = {
          ...account,
          external_logins: [...account.external_logins, login],
          updated_at: login.linked_at,
        };
        const refusal = await accounts.replace(linked, [
          reserveExternal(login, user.user_id),
          event(user, 'account.login_linked', provider),
        ]);
        if (refusal !== undefined) return undefined;
        states.forget(user.user_id);
        return login;
      });
    },

    async unlink(user, name) {
      await untilWritten(async () => {
        const account = await ownAccount(accounts, user);
        const login = account.external_logins.find((one) => one.provider === name);
        if (login === undefined) throw new AppError('not_found', 'This provider is not linked');
        if (!canUnlink(account, login.provider)) {
          throw new AppError('conflict', 'This is the only way into the account; set a password first');
        }
        const unlinked = {
          ...account,
          external_logins: account.external_logins.filter((one) => one !== login),
          updated_at: isoTime(clock.now()),
        };
        const refusal = await accounts.replace(unlinked, [
          releaseExternal(login),
          event(user, 'account.login_unlinked', login.provider),
        ]);
        if (refusal !== undefined) return undefined;
        states.forget(user.user_id);
        return true;
      });
    },
  };
}
