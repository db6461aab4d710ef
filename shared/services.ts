import { hkdfSync, randomBytes } from 'node:crypto';
import queueFile from '../infra/queues.json' with { type: 'json' };
import { createBlob } from './adapters/blob/client.ts';
import { createCosmos } from './adapters/cosmos/client.ts';
import type { Container } from './adapters/cosmos/container.ts';
import { createAzureEmail } from './adapters/email/azure.ts';
import { createFolderEmail } from './adapters/email/folder.ts';
import { noEmail } from './adapters/email/none.ts';
import type { EmailSender } from './adapters/email/types.ts';
import { createAnthropicProvider } from './adapters/llm/anthropic.ts';
import { createMemoryBudget } from './adapters/llm/budget.ts';
import { createLlmGateway } from './adapters/llm/gateway.ts';
import { createOpenAiProvider } from './adapters/llm/openai.ts';
import type { LlmProvider } from './adapters/llm/provider.ts';
import { createSimulator } from './adapters/llm/simulator.ts';
import type { LlmGateway, LlmModel, LlmPrices } from './adapters/llm/types.ts';
import { createOneTimeCodes } from './adapters/one-time-codes/totp.ts';
import { createPasskeyCeremonies } from './adapters/passkeys/ceremonies.ts';
import { createPasswords } from './adapters/passwords/pool.ts';
import { createServiceBus } from './adapters/service-bus/client.ts';
import { createSignInProviders } from './adapters/sign-in/providers.ts';
import { createTelemetry } from './adapters/telemetry/tracing.ts';
import type { Telemetry } from './adapters/telemetry/types.ts';
import { createCreditLeases } from './api-keys/credit-leases.ts';
import { createKeyAccess } from './api-keys/key-access.ts';
import { createKeyChangesService } from './api-keys/key-changes-service.ts';
import { createKeySecretsService } from './api-keys/key-secrets-service.ts';
import { createApiKeys } from './api-keys/repository.ts';
import { type ApiKeysService, createApiKeysService } from './api-keys/service.ts';
import { createUsageRecorder } from './api-keys/usage-recorder.ts';
import { createKeyVerification, type KeyLimiter, type KeyVerification } from './api-keys/verification-service.ts';
import { createAccess } from './assessment/access.ts';
import { type ComponentsService, createComponentsService } from './assessment/components-service.ts';
import { createCourses } from './assessment/courses-repository.ts';
import { createCoursework } from './assessment/coursework-repository.ts';
import { createMemberships, createPointers } from './assessment/directory-repository.ts';
import { createEnrolmentService, type EnrolmentService } from './assessment/enrolment-service.ts';
import { createEntriesService, type EntriesService } from './assessment/entries-service.ts';
import { createProjections, type Projections } from './assessment/projections.ts';
import { createStudyService, type StudyService } from './assessment/study-service.ts';
import { createSubmissionsService, type SubmissionsService } from './assessment/submissions-service.ts';
import { type AuditAppendService, createAuditAppendService } from './audit/append-service.ts';
import { createAuditLog } from './audit/log.ts';
import { createAuditOutbox } from './audit/outbox-repository.ts';
import { type AuditRecorder, createAuditRecorder } from './audit/record.ts';
import { createTrail } from './audit/trail-repository.ts';
import { type AuditTrailService, createAuditTrailService } from './audit/trail-service.ts';
import { type AuditVerifyService, createAuditVerifyService } from './audit/verify-service.ts';
import { createGradingEngine } from './grading/engine.ts';
import { createGradingJobService, type GradingJobService } from './grading/job-service.ts';
import { createOutcomeService, type OutcomeService } from './grading/outcome-service.ts';
import { type SimulationInput, simulateGrading } from './grading/simulate.ts';
import { createSweepService, type SweepService } from './grading/sweep-service.ts';
import { createHealthService } from './health/service.ts';
import { createAccountLinks } from './identity/account-links-repository.ts';
import { createAccountMaker } from './identity/account-maker.ts';
import { createAccountNotices } from './identity/account-notices.ts';
import { type AccountStates, createAccountStates } from './identity/account-states.ts';
import { createAccountWrites } from './identity/account-writes.ts';
import { createAccounts } from './identity/accounts-repository.ts';
import { type AccountsService, createAccountsService } from './identity/accounts-service.ts';
import { createAuthenticate } from './identity/authentication.ts';
import { createChallenges } from './identity/challenges-repository.ts';
import { type AccountChangesService, createAccountChangesService } from './identity/changes-service.ts';
import { type CredentialsService, createCredentialsService } from './identity/credentials-service.ts';
import {
  createEmailVerificationService,
  type EmailVerificationService,
} from './identity/email-verification-service.ts';
import { createExternalLoginsService, type ExternalLoginsService } from './identity/external-logins-service.ts';
import { createExternalSignInService, type ExternalSignInService } from './identity/external-sign-in-service.ts';
import { createFactorNotices } from './identity/factor-notices.ts';
import { createFactors } from './identity/factors-repository.ts';
import { createInvitationCourses } from './identity/invitation-courses.ts';
import { createInvitations } from './identity/invitations-repository.ts';
import { createInvitationsService, type InvitationsService } from './identity/invitations-service.ts';
import { createLinkIssuer } from './identity/link-issuer.ts';
import { createLogOutService, type LogOutService } from './identity/log-out-service.ts';
import { createLogInCounters } from './identity/login-counters-repository.ts';
import { createLogInThrottle } from './identity/login-throttle-service.ts';
import { createNoticeComposers } from './identity/notices.ts';
import { createOneTimeTokens } from './identity/one-time-tokens.ts';
import { createPendingLogIns } from './identity/pending-log-ins.ts';
import { createProfileService, type ProfileService } from './identity/profile-service.ts';
import { createRefreshService, type RefreshService } from './identity/refresh-service.ts';
import { createRegistrationService, type RegistrationService } from './identity/registration-service.ts';
import { createRoleGiving } from './identity/role-giving.ts';
import { createRoles } from './identity/roles.ts';
import { createRoleDocuments } from './identity/roles-repository.ts';
import { createRolesService, type RolesService } from './identity/roles-service.ts';
import { createSecondFactors, type SecondFactors } from './identity/second-factors.ts';
import { createSessions } from './identity/sessions-repository.ts';
import { createSessionsService, type SessionsService } from './identity/sessions-service.ts';
import { createSignInService, type SignInService } from './identity/sign-in-service.ts';
import { createSignInRoundTrip } from './identity/sign-in-transactions.ts';
import { createSignInTransactions } from './identity/sign-in-transactions-repository.ts';
import { createStandings } from './identity/standing.ts';
import { type AccessTokens, createAccessTokens } from './identity/tokens.ts';
import { createUsers } from './identity/users-repository.ts';
import { createUsersService, type UsersService } from './identity/users-service.ts';
import { createDeadLetterService, type DeadLetterService } from './jobs/service.ts';
import { createMailOutbox } from './mail/outbox.ts';
import { createMailRecords } from './mail/repository.ts';
import { createMailService, type MailService } from './mail/service.ts';
import { type Background, createBackground } from './platform/background.ts';
import { type Clock, systemClock } from './platform/clock.ts';
import { accessTokenKeys, type Config, llmProviders, telemetryTargets, trustedProxyHops } from './platform/config.ts';
import type { Principal } from './platform/define-endpoint.ts';
import { createIdempotencyStore } from './platform/idempotency.ts';
import { createIds } from './platform/ids.ts';
import { createLogger, type Logger } from './platform/logging.ts';
import { currentMeter } from './platform/meter.ts';
import { createDispatcher } from './platform/outbox.ts';
import { createRateLimiter, type RateLimiter } from './platform/rate-limit.ts';
import { createRatePlan, keyBuckets } from './platform/rate-limit-policy-rules.ts';
import { createRateLimitStore } from './platform/rate-limit-store.ts';
import type { Runtime } from './platform/runtime.ts';
import { createSecretBox } from './platform/secret-box.ts';
import { redirectUriOf } from './platform/sign-in-settings.ts';
import { currentTraceId } from './platform/tracing.ts';

