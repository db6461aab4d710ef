import type { HttpRequest } from '@azure/functions';
import { credentialOf } from './caller.ts';
import { networkOf } from './client-address-rules.ts';
import type { Caller, Endpoint, Principal } from './define-endpoint.ts';
import { AppError } from './errors.ts';
import { permissions } from './permissions.ts';
import type { RateDecision } from './rate-limit.ts';
import type { BucketRequest } from './rate-limit-policy-rules.ts';
import type { Credential, Runtime } from './runtime.ts';

/** One request on its way through the pipeline. */
export interface Call {
  endpoint: Endpoint;
  request: HttpRequest;
  runtime: Runtime;
  caller: Caller;
  user: Principal | undefined;
  /** What the caller is told about its limits, once it is known. */
  rate: RateDecision | undefined;
}

async function authenticateIfValid(call: Call, credential: Credential): Promise<Principal | undefined> {
  try {
    return await call.runtime.authenticate(credential, call.caller);
  } catch (error) {
    if (error instanceof AppError && error.status === 401) return undefined;
    throw error;
  }
}

async function authenticate(call: Call, credential: Credential | undefined): Promise<Principal | undefined> {
  const { auth } = call.endpoint;
  if (auth === 'public') return undefined;
  if (auth === 'if_valid') return credential && authenticateIfValid(call, credential);
  if (credential !== undefined) return call.runtime.authenticate(credential, call.caller);
  if (auth === 'optional' && !call.request.headers.has('authorization')) return undefined;
  throw new AppError('unauthenticated', 'Could not validate credentials');
}

async function authorise(call: Call): Promise<void> {
  const { auth } = call.endpoint;
  if (typeof auth === 'string') return;
  if (!call.user?.permissions.has(auth.permission))
    throw new AppError('forbidden', permissions[auth.permission].refusal);
  if (auth.fresh === true) await call.runtime.assertFresh(call.user);
}

/** Takes the call from its buckets; throws `rate_limited` when one is empty. */
export async function takeRate(runtime: Runtime, buckets: readonly BucketRequest[]): Promise<RateDecision> {
  const taken = runtime.rateLimiter.take(buckets);
  // Nearly always known at once, and then nobody waits.
  return taken instanceof Promise ? await taken : taken;
}

export function rateLimited(decision: RateDecision): AppError {
  return new AppError('rate_limited', 'Too many requests; try again later.', { retryAfterS: decision.retryAfterS });
}

async function limitRate(call: Call, buckets: readonly BucketRequest[]): Promise<void> {
  const decision = await takeRate(call.runtime, buckets);
  call.rate = decision;
  if (!decision.allowed) throw rateLimited(decision);
}

/**
 * Lets the caller in: who they are, whether they may, whether not too often. A refusal is counted too: a wrong credential
 * at its address, what somebody known may not do at their account. A call with an API key is noted at the key.
 */
export async function admit(call: Call): Promise<void> {
  const { runtime } = call;
  const network = networkOf(call.caller.address);
  const credential = credentialOf(call.request);
  try {
    call.user = await authenticate(call, credential);
  } catch (refusal) {
    const { ratePlan } = runtime;
    if (refusal instanceof AppError && refusal.status < 500) {
      const isWrong = credential !== undefined;
      await limitRate(call, isWrong ? ratePlan.bucketsForRefused(network) : bucketsOf(call, network));
    }
    throw refusal;
  }
  const { user } = call;
  if (user?.via.kind !== 'api_key') return admitKnown(call, network);
  try {
    await admitKnown(call, network);
  } catch (error) {
    throw runtime.keyCalls.refused(user, error);
  }
  await runtime.keyCalls.accepted(user);
}

function bucketsOf(call: Call, network: string): BucketRequest[] {
  return call.runtime.ratePlan.bucketsFor(call.endpoint.rateLimit, call.user, network);
}

/** Counts the call whether it is allowed or not, and says that it came too often before it says that it may not be. */
async function admitKnown(call: Call, network: string): Promise<void> {
  let refusal: unknown;
  try {
    await authorise(call);
  } catch (error) {
    refusal = error;
  }
  await limitRate(call, bucketsOf(call, network));
  if (refusal !== undefined) throw refusal;
}
