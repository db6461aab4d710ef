import type { Clock } from './clock.ts';
import type { Principal, RateLimitPolicy, Services } from './define-endpoint.ts';
import type { IdempotencyStore } from './idempotency.ts';
import type { Ids } from './ids.ts';
import type { Logger } from './logging.ts';
import type { RateLimiter } from './rate-limit.ts';

/** All that the platform needs from the application; built once per process by `shared/services.ts`. */
export interface Runtime {
  clock: Clock;
  ids: Ids;
  logger: Logger;
  /** Origins that may call from a browser. */
  corsOrigins: readonly string[];
  /** Turns a bearer token into the person behind it, or throws `unauthenticated`. */
  authenticate(token: string): Promise<Principal>;
  rateLimiter: RateLimiter<RateLimitPolicy>;
  idempotency: IdempotencyStore;
  services: Services;
  /** Tests set this: an error code that the endpoint does not declare becomes a 500. */
  strictErrors: boolean;
  /** A worker that throws waits this long, doubled with each delivery, before the queue hands the message out again. */
  redeliveryBaseMs: number;
}
