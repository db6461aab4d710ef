import type { AuditActor, AuditEntry } from '../audit/record.ts';
import type { Mail } from '../mail/job-schemas.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import { toUser } from './account-rules.ts';
import type { EmailVerificationService } from './email-verification-service.ts';
import type { UserDocument } from './schemas.ts';

/** What the holder of an account is told when somebody changes it, in case that it was somebody else; nothing without an address. */
export interface AccountNotices {
  /** To the former address, and to the new one, to prove it. */
  ofNewEmail(by: AuditActor, before: UserDocument, after: UserDocument): Mail[];
  ofNewPassword(by: AuditActor, account: UserDocument): Mail[];
  /** Of a second factor that was added or removed, as the event says. */
  ofSecondFactor(event: AuditEntry, account: UserDocument): Mail[];
}

const factorKinds: Record<string, string> = { totp: 'an authenticator app', passkey: 'a passkey' };

/** What happened, in words; undefined for what nobody need be told. */
function inWords({ action, detail = {} }: AuditEntry): string | undefined {
  const kind = factorKinds[String(detail['kind'])] ?? 'a second factor';
  if (action === 'second_factor.added') return `${kind} was added`;
  if (action === 'second_factor.removed') return `${kind} was removed`;
  return action === 'second_factor.recovery_renewed' ? 'new recovery codes were made' : undefined;
}

/** Where an administrator works is nobody else's business; whoever is not signed in acts as the holder. */
function addressOf(by: AuditActor, { user_id }: UserDocument): string {
  if ('anonymous' in by) return by.anonymous.address;
  return by.user_id === user_id ? by.caller.address : 'of an administrator';
}

export function createAccountNotices(deps: {
  verification: Pick<EmailVerificationService, 'mailsFor'>;
  clock: Clock;
}): AccountNotices {
  const { verification, clock } = deps;

  const when = (by: AuditActor, account: UserDocument) => ({
    at: isoTime(clock.now()),
    address: addressOf(by, account),
  });

  return {
    ofNewEmail(by, before, after) {
      const proof = verification.mailsFor(after);
      if (before.email === null) return proof;
      const told = { name: toUser(before).name, new_email: after.email ?? 'none', ...when(by, before) };
      return [{ kind: 'email_changed', to: before.email, ...told }, ...proof];
    },
    ofNewPassword(by, account) {
      if (account.email === null) return [];
      return [{ kind: 'password_changed', user_id: account.user_id, ...when(by, account) }];
    },
    ofSecondFactor(event, account) {
      const what = inWords(event);
      if (what === undefined || account.email === null) return [];
      return [{ kind: 'second_factor_changed', user_id: account.user_id, what, ...when(event.by, account) }];
    },
  };
}