declare module './platform/define-endpoint.ts' {
  interface Services extends SecondFactors {
    accounts: AccountsService;
    accountChanges: AccountChangesService;
    credentials: CredentialsService;
    emailVerification: EmailVerificationService;
    invitations: InvitationsService;
    mail: MailService;
    registration: RegistrationService;
    sessions: SessionsService;
    refreshes: RefreshService;
    logOuts: LogOutService;
    tokens: Pick<AccessTokens, 'publicKeys'>;
    signIn: SignInService;
    apiKeys: ApiKeysService;
    keyVerification: Pick<KeyVerification, 'verify'>;
    externalSignIn: ExternalSignInService;
    externalLogins: ExternalLoginsService;
    /** Sends at once; what may fail and be tried again goes through a job. */
    email: EmailSender;
    users: UsersService;
    profiles: ProfileService;
    roles: RolesService;
    components: ComponentsService;
    entries: EntriesService;
    enrolment: EnrolmentService;
    study: StudyService;
    submissions: SubmissionsService;
    outcomes: OutcomeService;
    gradingJobs: GradingJobService;
    sweeper: SweepService;
    projections: Projections;
    deadLetters: DeadLetterService;
    auditAppend: AuditAppendService;
    auditTrail: AuditTrailService;
    auditVerify: AuditVerifyService;
  }
}

