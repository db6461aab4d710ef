import type { ReservedName } from './account-documents.ts';
import { skeletonOf } from './username-rules.ts';

/** How two names are compared: without regard to case and to the way Unicode wrote them. */
function compared(name: string): string {
  return name.normalize('NFKC').toLowerCase();
}

/**
 * What an account holds for itself: its username, what that looks like, and its e-mail address. A username that looks like an
 * address is held as one too, because both are typed into the same field at log-in.
 */
export function namesOf(account: { username: string; email: string | null }): ReservedName[] {
  const names: ReservedName[] = [
    { kind: 'username', name: account.username },
    { kind: 'look_alike', name: skeletonOf(account.username) },
  ];
  if (account.email !== null) names.push({ kind: 'email', name: account.email });
  const isOwnAddress = account.email !== null && compared(account.email) === compared(account.username);
  if (account.username.includes('@') && !isOwnAddress) names.push({ kind: 'email', name: account.username });
  return names;
}

/**
 * Names that must be nobody's, though the account does not hold them: accounts that are older than the holding of looks hold
 * only their usernames.
 */
export function namesToLeaveFree(account: { username: string; email: string | null }): ReservedName[] {
  const names: ReservedName[] = [];
  const looksLike = skeletonOf(account.username);
  if (looksLike !== compared(account.username)) names.push({ kind: 'username', name: looksLike });
  if (account.email !== null && compared(account.email) !== compared(account.username)) {
    names.push({ kind: 'username', name: account.email });
  }
  return names;
}

/** What is wrong with a name that is not free, in terms of what was asked for. */
export type Taken = 'username' | 'look_alike' | 'email';

export function takenOf(name: ReservedName, account: { username: string; email: string | null }): Taken {
  const isAbout = (own: string | null) => own !== null && compared(own) === compared(name.name);
  if (isAbout(account.email)) return 'email';
  return isAbout(account.username) ? 'username' : 'look_alike';
}
