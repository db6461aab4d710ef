import { createHmac } from 'node:crypto';
import { networkOf, unknownAddress } from '../platform/client-address-rules.ts';
import type { Clock } from '../platform/clock.ts';
import type { Caller } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import type { Ids } from '../platform/ids.ts';
import type { Logger } from '../platform/logging.ts';
import { createAttemptGates, type Gate } from './attempt-gate.ts';
import { makeDeviceToken, readDeviceToken } from './device-token-rules.ts';
import type { LogInCounter, LogInCounters } from './login-counters-repository.ts';
import {
  afterFailure,
  type FailureCount,
  failuresNow,
  lifetimeMs,
  type ThrottlePolicy,
  triesAtOnce,
  waitMs,
} from './login-throttle-rules.ts';

export interface LogInTry {
  /** The name as it is looked up, so that all spellings of one name count together. */
  name: string;
  caller: Caller;
  deviceToken: string | undefined;
  /** Whose name it is; undefined for a name that nobody has, which counts just the same. */
  userId: string | undefined;
}

export interface LogInThrottle {
  /**
   * Makes the try, unless too many have failed: then it throws `rate_limited` without making it. `isRight` says whether
   * the password was right; what fails is counted.
   */
  attempt(what: LogInTry, isRight: () => Promise<boolean>): Promise<boolean>;
  /** The name in a form that tells nothing to who does not know our key: people type passwords where the name goes. */
  hashOfName(name: string): string;
  makeDeviceToken(userId: string): string;
}

interface Key {
  id: string;
  policy: ThrottlePolicy;
}

const dayMs = 24 * 60 * 60_000;
const deviceMs = 180 * dayMs;
const writesMax = 4;
/** Tries of one name that may wait for each other in this instance. */
const waitingMax = 50;
const hourMs = 60 * 60_000;

/** A name or a device may fail five times at once; an address, behind which a school may stand, ten times a minute and a hundred times at once. */
const policies = {
  name: { free: 5, forgiveMs: hourMs },
  device: { free: 5, forgiveMs: hourMs },
  address: { free: 100, forgiveMs: 6_000 },
} as const satisfies Record<string, ThrottlePolicy>;

export function createLogInThrottle(deps: {
  counters: LogInCounters;
  clock: Clock;
  ids: Ids;
  logger: Pick<Logger, 'warn'>;
  /** Makes names unreadable and signs device tokens. */
  key: Buffer;
  /** Multiplies the failures that cost nothing, when it is above 1: nobody mistypes less because less is allowed. */
  scale: number;
}): LogInThrottle {
  const { counters, clock, ids, logger, key, scale } = deps;
  const gates = createAttemptGates();
  const counting = new Map<string, Promise<unknown>>();
  let isStoreDown = false;

  /** While the store is down nobody is counted, so that nobody is kept out; said once for each time that it goes down. */
  async function tolerant<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      const done = await work();
      isStoreDown = false;
      return done;
    } catch (error) {
      if (!isStoreDown) logger.warn('log_in_throttle_unavailable', { error });
      isStoreDown = true;
      return undefined;
    }
  }

  const hashOf = (text: string) => createHmac('sha256', key).update(text).digest('base64url');

  function keyOf(kind: keyof typeof policies, text: string): Key {
    const { free, forgiveMs } = policies[kind];
    return {
      id: `log-in:${kind}:${hashOf(`${kind}\n${text}`)}`,
      policy: { free: Math.round(free * Math.max(1, scale)), forgiveMs },
    };
  }

  /** A device on which this person has logged in counts by itself: what others do to the name or the address is not its fault. */
  function keysOf({ name, caller, deviceToken, userId }: LogInTry): [Key, ...Key[]] {
    const device = deviceToken === undefined ? undefined : readDeviceToken(key, deviceToken, clock.now());
    if (device !== undefined && device.user_id === userId) return [keyOf('device', device.device_id)];
    // Everybody whose address is not known would share one count.
    const byAddress = caller.address === unknownAddress ? [] : [keyOf('address', networkOf(caller.address))];
    return [keyOf('name', name), ...byAddress];
  }

  const find = (id: string) => tolerant(() => counters.find(id));

  /** Waits its turn; throws `rate_limited`. When it returns, the try counts as running; tells whether failures are known. */
  async function admit(keys: [Key, ...Key[]], gate: Gate): Promise<boolean> {
    for (;;) {
      const found = await Promise.all(keys.map(({ id }) => find(id)));
      const nowMs = clock.now();
      const counts = found.map((count, index) => (index === 0 ? latest(count, gate.last) : count));
      const waits = keys.map(({ policy }, index) => waitMs(counts[index], nowMs, policy));
      const waitS = Math.ceil(Math.max(...waits) / 1000);
      if (waitS > 0) throw tooMany(waitS);
      const [{ policy }] = keys;
      if (gate.running < triesAtOnce(failuresNow(counts[0], nowMs, policy), policy)) {
        gate.running += 1;
        return counts[0] !== undefined;
      }
      if (gate.waiting.length >= waitingMax) throw tooMany(1);
      await new Promise<void>((resolve) => {
        gate.waiting.push(resolve);
      });
    }
  }

  /** One failure after the other: those of a whole school would change one count under each other's hands. */
  function count(key: Key): Promise<FailureCount | undefined> {
    const mine = (counting.get(key.id) ?? Promise.resolve()).then(() => countNow(key));
    counting.set(key.id, mine);
    return mine.finally(() => {
      if (counting.get(key.id) === mine) counting.delete(key.id);
    });
  }

  async function countNow({ id, policy }: Key): Promise<FailureCount | undefined> {
    return tolerant(async () => {
      for (let tries = 0; tries < writesMax; tries += 1) {
        const found: LogInCounter | undefined = await counters.find(id);
        const next = afterFailure(found, clock.now(), policy);
        const ttl = Math.ceil(lifetimeMs(next, policy) / 1000);
        const written = { ...next, ttl, ...(found?._etag === undefined ? {} : { _etag: found._etag }) };
        if (await counters.tryWrite(id, written)) return next;
      }
      return undefined;
    });
  }

  return {
    async attempt(what, isRight) {
      const keys = keysOf(what);
      const [first] = keys;
      const gate = gates.enter(first.id);
      try {
        const hasFailed = await admit(keys, gate);
        try {
          if (await isRight()) {
            // Not the address: an attacker's own account would wash it clean.
            gate.last = undefined;
            if (hasFailed) await tolerant(() => counters.remove(first.id));
            return true;
          }
          const [counted] = await Promise.all(keys.map(count));
          gate.last = counted;
          return false;
        } finally {
          gate.running -= 1;
        }
      } finally {
        gates.leave(first.id, gate);
      }
    },

    hashOfName: (name) => hashOf(`audit\n${name}`).slice(0, 16),

    makeDeviceToken: (userId) =>
      makeDeviceToken(key, { user_id: userId, device_id: ids.next(), expires_at_ms: clock.now() + deviceMs }),
  };
}

function latest(read: FailureCount | undefined, own: FailureCount | undefined): FailureCount | undefined {
  if (read === undefined || own === undefined) return own ?? read;
  return own.failed_at_ms > read.failed_at_ms || own.failures > read.failures ? own : read;
}

function tooMany(retryAfterS: number): AppError {
  return new AppError('rate_limited', `Too many log-ins have failed; try again in ${retryAfterS} s`, { retryAfterS });
}