const dayMs = 24 * 60 * 60_000;

/** What the clocks of two instances may differ by, and what lies between reading a session and making tokens of it. */
const tokenMarginMs = 60_000;
/** Two tabs of one browser ask within moments of each other. */
const refreshRepeatMs = 10_000;

/** One secret in the settings, and a key of its own for each use. */
function keyOf(config: Config, use: string): Buffer {
  return Buffer.from(hkdfSync('sha256', config.DATA_ENCRYPTION_KEY, '', `lyceum ${use}`, 32));
}

/** What tests replace: time, chance, the log's end. Everything else is real. */
export interface RuntimeOverrides {
  clock?: Clock;
  random?: () => number;
  writeLog?: (line: string) => void;
  bcryptCost?: number;
  strictErrors?: boolean;
  redeliveryBaseMs?: number;
  keyUsageFlushMs?: number;
  /** In place of the sender that the settings name. */
  email?: EmailSender;
}

function pricesOf(config: Config, model: string): LlmPrices {
  const price = config.LLM_PRICES[model];
  return {
    inputMicroUsd: price?.input ?? 0,
    cachedInputMicroUsd: price?.cached_input ?? 0,
    outputMicroUsd: price?.output ?? 0,
    ...(price?.cache_write === undefined ? {} : { cacheWriteInputMicroUsd: price.cache_write }),
  };
}

function createLlm(config: Config, clock: Clock, logger: Logger): LlmGateway {
  const providers: LlmProvider[] = [];
  if (config.ANTHROPIC_API_KEY !== undefined) {
    providers.push(
      createAnthropicProvider({ apiKey: config.ANTHROPIC_API_KEY, baseUrl: config.ANTHROPIC_BASE_URL, clock }),
    );
  }
  if (config.OPENAI_API_KEY !== undefined) {
    providers.push(createOpenAiProvider({ apiKey: config.OPENAI_API_KEY, baseUrl: config.OPENAI_BASE_URL, clock }));
  }
  // The gateway hands over exactly the input that the grading engine made.
  providers.push(createSimulator({ grading: (input) => simulateGrading(input as SimulationInput) }));
  const model = (name: string): LlmModel => ({ model: name, prices: pricesOf(config, name) });
  return createLlmGateway({
    providers,
    order: llmProviders(config),
    uses: {
      grading: {
        models: {
          anthropic: model(config.LLM_GRADING_ANTHROPIC_MODEL),
          openai: model(config.LLM_GRADING_OPENAI_MODEL),
        },
      },
    },
    timeoutMs: config.LLM_TIMEOUT_S * 1000,
    maxConcurrent: config.LLM_MAX_CONCURRENT,
    budget: createMemoryBudget({
      limitsMicroUsd: { user: config.LLM_BUDGET_USER_DAY_MICRO_USD, day: config.LLM_BUDGET_DAY_MICRO_USD },
      clock,
    }),
    clock,
    onCall: ({ about, ...record }) => logger.info('llm_call', { ...record, ...about }),
  });
}

