import type { BatchOperation } from '../adapters/cosmos/container.ts';
import type { Passwords } from '../adapters/passwords/pool.ts';
import type { AuditActor, AuditRecorder } from '../audit/record.ts';
import type { MailOf } from '../mail/job-schemas.ts';
import type { MailOutbox, PreparedMails } from '../mail/outbox.ts';
import type { AddressedMail } from '../mail/service.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Caller, Principal } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import { untilWritten } from '../platform/optimistic.ts';
import { linkLifetimesMs } from './account-link-rules.ts';
import { replaceLink } from './account-links-repository.ts';
import { assertGoodPassword } from './account-maker.ts';
import type { AccountNotices } from './account-notices.ts';
import { toUser } from './account-rules.ts';
import type { AccountStates } from './account-states.ts';
import { type Accounts, accountsPk } from './accounts-repository.ts';
import type { PasswordResetCheck } from './credential-schemas.ts';
import type { LinkIssuer } from './link-issuer.ts';
import type { LogInThrottle } from './login-throttle-service.ts';
import type { UserDocument } from './schemas.ts';
import { withAllSessionsEnded } from './session-rules.ts';

export interface CredentialsService {
  /** Ends all sessions but the one that asks; throws `wrong_password`, `validation_failed`, `rate_limited`. */
  changePassword(user: Principal, input: { current_password: string; new_password: string }): Promise<void>;
  /** Does the same for every address, known or not. */
  requestReset(email: string, caller: Caller, newId: string): Promise<void>;
  /** Throws `not_found`. */
  checkReset(token: string): Promise<PasswordResetCheck>;
  /** Ends all sessions; the address counts as verified. Throws `account_token_invalid`, `validation_failed`. */
  reset(input: { token: string; new_password: string }, caller: Caller): Promise<void>;
  composeReset(mail: MailOf<'password_reset'>, jobId: string): Promise<AddressedMail | undefined>;
}

export function createCredentialsService(deps: {
  accounts: Accounts;
  states: Pick<AccountStates, 'forget'>;
  links: LinkIssuer;
  passwords: Passwords;
  throttle: Pick<LogInThrottle, 'attempt'>;
  mails: MailOutbox;
  notices: Pick<AccountNotices, 'ofNewPassword'>;
  audit: AuditRecorder;
  clock: Clock;
  appUrl: string;
}): CredentialsService {
  const { accounts, states, links, passwords, throttle, mails, notices, audit, clock, appUrl } = deps;

  /** The account with its new password; sessions that are not `kept` are over with the same write. */
  function renewed(account: UserDocument, hash: string, kept: string | null): UserDocument {
    return { ...withAllSessionsEnded(account, kept), password_hash: hash, updated_at: isoTime(clock.now()) };
  }

  const tell = (by: AuditActor, account: UserDocument) => mails.prepare(notices.ofNewPassword(by, account));

  /** Writes the account and what goes with it; undefined when somebody else was first. */
  async function write(account: UserDocument, more: readonly BatchOperation[], told: PreparedMails) {
    const refusal = await accounts.replace(account, [...more, ...told.operations]);
    return refusal === undefined ? { userId: account.user_id, told } : undefined;
  }

  /** Whoever sits at somebody's open session must not guess the password there; that is no log-in, so it delays none. */
  function isRight({ user_id: userId, caller }: Principal, password: string, hash: string): Promise<boolean> {
    const what = { name: `change-password:${userId}`, caller, deviceToken: undefined, userId };
    return throttle.attempt(what, () => passwords.verify(password, hash));
  }

  return {
    async changePassword(user, { current_password, new_password }) {
      const first = await accounts.find(user.user_id);
      const verified = first?.password_hash;
      if (!verified || !(await isRight(user, current_password, verified))) throw new AppError('wrong_password');
      assertGoodPassword(new_password, first, 'new_password');
      const hash = await passwords.hash(new_password);
      const kept = user.via.kind === 'session' ? user.via.session_id : null;
      const { told } = await untilWritten(async () => {
        const account = await accounts.find(user.user_id);
        // The password was changed while this one was hashed: what was proved is not the password any more.
        if (account?.password_hash !== verified) throw new AppError('wrong_password');
        const target = { type: 'account', id: account.user_id };
        const changed = audit.operation(accountsPk, { by: user, action: 'password.changed', target });
        return write(renewed(account, hash, kept), [changed], tell(user, account));
      });
      states.forget(user.user_id);
      await told.send();
    },

    requestReset: (email, caller, newId) =>
      mails.send(
        {
          kind: 'password_reset',
          email,
          requested_at: isoTime(clock.now()),
          asker: { request_id: caller.request_id, address: caller.address, user_agent: caller.user_agent },
        },
        newId,
      ),

    async checkReset(token) {
      const { link } = await links.open('password_reset', token).catch((error: unknown) => {
        if (!(error instanceof AppError) || error.code !== 'account_token_invalid') throw error;
        // The client looks for `valid` in the answer.
        throw new AppError('not_found', error.message, { extensions: { valid: false } });
      });
      return { valid: true, email: link.email };
    },

    async reset({ token, new_password }, caller) {
      const first = await links.open('password_reset', token);
      assertGoodPassword(new_password, first.account, 'new_password');
      const hash = await passwords.hash(new_password);
      const { userId, told } = await untilWritten(async () => {
        const { link, account } = await links.open('password_reset', token);
        const used = replaceLink({ ...link, used_at: isoTime(clock.now()) });
        const by = { anonymous: caller };
        const done = audit.operation(accountsPk, {
          by,
          action: 'password.reset',
          target: { type: 'account', id: account.user_id },
        });
        // The link came by e-mail, so whoever has it reads that address.
        const opened = { ...renewed(account, hash, null), is_verified: true };
        return write(opened, [used, done], tell(by, account));
      });
      states.forget(userId);
      await told.send();
    },

    async composeReset(mail, jobId) {
      const account = await accounts.findByName({ kind: 'email', name: mail.email });
      // A name for log-in may look like an address; only the address of the account is written to.
      if (account?.status !== 'active' || account.email?.toLowerCase() !== mail.email.toLowerCase()) return undefined;
      const requested = audit.operation(accountsPk, {
        by: { anonymous: { ...mail.asker, origin: null, place_id: null } },
        action: 'password.reset_requested',
        target: { type: 'account', id: account.user_id },
      });
      const request = { kind: mail.kind, job_id: jobId, requested_at: mail.requested_at };
      const token = await links.issue({ ...account, email: account.email }, request, [requested]);
      if (token === undefined) return undefined;
      const link = `${appUrl}/reset-password?token=${token}`;
      const valid_minutes = linkLifetimesMs.password_reset / 60_000;
      return { to: account.email, mail: { kind: 'password_reset', name: toUser(account).name, link, valid_minutes } };
    },
  };
}
