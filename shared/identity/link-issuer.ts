import type { BatchOperation } from '../adapters/cosmos/container.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import { AppError } from '../platform/errors.ts';
import type { Logger } from '../platform/logging.ts';
import { untilWritten } from '../platform/optimistic.ts';
import type { AccountLinkDocument, AccountLinkKind } from './account-link-documents.ts';
import { isLinkGood, linkLifetimesMs, nextLinkStep, recentMails } from './account-link-rules.ts';
import { type AccountLinks, accountLinkId } from './account-links-repository.ts';
import type { Accounts } from './accounts-repository.ts';
import type { OneTimeTokens } from './one-time-tokens.ts';
import type { UserDocument } from './schemas.ts';

export interface LinkRequest {
  kind: AccountLinkKind;
  job_id: string;
  requested_at: string;
}

/** Links that prove an e-mail address because they were mailed to it and are known nowhere else. */
export interface LinkIssuer {
  /** The token to mail, stored as its hash with `more` in the same batch; undefined when nothing is to be mailed. */
  issue(
    account: UserDocument & { email: string },
    request: LinkRequest,
    more?: readonly BatchOperation[],
  ): Promise<string | undefined>;
  /** The link and the account behind a token; throws `account_token_invalid` for one that is not good (any more). */
  open(kind: AccountLinkKind, token: string): Promise<{ link: AccountLinkDocument; account: UserDocument }>;
}

/** More than any link is good for, and as long as a limit looks back. */
const keptS = 2 * 24 * 60 * 60;

export function createLinkIssuer(deps: {
  links: AccountLinks;
  accounts: Pick<Accounts, 'find'>;
  tokens: OneTimeTokens;
  clock: Clock;
  logger: Logger;
}): LinkIssuer {
  const { links, accounts, tokens, clock, logger } = deps;

  return {
    issue(account, request, more = []) {
      return untilWritten<{ token: string | undefined }>(async () => {
        const nowMs = clock.now();
        const last = await links.find(request.kind, account.user_id);
        const step = nextLinkStep(last, request, nowMs);
        if (step === 'leave') {
          logger.info('account_link_not_mailed', { kind: request.kind, user_id: account.user_id });
          return { token: undefined };
        }
        const token = tokens.make(request.kind, account.user_id, request.job_id);
        if (step === 'mail_again') return { token };
        const link: AccountLinkDocument = {
          id: accountLinkId(request.kind, account.user_id),
          pk: 'accounts',
          type: 'account_link',
          schema_version: 1,
          kind: request.kind,
          user_id: account.user_id,
          email: account.email,
          token_hash: tokens.hash(token),
          job_id: request.job_id,
          requested_at: request.requested_at,
          expires_at: isoTime(Date.parse(request.requested_at) + linkLifetimesMs[request.kind]),
          session_version: account.session_version,
          used_at: null,
          mailed_at: [...recentMails(last?.mailed_at ?? [], nowMs), isoTime(nowMs)],
          ttl: keptS,
          ...(last?._etag === undefined ? {} : { _etag: last._etag }),
        };
        return (await links.put(link, more)) ? { token } : undefined;
      }).then(({ token }) => token);
    },

    async open(kind, token) {
      const userId = tokens.subjectOf(token);
      const link = userId === undefined ? undefined : await links.find(kind, userId);
      if (link === undefined || !tokens.matches(token, link.token_hash)) throw new AppError('account_token_invalid');
      const account = await accounts.find(link.user_id);
      if (account === undefined || !isLinkGood(link, account, clock.now())) throw new AppError('account_token_invalid');
      return { link, account };
    },
  };
}