/** API keys: the ways to make and manage them, the check that every call goes through, and what is counted in the background. */
function createKeys(deps: {
  container: Container;
  states: AccountStates;
  assertFresh: SessionsService['assertFresh'];
  audit: AuditRecorder;
  clock: Clock;
  logger: Logger;
  config: Config;
  flushMs: number;
  limiter: KeyLimiter;
}): { service: ApiKeysService; verification: KeyVerification; background: Background } {
  const { states, assertFresh, audit, clock, logger, config } = deps;
  const cacheMs = config.AUTH_CACHE_S * 1000;
  const keys = createApiKeys(deps.container);
  const wake = () => background.wake();
  const usage = createUsageRecorder({ keys, audit, clock, wake });
  const credits = createCreditLeases({ keys, clock, cacheMs, wake });
  const background = createBackground({
    name: 'api-key-usage',
    everyMs: deps.flushMs,
    logger,
    work: async (isLast) => (await Promise.all([usage.flush(), credits.settle(isLast)])).includes(true),
  });
  const verification = createKeyVerification({ keys, states, usage, credits, limiter: deps.limiter, clock, cacheMs });
  const access = createKeyAccess({ keys });
  const common = { keys, access, verification, assertFresh, audit, clock };
  const secrets = createKeySecretsService({ ...common, random: randomBytes, format: config.API_KEY_PREFIX });
  const changes = createKeyChangesService(common);
  return { service: createApiKeysService({ keys, access, secrets, changes, clock }), verification, background };
}

/** Counts the calls of a key in the same buckets, whether the key is used here or verified for somebody else. */
function createKeyLimiter(rateLimiter: RateLimiter): KeyLimiter {
  return {
    async take(keyId, limits) {
      if (limits.length === 0) return { allowed: true, remaining: null };
      const { allowed, remaining } = await rateLimiter.take(keyBuckets(keyId, limits));
      return { allowed, remaining };
    },
  };
}

/** The folder where one is set, which only a laptop may have; else the cloud; else nothing can be sent. */
function createEmail(config: Config, clock: Clock, logger: Logger): EmailSender {
  const { EMAIL_FOLDER: folder, EMAIL_ENDPOINT: endpoint, EMAIL_CLIENT_ID: clientId, EMAIL_FROM: from } = config;
  if (folder !== undefined) return createFolderEmail({ folder, from, clock });
  if (endpoint !== undefined) return createAzureEmail({ endpoint, clientId, from, clock });
  if (config.LYCEUM_ENVIRONMENT === 'production') logger.warn('email_not_configured');
  return noEmail;
}

/** `AccountEndpoint=...;AccountKey=...`; the settings were checked to have this form. */
function cosmosAccount(config: Config): { endpoint: string; key?: string; clientId?: string | undefined } {
  if (config.CosmosConnection === undefined) {
    return { endpoint: config.CosmosConnection__accountEndpoint ?? '', clientId: config.CosmosConnection__clientId };
  }
  const part = (name: string) => new RegExp(`${name}=([^;]+)`, 'i').exec(config.CosmosConnection ?? '')?.[1] ?? '';
  return { endpoint: part('AccountEndpoint'), key: part('AccountKey') };
}

function createTracing(config: Config, logger: Logger): Telemetry | undefined {
  const targets = telemetryTargets(config);
  const onFailure = (failure: object) => logger.warn('telemetry_not_exported', { ...failure });
  return targets && createTelemetry({ ...targets, onFailure });
}

