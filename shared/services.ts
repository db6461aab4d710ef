import queueFile from '../infra/queues.json' with { type: 'json' };
import type { EmailSender } from './adapters/email/types.ts';
import { createPasswords } from './adapters/passwords/pool.ts';
import { createAccountParts } from './composition/accounts.ts';
import { type ApiKeyServices, createKeys } from './composition/api-keys.ts';
import { type AssessmentServices, createAssessment } from './composition/assessment.ts';
import { type AuditServices, createAudit } from './composition/audit.ts';
import { createConnections } from './composition/connections.ts';
import { createEmail } from './composition/email.ts';
import type { Foundation } from './composition/foundation.ts';
import { createLlm } from './composition/llm.ts';
import { createMail, type MailServices } from './composition/mail.ts';
import { createRegistration, type RegistrationServices } from './composition/registration.ts';
import { createSignIn, type SignInServices } from './composition/sign-in.ts';
import { createTracing } from './composition/tracing.ts';
import { createUserServices, type UserServices } from './composition/users.ts';
import { createHealthService } from './health/service.ts';
import { createAuthenticate } from './identity/authentication.ts';
import { createDeadLetterService, type DeadLetterService } from './jobs/service.ts';
import { createMailOutbox } from './mail/outbox.ts';
import { type Clock, systemClock } from './platform/clock.ts';
import { type Config, trustedProxyHops } from './platform/config.ts';
import { deriveKey } from './platform/derived-keys.ts';
import { createIdempotencyStore } from './platform/idempotency.ts';
import { createIds } from './platform/ids.ts';
import { createLogger } from './platform/logging.ts';
import { createDispatcher } from './platform/outbox.ts';
import { createRateLimiter } from './platform/rate-limit.ts';
import { createRatePlan } from './platform/rate-limit-policy-rules.ts';
import { createRateLimitStore } from './platform/rate-limit-store.ts';
import type { Runtime } from './platform/runtime.ts';
import { currentTraceId } from './platform/tracing.ts';

declare module './platform/define-endpoint.ts' {
  interface Services
    extends ApiKeyServices,
      AssessmentServices,
      AuditServices,
      MailServices,
      RegistrationServices,
      SignInServices,
      UserServices {
    deadLetters: DeadLetterService;
  }
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

/**
 * Builds everything that functions use: settings -> adapters -> repositories -> services, each domain in its file of
 * `shared/composition/`. Connects to nothing yet.
 */
export function createRuntime(config: Config, overrides: RuntimeOverrides = {}): Runtime & { close(): Promise<void> } {
  const clock = overrides.clock ?? systemClock;
  const ids = createIds(clock);
  const random = overrides.random ?? Math.random;
  const keyOf = (use: string) => deriveKey(config.DATA_ENCRYPTION_KEY, use);
  const logger = createLogger({
    write: overrides.writeLog ?? ((line) => process.stdout.write(`${line}\n`)),
    clock,
    level: config.LOG_LEVEL,
    traceId: currentTraceId,
  });
  const telemetry = createTracing(config, logger);

  const { cosmos, serviceBus, blob } = createConnections(config);
  const dispatcher = createDispatcher({ serviceBus, clock, logger });
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

  const audit = createAudit({ config, clock, ids, random, logger, cosmos });
  const mails = createMailOutbox({ dispatcher, clock, ids });
  const base: Foundation = {
    config,
    clock,
    ids,
    random,
    logger,
    keyOf,
    cosmos,
    dispatcher,
    audit: audit.recorder,
    auditLog: audit.log,
    mails,
  };

  const people = createAccountParts(base, { passwords });
  const { services: entrance, tokens, throttle, assertMayGive } = createSignIn(base, { people, passwords });
  const { accounts: accountsService, signIn } = entrance;
  const { assertFresh } = entrance.stepUp;
  const userServices = createUserServices(base, {
    people,
    passwords,
    accountsService,
    throttle,
    assertMayGive,
    assertFresh,
  });
  const keys = createKeys(base, {
    states: people.states,
    assertFresh,
    rateLimiter,
    flushMs: overrides.keyUsageFlushMs ?? 30_000,
  });
  const assessment = createAssessment(base, { people, accountsService, llm });
  const { components, enrolment } = assessment;
  const registration = createRegistration(base, {
    people,
    accountsService,
    signIn,
    assertMayGive,
    components,
    enrolment,
  });
  const { credentials } = userServices;
  const { invitations } = registration;

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
    ...entrance,
    ...userServices,
    ...registration,
    ...createMail(base, { email, people, credentials, invitations }),
    ...keys.services,
    ...assessment,
    ...audit.services,
    deadLetters: createDeadLetterService({
      serviceBus,
      queues: queueFile.queues.map((queue) => queue.name),
      audit: audit.log,
      clock,
    }),
  };

  return {
    clock,
    ids,
    logger,
    startSpan: telemetry?.startSpan,
    corsOrigins: config.CORS_ORIGINS,
    authenticate: createAuthenticate({ tokens, states: people.states, keys: keys.verification }),
    keyCalls: keys.verification.calls,
    assertFresh,
    trustedProxyHops: trustedProxyHops(config),
    ratePlan,
    rateLimiter,
    idempotency: createIdempotencyStore({
      container: cosmos.container('platform'),
      clock,
      key: keyOf('idempotency'),
    }),
    services,
    strictErrors: overrides.strictErrors ?? false,
    redeliveryBaseMs: overrides.redeliveryBaseMs ?? 1000,
    async close() {
      await keys.background.close();
      await rateLimiter.close();
      await Promise.all([cosmos.close(), serviceBus.close(), passwords.close(), telemetry?.close()]);
    },
  };
}
