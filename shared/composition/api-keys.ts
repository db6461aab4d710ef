import { randomBytes } from 'node:crypto';
import { createCreditLeases } from '../api-keys/credit-leases.ts';
import { createKeyAccess } from '../api-keys/key-access.ts';
import { createKeyChangesService } from '../api-keys/key-changes-service.ts';
import { createKeySecretsService } from '../api-keys/key-secrets-service.ts';
import { createApiKeys } from '../api-keys/repository.ts';
import { type ApiKeysService, createApiKeysService } from '../api-keys/service.ts';
import { createUsageRecorder } from '../api-keys/usage-recorder.ts';
import { createKeyVerification, type KeyLimiter, type KeyVerification } from '../api-keys/verification-service.ts';
import type { AccountStates } from '../identity/account-states.ts';
import type { StepUpService } from '../identity/step-up-service.ts';
import { type Background, createBackground } from '../platform/background.ts';
import type { RateLimiter } from '../platform/rate-limit.ts';
import { keyBuckets } from '../platform/rate-limit-policy-rules.ts';
import type { Foundation } from './foundation.ts';

export interface ApiKeyServices {
  apiKeys: ApiKeysService;
  keyVerification: Pick<KeyVerification, 'verify'>;
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

/** API keys: the ways to make and manage them, the check that every call goes through, and what is counted in the background. */
export function createKeys(
  { config, clock, logger, cosmos, audit }: Foundation,
  deps: {
    states: AccountStates;
    assertFresh: StepUpService['assertFresh'];
    rateLimiter: RateLimiter;
    flushMs: number;
  },
): { services: ApiKeyServices; verification: KeyVerification; background: Background } {
  const { states, assertFresh } = deps;
  const cacheMs = config.AUTH_CACHE_S * 1000;
  const keys = createApiKeys(cosmos.container('identity'));
  const limiter = createKeyLimiter(deps.rateLimiter);
  const wake = () => background.wake();
  const usage = createUsageRecorder({ keys, audit, clock, wake });
  const credits = createCreditLeases({ keys, clock, cacheMs, wake });
  const background = createBackground({
    name: 'api-key-usage',
    everyMs: deps.flushMs,
    logger,
    work: async (isLast) => (await Promise.all([usage.flush(), credits.settle(isLast)])).includes(true),
  });
  const verification = createKeyVerification({ keys, states, usage, credits, limiter, clock, cacheMs });
  const access = createKeyAccess({ keys });
  const common = { keys, access, verification, assertFresh, audit, clock };
  const secrets = createKeySecretsService({ ...common, random: randomBytes, format: config.API_KEY_PREFIX });
  const changes = createKeyChangesService(common);
  const apiKeys = createApiKeysService({ keys, access, secrets, changes, clock });
  return { services: { apiKeys, keyVerification: verification }, verification, background };
}
