import type { Passwords } from '../adapters/passwords/pool.ts';
import { createAccountLinks } from '../identity/account-links-repository.ts';
import { createAccountMaker } from '../identity/account-maker.ts';
import { createAccountNotices } from '../identity/account-notices.ts';
import { createAccountStates } from '../identity/account-states.ts';
import { createAccountWrites } from '../identity/account-writes.ts';
import { createAccounts } from '../identity/accounts-repository.ts';
import { createEmailVerificationService } from '../identity/email-verification-service.ts';
import { createLinkIssuer } from '../identity/link-issuer.ts';
import { createOneTimeTokens } from '../identity/one-time-tokens.ts';
import { createRoles } from '../identity/roles.ts';
import { createRoleDocuments } from '../identity/roles-repository.ts';
import { createStandings } from '../identity/standing.ts';
import { createUsers } from '../identity/users-repository.ts';
import type { Foundation } from './foundation.ts';

export type AccountParts = ReturnType<typeof createAccountParts>;

/** Accounts, their roles and what is mailed about them: what everything that signs people in or changes them is made of. */
export function createAccountParts(
  { config, clock, logger, keyOf, cosmos, audit, mails }: Foundation,
  deps: { passwords: Passwords },
) {
  const { passwords } = deps;
  const container = cosmos.container('identity');
  const cacheMs = config.AUTH_CACHE_S * 1000;
  const accounts = createAccounts(container);
  const users = createUsers(container);
  const roleDocuments = createRoleDocuments(container);
  const roles = createRoles({ documents: roleDocuments, clock, cacheMs });
  const standings = createStandings({ users, roles, roleDocuments });
  const states = createAccountStates({ accounts, roles, clock, cacheMs });
  const maker = createAccountMaker({ accounts, passwords, standings, audit, clock });
  const oneTimeTokens = createOneTimeTokens({ key: keyOf('one-time tokens') });
  const links = createLinkIssuer({
    links: createAccountLinks(container),
    accounts,
    tokens: oneTimeTokens,
    clock,
    logger,
  });
  /** Of the front end, for links in e-mails. */
  const appUrl = config.APP_URL.replace(/\/+$/, '');
  const emailVerification = createEmailVerificationService({ accounts, states, links, mails, audit, clock, appUrl });
  return {
    accounts,
    users,
    roleDocuments,
    roles,
    standings,
    states,
    maker,
    oneTimeTokens,
    links,
    appUrl,
    emailVerification,
    notices: createAccountNotices({ verification: emailVerification, clock }),
    writes: createAccountWrites({ accounts, users, states, standings, audit, mails, clock }),
  };
}
