import type { AccountMail } from '../mail/schemas.ts';
import type { AddressedMail, MailComposers } from '../mail/service.ts';
import { toUser } from './account-rules.ts';
import type { Accounts } from './accounts-repository.ts';

type Notice = 'password_changed' | 'email_changed' | 'second_factor_changed';

/** E-mails that only tell that something was changed; nothing can be done with them. */
export function createNoticeComposers(deps: { accounts: Pick<Accounts, 'find'> }): Pick<MailComposers, Notice> {
  async function toHolder(userId: string, write: (name: string) => AccountMail): Promise<AddressedMail | undefined> {
    const account = await deps.accounts.find(userId);
    if (!account?.email) return undefined;
    return { to: account.email, mail: write(toUser(account).name) };
  }

  return {
    password_changed: ({ user_id, at, address }) =>
      toHolder(user_id, (name) => ({ kind: 'password_changed', name, at, address })),
    // It goes where the account holder was reached until now: who changed the address may be somebody else.
    email_changed: ({ to, name, new_email, at, address }) =>
      Promise.resolve({ to, mail: { kind: 'email_changed', name, new_email, at, address } }),
    second_factor_changed: ({ user_id, what, at, address }) =>
      toHolder(user_id, (name) => ({ kind: 'second_factor_changed', name, what, at, address })),
  };
}
