import { randomBytes } from 'node:crypto';
import type { Passwords } from '../adapters/passwords/pool.ts';
import { createSignInProviders } from '../adapters/sign-in/providers.ts';
import { type AccountsService, createAccountsService } from '../identity/accounts-service.ts';
import { createExternalLoginsService, type ExternalLoginsService } from '../identity/external-logins-service.ts';
import { createExternalSignInService, type ExternalSignInService } from '../identity/external-sign-in-service.ts';
import { createLogOutService, type LogOutService } from '../identity/log-out-service.ts';
import { createLogInCounters } from '../identity/login-counters-repository.ts';
import { createLogInThrottle, type LogInThrottle } from '../identity/login-throttle-service.ts';
import { createPendingLogIns } from '../identity/pending-log-ins.ts';
import { createRefreshService, type RefreshService } from '../identity/refresh-service.ts';
import { type AssertMayGive, createRoleGiving } from '../identity/role-giving.ts';
import { createSessions } from '../identity/sessions-repository.ts';
import { createSessionsService, type SessionsService } from '../identity/sessions-service.ts';
import { createShortLived } from '../identity/short-lived-repository.ts';
import { createSignInService, type SignInService } from '../identity/sign-in-service.ts';
import { createSignInRoundTrip } from '../identity/sign-in-transactions.ts';
import { type AccessTokens, createAccessTokens } from '../identity/tokens.ts';
import { accessTokenKeys, type Config } from '../platform/config.ts';
import { redirectUriOf } from '../platform/sign-in-settings.ts';
import type { AccountParts } from './accounts.ts';
import type { Foundation } from './foundation.ts';
import { createFactorParts, createSecondFactors, type SecondFactorServices } from './second-factors.ts';

export interface SignInServices extends SecondFactorServices {
  accounts: AccountsService;
  sessions: SessionsService;
  refreshes: RefreshService;
  logOuts: LogOutService;
  tokens: Pick<AccessTokens, 'publicKeys'>;
  signIn: SignInService;
  externalSignIn: ExternalSignInService;
  externalLogins: ExternalLoginsService;
}

const dayMs = 24 * 60 * 60_000;

/** What the clocks of two instances may differ by, and what lies between reading a session and making tokens of it. */
const tokenMarginMs = 60_000;
/** Two tabs of one browser ask within moments of each other. */
const refreshRepeatMs = 10_000;

function bootstrapAdminOf(config: Config) {
  const { BOOTSTRAP_ADMIN_USERNAME: username, BOOTSTRAP_ADMIN_PASSWORD: password } = config;
  if (username === undefined || password === undefined) return undefined;
  return { username, password, email: config.BOOTSTRAP_ADMIN_EMAIL };
}

/** The ways in and out: passwords, providers, second factors, sessions and their tokens. */
export function createSignIn(
  base: Foundation,
  deps: { people: AccountParts; passwords: Passwords },
): { services: SignInServices; tokens: AccessTokens; throttle: LogInThrottle; assertMayGive: AssertMayGive } {
  const { config, clock, ids, logger, keyOf, cosmos, audit, auditLog } = base;
  const { people, passwords } = deps;
  const { accounts, maker, roles, standings, states } = people;

  const tokens = createAccessTokens({
    keys: accessTokenKeys(config),
    lifetimeMinutes: config.ACCESS_TOKEN_EXPIRE_MINUTES,
    clock,
    ids,
  });
  const throttle = createLogInThrottle({
    counters: createLogInCounters(cosmos.container('platform')),
    clock,
    ids,
    logger,
    key: keyOf('log-in throttle'),
    scale: config.RATE_LIMIT_SCALE,
  });

  const idleMs = config.REFRESH_IDLE_DAYS * dayMs;
  const tailMs = tokens.lifetimeS * 1000 + tokenMarginMs;
  const sessionDocuments = createSessions(cosmos.container('identity'));
  const sessions = createSessionsService({
    sessions: sessionDocuments,
    accounts,
    tokens,
    audit,
    clock,
    ids,
    logger,
    randomBytes,
    makeDeviceToken: throttle.makeDeviceToken,
    policy: {
      idleMs,
      absoluteMs: config.REFRESH_ABSOLUTE_DAYS * dayMs,
      freshMs: config.STEP_UP_MAX_AGE_S * 1000,
      tailMs,
    },
  });
  const stored = { sessions: sessionDocuments, accounts, audit, clock };
  const logOuts = createLogOutService({ ...stored, states, times: { idleMs, tailMs } });
  const refreshes = createRefreshService({
    ...stored,
    tokens,
    logOuts,
    randomBytes,
    policy: { idleMs, repeatMs: refreshRepeatMs },
  });

  const parts = createFactorParts(base, { people, passwords, sessions });
  const assertMayGive = createRoleGiving({ roles, assertFresh: parts.stepUp.assertFresh });
  const accountsService = createAccountsService({
    accounts,
    maker,
    assertMayGive,
    clock,
    ids,
    logger,
    bootstrapAdmin: bootstrapAdminOf(config),
  });
  const pendingLogIns = createPendingLogIns({ logIns: createShortLived(cosmos.container('platform')), clock });
  const signIn = createSignInService({
    accounts,
    accountsService,
    passwords,
    sessions,
    throttle,
    auditLog,
    pendingLogIns,
    mfaRequiredRoles: config.MFA_REQUIRED_ROLES,
  });

  const roundTrip = createSignInRoundTrip({
    providers: createSignInProviders(config, clock),
    transactions: createShortLived(cosmos.container('platform')),
    redirectUriOf: (provider) => redirectUriOf(config, provider),
    clock,
  });
  const externalSignIn = createExternalSignInService({
    roundTrip,
    accounts,
    accountsService,
    standings,
    states,
    signIn,
    audit,
    clock,
    ids,
    registration: { isOpen: config.REGISTRATION_POLICY === 'open', role: config.REGISTRATION_ROLE },
  });

  const services: SignInServices = {
    accounts: accountsService,
    sessions,
    refreshes,
    logOuts,
    tokens,
    signIn,
    externalSignIn,
    externalLogins: createExternalLoginsService({ roundTrip, accounts, states, audit, clock }),
    ...createSecondFactors(base, { people, parts, pendingLogIns, signIn }),
  };
  return { services, tokens, throttle, assertMayGive };
}
