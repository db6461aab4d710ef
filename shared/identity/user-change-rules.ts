import type { UserDocument } from './schemas.ts';
import { withAllSessionsEnded } from './session-rules.ts';

type Status = UserDocument['status'];

/** The account with another status; whoever cannot log in has no sessions either. */
export function withStatus(account: UserDocument, status: Status): UserDocument {
  if (status === account.status) return account;
  const changed = { ...account, status };
  return status === 'active' ? changed : withAllSessionsEnded(changed);
}

/** What `is_active` means for an account: false leaves a suspension as it is, true undoes it. */
export function statusFor(present: Status, isActive: boolean): Status {
  if (isActive) return 'active';
  return present === 'active' ? 'inactive' : present;
}

/** Fields that somebody may change about themselves without anybody gaining or losing power. */
export const plainFields = [
  'username',
  'email',
  'full_name',
  'first_name',
  'last_name',
  'display_name',
  'avatar_url',
  'language',
  'timezone',
  'preferences',
  'learning_profile',
  'tier',
] as const;
export type PlainFields = { [Name in (typeof plainFields)[number]]?: UserDocument[Name] | undefined };

function isSameMailbox(one: string | null, other: string | null): boolean {
  return one?.toLowerCase() === other?.toLowerCase();
}

/** Whether the e-mail address becomes another one; the same one in other letters is the same. */
export function changesEmail(account: UserDocument, fields: PlainFields): boolean {
  return fields.email !== undefined && !isSameMailbox(account.email, fields.email);
}

/** The account with the fields that were given, and the names of those that make a difference. Nobody has proved a new address yet. */
export function withFields(account: UserDocument, fields: PlainFields): { account: UserDocument; changed: string[] } {
  const changed = plainFields.filter(
    (name) => fields[name] !== undefined && JSON.stringify(fields[name]) !== JSON.stringify(account[name]),
  );
  const given = Object.fromEntries(changed.map((name) => [name, fields[name]]));
  const isVerified = account.is_verified && !changesEmail(account, fields);
  return { account: { ...account, ...given, is_verified: isVerified }, changed };
}