/** Builds everything that functions use: settings -> adapters -> repositories -> services. Connects to nothing yet. */
export function createRuntime(config: Config, overrides: RuntimeOverrides = {}): Runtime & { close(): Promise<void> } {
  const clock = overrides.clock ?? systemClock;
  const ids = createIds(clock);
  const random = overrides.random ?? Math.random;
  const logger = createLogger({
    write: overrides.writeLog ?? ((line) => process.stdout.write(`${line}\n`)),
    clock,
    level: config.LOG_LEVEL,
    traceId: currentTraceId,
  });
  const telemetry = createTracing(config, logger);

  const cosmos = createCosmos({ ...cosmosAccount(config), database: config.COSMOS_DATABASE, meter: currentMeter });
  const serviceBus = createServiceBus({
    connectionString: config.ServiceBusConnection,
    fullyQualifiedNamespace: config.ServiceBusConnection__fullyQualifiedNamespace,
    clientId: config.ServiceBusConnection__clientId,
  });
  const blob = createBlob({
    connectionString: config.AzureWebJobsStorage,
    serviceUri: config.AzureWebJobsStorage__blobServiceUri,
    clientId: config.AzureWebJobsStorage__clientId,
  });
  const llm = createLlm(config, clock, logger);
  const email = overrides.email ?? createEmail(config, clock, logger);
  const passwords = createPasswords({ cost: overrides.bcryptCost ?? 12, threads: config.BCRYPT_THREADS });

  const ratePlan = createRatePlan(config.RATE_LIMIT_SCALE);
  const rateLimiter = createRateLimiter({
    clock,
    store: createRateLimitStore(cosmos.container('platform')),
    logger,
    instance: ids.next().slice(-12),
    everybody: ratePlan.everybody,
    bucketsMax: 50_000,
    random,
  });
  const audit = createAuditRecorder({ clock, ids });
  const auditOutbox = createAuditOutbox(cosmos.container('identity'));
  const auditLog = createAuditLog({ outbox: auditOutbox, recorder: audit });
  const trail = createTrail(cosmos.container('audit'));
  const accounts = createAccounts(cosmos.container('identity'));
  const sessions = createSessions(cosmos.container('identity'));
  const users = createUsers(cosmos.container('identity'));
  const roleDocuments = createRoleDocuments(cosmos.container('identity'));
  const roles = createRoles({ documents: roleDocuments, clock, cacheMs: config.AUTH_CACHE_S * 1000 });
  const standings = createStandings({ users, roles, roleDocuments });
  const states = createAccountStates({ accounts, roles, clock, cacheMs: config.AUTH_CACHE_S * 1000 });
  const tokens = createAccessTokens({
    keys: accessTokenKeys(config),
    lifetimeMinutes: config.ACCESS_TOKEN_EXPIRE_MINUTES,
    clock,
    ids,
  });
  const courses = createCourses(cosmos.container('courses'));
  const coursework = createCoursework(cosmos.container('coursework'));
  const memberships = createMemberships(cosmos.container('memberships'));
  const pointers = createPointers(cosmos.container('pointers'));
  const dispatcher = createDispatcher({ serviceBus, clock, logger });
  const access = createAccess({ courses, pointers });
  const engine = createGradingEngine({ llm });

  const bootstrapAdmin =
    config.BOOTSTRAP_ADMIN_USERNAME === undefined || config.BOOTSTRAP_ADMIN_PASSWORD === undefined
      ? undefined
      : {
          username: config.BOOTSTRAP_ADMIN_USERNAME,
          password: config.BOOTSTRAP_ADMIN_PASSWORD,
          email: config.BOOTSTRAP_ADMIN_EMAIL,
        };
  const idleMs = config.REFRESH_IDLE_DAYS * dayMs;
  const tailMs = tokens.lifetimeS * 1000 + tokenMarginMs;
  const throttle = createLogInThrottle({
    counters: createLogInCounters(cosmos.container('platform')),
    clock,
    ids,
    logger,
    key: keyOf(config, 'log-in throttle'),
    scale: config.RATE_LIMIT_SCALE,
  });
  const maker = createAccountMaker({ accounts, passwords, standings, audit, clock });
  // What proves anew who somebody is needs what signs people in, which needs this.
  const assertFresh = (user: Principal): Promise<void> => secondFactors.stepUp.assertFresh(user);
  const assertMayGive = createRoleGiving({ roles, assertFresh });
  const accountsService = createAccountsService({
    accounts,
    maker,
    assertMayGive,
    clock,
    ids,
    logger,
    bootstrapAdmin,
  });
  const sessionsService = createSessionsService({
    sessions,
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
  const challenges = createChallenges(cosmos.container('platform'));
  const pendingLogIns = createPendingLogIns({ challenges, clock });
  const mfaRequiredRoles = config.MFA_REQUIRED_ROLES;
  const signIn = createSignInService({
    accounts,
    accountsService,
    passwords,
    sessions: sessionsService,
    records: sessions,
    throttle,
    audit,
    pendingLogIns,
    mfaRequiredRoles,
  });
  const frontEnd = new URL(config.APP_URL);
  const mails = createMailOutbox({ dispatcher, clock, ids });
  const secondFactors = createSecondFactors({
    notices: createFactorNotices({ mails, clock }),
    accounts,
    states,
    passwords,
    audit,
    clock,
    challenges,
    pendingLogIns,
    signIn,
    sessions: sessionsService,
    factors: createFactors(cosmos.container('identity')),
    codes: createOneTimeCodes(),
    secretBox: createSecretBox({ secret: config.DATA_ENCRYPTION_KEY, purpose: 'second factor' }),
    ceremonies: createPasskeyCeremonies({
      rpId: config.PASSKEY_RP_ID ?? frontEnd.hostname,
      origins: [frontEnd.origin, ...config.CORS_ORIGINS],
    }),
    requiredRoles: mfaRequiredRoles,
  });
  const apiKeys = createKeys({
    container: cosmos.container('identity'),
    states,
    assertFresh: secondFactors.stepUp.assertFresh,
    audit,
    clock,
    logger,
    config,
    flushMs: overrides.keyUsageFlushMs ?? 30_000,
    limiter: createKeyLimiter(rateLimiter),
  });
  const roundTrip = createSignInRoundTrip({
    providers: createSignInProviders(config, clock),
    transactions: createSignInTransactions(cosmos.container('platform')),
    redirectUriOf: (provider) => redirectUriOf(config, provider),
    clock,
  });
  const logOuts = createLogOutService({ sessions, accounts, states, audit, clock, times: { idleMs, tailMs } });
  const refreshes = createRefreshService({
    sessions,
    accounts,
    tokens,
    logOuts,
    audit,
    clock,
    randomBytes,
    policy: { idleMs, repeatMs: refreshRepeatMs },
  });
  const oneTimeTokens = createOneTimeTokens({ secret: config.DATA_ENCRYPTION_KEY });
  const links = createLinkIssuer({
    links: createAccountLinks(cosmos.container('identity')),
    accounts,
    tokens: oneTimeTokens,
    clock,
    logger,
  });
  const appUrl = config.APP_URL.replace(/\/+$/, '');
  const credentials = createCredentialsService({
    accounts,
    states,
    links,
    passwords,
    throttle,
    mails,
    audit,
    clock,
    appUrl,
  });
  const emailVerification = createEmailVerificationService({ accounts, states, links, mails, audit, clock, appUrl });
  const notices = createAccountNotices({ verification: emailVerification, clock });
  const accountWrites = createAccountWrites({ accounts, users, states, standings, audit, mails, clock });
  const components = createComponentsService({
    access,
    courses,
    coursework,
    memberships,
    accounts: accountsService,
    roles,
    clock,
  });
  const enrolment = createEnrolmentService({
    access,
    courses,
    coursework,
    memberships,
    accounts: accountsService,
    clock,
  });

  const policy = config.REGISTRATION_POLICY;
  const invitations = createInvitationsService({
    invitations: createInvitations(cosmos.container('identity')),
    accounts,
    maker,
    states,
    roles,
    assertMayGive,
    courses: createInvitationCourses({ components, enrolment, states, roles, logger }),
    tokens: oneTimeTokens,
    verification: emailVerification,
    mails,
    audit,
    clock,
    logger,
    settings: { policy, days: config.INVITATION_DAYS, appUrl },
  });

  const services: Runtime['services'] = {
    health: createHealthService({
      required: {
        cosmos: () => cosmos.ping(),
        service_bus: () => serviceBus.ping('grading'),
        blob: () => blob.ping(),
      },
      optional: {
        llm: async () => {
          if (!llm.isAvailable()) throw new Error('Every circuit is open.');
        },
      },
    }),
    accounts: accountsService,
    accountChanges: createAccountChangesService({ dispatcher, invitations }),
    credentials,
    emailVerification,
    invitations,
    registration: createRegistrationService({
      accounts,
      accountsService,
      maker,
      roles,
      invitations,
      verification: emailVerification,
      mails,
      signIn,
      settings: { policy, role: config.REGISTRATION_ROLE },
    }),
    mail: createMailService({
      email,
      records: createMailRecords(cosmos.container('identity')),
      composers: {
        password_reset: credentials.composeReset,
        email_verification: emailVerification.compose,
        invitation: invitations.compose,
        ...createNoticeComposers({ accounts }),
      },
      logger,
    }),
    sessions: sessionsService,
    refreshes,
    logOuts,
    tokens,
    signIn,
    apiKeys: apiKeys.service,
    keyVerification: apiKeys.verification,
    externalSignIn: createExternalSignInService({
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
    }),
    externalLogins: createExternalLoginsService({ roundTrip, accounts, states, audit, clock }),
    email,
    ...secondFactors,
    users: createUsersService({
      accounts,
      users,
      accountsService,
      writes: accountWrites,
      assertMayGive,
      assertFresh,
      passwords,
      notices,
    }),
    profiles: createProfileService({ writes: accountWrites, assertFresh, notices }),
    roles: createRolesService({ documents: roleDocuments, roles, audit, clock }),
    components,
    entries: createEntriesService({ access, courses, memberships, pointers, clock }),
    enrolment,
    study: createStudyService({ courses, coursework, memberships, pointers, dispatcher, clock, ids }),
    submissions: createSubmissionsService({ access, coursework, memberships }),
    outcomes: createOutcomeService({ access, coursework, courses, memberships, pointers, engine, clock, ids }),
    gradingJobs: createGradingJobService({
      coursework,
      courses,
      pointers,
      engine,
      dispatcher,
      clock,
      logger,
      random,
      policy: {
        baseS: config.GRADING_RETRY_BASE_S,
        capS: config.GRADING_RETRY_CAP_S,
        maxAgeS: config.GRADING_MAX_AGE_HOURS * 3600,
        maxBadOutputs: 5,
      },
    }),
    sweeper: createSweepService({ coursework, dispatcher, clock, logger }),
    projections: createProjections({ components, enrolment, dispatcher }),
    deadLetters: createDeadLetterService({
      serviceBus,
      queues: queueFile.queues.map((queue) => queue.name),
      audit: auditLog,
      clock,
    }),
    auditAppend: createAuditAppendService({
      trail,
      outbox: auditOutbox,
      clock,
      random,
      logger,
      retentionDays: config.AUDIT_RETENTION_DAYS,
    }),
    auditTrail: createAuditTrailService({ trail, log: auditLog }),
    auditVerify: createAuditVerifyService({ trail, log: auditLog, clock }),
  };

  return {
    clock,
    ids,
    logger,
    startSpan: telemetry?.startSpan,
    corsOrigins: config.CORS_ORIGINS,
    authenticate: createAuthenticate({ tokens, states, keys: apiKeys.verification }),
    keyCalls: apiKeys.verification.calls,
    assertFresh: secondFactors.stepUp.assertFresh,
    trustedProxyHops: trustedProxyHops(config),
    ratePlan,
    rateLimiter,
    idempotency: createIdempotencyStore({
      container: cosmos.container('platform'),
      clock,
      secret: config.DATA_ENCRYPTION_KEY,
    }),
    services,
    strictErrors: overrides.strictErrors ?? false,
    redeliveryBaseMs: overrides.redeliveryBaseMs ?? 1000,
    async close() {
      await apiKeys.background.close();
      await rateLimiter.close();
      await Promise.all([cosmos.close(), serviceBus.close(), passwords.close(), telemetry?.close()]);
    },
  };
}
