import type { Clock } from './clock.ts';
import type { Caller, Principal, Services } from './define-endpoint.ts';
import type { IdempotencyStore } from './idempotency.ts';
import type { Ids } from './ids.ts';
import type { Logger } from './logging.ts';
import type { RateLimiter } from './rate-limit.ts';
import type { RatePlan } from './rate-limit-policy-rules.ts';
import type { StartSpan } from './trace-context.ts';

/** What a caller shows to say who they are. API keys also come as bearer tokens. */
export interface Credential {
  kind: 'bearer' | 'api_key';
  value: string;
}

/** What becomes of a call with an API key, after the key was found to be good; calls of people are none of its business. */
export interface KeyCalls {
  /** Nothing speaks against the call: it is counted, and takes its credit; throws when the key has none left. */
  accepted(user: Principal): Promise<void>;
  /** The call is refused for this reason, which is counted too; returns what is thrown. */
  refused(user: Principal, error: unknown): unknown;
}

/** All that the platform needs from the application; built once per process by `shared/services.ts`. */
export interface Runtime {
  clock: Clock;
  ids: Ids;
  logger: Logger;
  /** Begins the span of an invocation; absent where nobody collects spans. */
  startSpan?: StartSpan | undefined;
  /** Origins that may call from a browser. */
  corsOrigins: readonly string[];
  /** Turns a credential into the person behind it, or throws `unauthenticated`, or what an API key is refused with. */
  authenticate(credential: Credential, caller: Caller): Promise<Principal>;
  keyCalls: KeyCalls;
  /** Throws `step_up_required` unless the person has proved a short while ago who they are. */
  assertFresh(user: Principal): Promise<void>;
  /** How many of the proxies before the application are to be believed about the caller's address. */
  trustedProxyHops: number;
  ratePlan: RatePlan;
  rateLimiter: RateLimiter;
  idempotency: IdempotencyStore;
  services: Services;
  /** Tests set this: an error code that the endpoint does not declare becomes a 500. */
  strictErrors: boolean;
  /** A worker that throws waits this long, doubled with each delivery, before the queue hands the message out again. */
  redeliveryBaseMs: number;
}
