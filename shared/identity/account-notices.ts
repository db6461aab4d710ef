import type { Mail } from '../mail/job-schemas.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Principal } from '../platform/define-endpoint.ts';
import { toUser } from './account-rules.ts';
import type { EmailVerificationService } from './email-verification-service.ts';
import type { UserDocument } from './schemas.ts';

/** What the holder of an account is told when somebody changes it. */
export interface AccountNotices {
  /** To the former address, in case that it was somebody else, and to the new one, to prove it. */
  ofNewEmail(by: Principal, before: UserDocument, after: UserDocument): Mail[];
  ofNewPassword(by: Principal, account: UserDocument): Mail[];
}

export function createAccountNotices(deps: {
  verification: Pick<EmailVerificationService, 'mailFor'>;
  clock: Clock;
}): AccountNotices {
  const { verification, clock } = deps;

  /** Where an administrator works is nobody else's business. */
  function addressOf(by: Principal, account: UserDocument): string {
    return by.user_id === account.user_id ? by.caller.address : 'of an administrator';
  }

  return {
    ofNewEmail(by, before, after) {
      const told = { name: toUser(before).name, at: isoTime(clock.now()), address: addressOf(by, before) };
      const proof = verification.mailFor(after);
      const notices: Mail[] = proof === undefined ? [] : [proof];
      if (before.email === null) return notices;
      return [{ kind: 'email_changed', to: before.email, new_email: after.email ?? 'none', ...told }, ...notices];
    },
    ofNewPassword(by, account) {
      if (account.email === null) return [];
      const at = isoTime(clock.now());
      return [{ kind: 'password_changed', user_id: account.user_id, at, address: addressOf(by, account) }];
    },
  };
}
