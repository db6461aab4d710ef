import type { AuditRecorder } from '../audit/record.ts';
import type { Mail, MailOf } from '../mail/job-schemas.ts';
import type { MailOutbox } from '../mail/outbox.ts';
import type { AddressedMail } from '../mail/service.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Caller, Principal } from '../platform/define-endpoint.ts';
import { untilWritten } from '../platform/optimistic.ts';
import { linkLifetimesMs } from './account-link-rules.ts';
import { toUser } from './account-rules.ts';
import type { AccountStates } from './account-states.ts';
import { type Accounts, accountsPk } from './accounts-repository.ts';
import type { LinkIssuer } from './link-issuer.ts';

export interface EmailVerificationService {
  /** The e-mail that a new address is verified with; nothing without one. */
  mailsFor(account: { user_id: string; email: string | null }): Mail[];
  /** Whether there is something to verify, and therefore a link on its way. */
  request(user: Principal, newId: string): Promise<boolean>;
  /** Throws `account_token_invalid`. */
  verify(token: string, caller: Caller): Promise<void>;
  compose(mail: MailOf<'email_verification'>, jobId: string): Promise<AddressedMail | undefined>;
}

export function createEmailVerificationService(deps: {
  accounts: Accounts;
  states: Pick<AccountStates, 'forget'>;
  links: LinkIssuer;
  mails: MailOutbox;
  audit: AuditRecorder;
  clock: Clock;
  appUrl: string;
}): EmailVerificationService {
  const { accounts, states, links, mails, audit, clock, appUrl } = deps;

  function mailsFor({ user_id, email }: { user_id: string; email: string | null }): Mail[] {
    if (email === null) return [];
    return [{ kind: 'email_verification', user_id, email, requested_at: isoTime(clock.now()) }];
  }

  return {
    mailsFor,

    async request(user, newId) {
      const account = await accounts.find(user.user_id);
      const [mail] = account?.is_verified === false ? mailsFor(account) : [];
      if (mail === undefined) return false;
      await mails.send(mail, newId);
      return true;
    },

    async verify(token, caller) {
      const userId = await untilWritten(async () => {
        const { account } = await links.open('email_verification', token);
        // The link stays good: whoever opens it twice is told the same twice, and nothing happens the second time.
        if (account.is_verified) return account.user_id;
        const verified = audit.operation(accountsPk, {
          by: { anonymous: caller },
          action: 'account.email_verified',
          target: { type: 'account', id: account.user_id },
        });
        const now = isoTime(clock.now());
        const refusal = await accounts.replace({ ...account, is_verified: true, updated_at: now }, [verified]);
        return refusal === undefined ? account.user_id : undefined;
      });
      states.forget(userId);
    },

    async compose(mail, jobId) {
      const account = await accounts.find(mail.user_id);
      if (account?.status !== 'active' || account.email !== mail.email || account.is_verified) return undefined;
      const token = await links.issue({ ...account, email: account.email }, { ...mail, job_id: jobId });
      if (token === undefined) return undefined;
      const link = `${appUrl}/verify-email?token=${token}`;
      const valid_hours = linkLifetimesMs.email_verification / 3_600_000;
      return { to: account.email, mail: { kind: 'email_verification', name: toUser(account).name, link, valid_hours } };
    },
  };
}
