import type { AccountLinkDocument, AccountLinkKind } from './account-link-documents.ts';
import type { UserDocument } from './schemas.ts';

const hourMs = 60 * 60_000;
const dayMs = 24 * hourMs;

/** How long a link is good after it was asked for. */
export const linkLifetimesMs: Readonly<Record<AccountLinkKind, number>> = {
  password_reset: hourMs,
  email_verification: dayMs,
};

/** How many links of one kind an account gets in an hour, whoever asks for them. */
const mailedMax = 5;

/** The times that count towards the limit. */
export function recentMails(mailedAt: readonly string[], nowMs: number): string[] {
  return mailedAt.filter((at) => nowMs - Date.parse(at) < hourMs);
}

export type LinkStep = 'mail' | 'mail_again' | 'leave';

/**
 * What a request for a link leads to: a new link, the same one once more because a try to mail it failed, or nothing, because
 * the request is too old, was overtaken by a newer one, was served already, or is one too many.
 */
export function nextLinkStep(
  last: AccountLinkDocument | undefined,
  request: { kind: AccountLinkKind; job_id: string; requested_at: string },
  nowMs: number,
): LinkStep {
  if (nowMs >= Date.parse(request.requested_at) + linkLifetimesMs[request.kind]) return 'leave';
  if (last === undefined) return 'mail';
  if (last.job_id === request.job_id) return last.used_at === null ? 'mail_again' : 'leave';
  if (Date.parse(last.requested_at) > Date.parse(request.requested_at)) return 'leave';
  // Nobody is locked out by somebody who asks for them: the last link was mailed less than an hour ago and is still good.
  return recentMails(last.mailed_at, nowMs).length < mailedMax ? 'mail' : 'leave';
}

/**
 * Whether a link still opens something: not used, not too old, and the address is still that of the account. What ends all
 * sessions also ends the links that open an account; one that only proves an address stays good.
 */
export function isLinkGood(
  link: AccountLinkDocument,
  account: Pick<UserDocument, 'email' | 'session_version' | 'status'>,
  nowMs: number,
): boolean {
  return (
    link.used_at === null &&
    nowMs < Date.parse(link.expires_at) &&
    account.status === 'active' &&
    account.email === link.email &&
    (link.kind === 'email_verification' || account.session_version === link.session_version)
  );
}
