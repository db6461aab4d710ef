import type { Clock } from '../platform/clock.ts';
import { AppError } from '../platform/errors.ts';
import { untilWritten } from '../platform/optimistic.ts';
import { isLeaseGood, type Lease, leaseFrom, refillAtMs, refilled, restOf } from './credit-rules.ts';
import type { ApiKeyDocument, Credits } from './documents.ts';
import type { ApiKeys } from './repository.ts';

interface None {
  ok: false;
  /** When there will be credits again; null when only an administrator can give some. */
  refillAtMs: number | null;
}
type Spent = { ok: true } | None;
/** `leased`: the instance holds some now; `free`: the key asks for none any more. */
type Taken = 'leased' | 'free' | None;

/** Spends the credits of keys. What is spent was taken from the key before, so it is never spent twice. */
export interface CreditLeases {
  /** Takes one credit; at once where this instance holds some, with two calls of the database where it does not. */
  spend(key: ApiKeyDocument): Promise<Spent>;
  /** Gives back what nobody has spent since the last time; all of it when `all`. Returns whether something is still held. */
  settle(all?: boolean): Promise<boolean>;
}

interface Held extends Pick<ApiKeyDocument, 'user_id' | 'key_id'> {
  lease: Lease;
  isIdle: boolean;
}

interface Empty {
  grant: number;
  untilMs: number;
  refillAtMs: number | null;
}

const emptyKeysMax = 10_000;

export function createCreditLeases(deps: {
  keys: Pick<ApiKeys, 'find' | 'refill' | 'moveCredits'>;
  clock: Clock;
  /** How long an instance remembers that a key has no credits. */
  cacheMs: number;
  wake(): void;
}): CreditLeases {
  const { keys, clock, cacheMs, wake } = deps;
  const held = new Map<string, Held>();
  const empty = new Map<string, Empty>();
  const taking = new Map<string, Promise<Taken>>();

  function remember(key: ApiKeyDocument, credits: Credits, nowMs: number): None {
    const none: None = { ok: false, refillAtMs: refillAtMs(credits, nowMs) };
    if (empty.size >= emptyKeysMax) empty.clear();
    const untilMs = Math.min(nowMs + cacheMs, none.refillAtMs ?? Number.POSITIVE_INFINITY);
    empty.set(key.key_id, { grant: credits.grant, untilMs, refillAtMs: none.refillAtMs });
    return none;
  }

  function take({ user_id, key_id }: ApiKeyDocument): Promise<Taken> {
    return untilWritten(async (): Promise<Taken | undefined> => {
      const present = await keys.find(user_id, key_id);
      if (present?.credits == null) return 'free';
      const nowMs = clock.now();
      const credits = refilled(present.credits, nowMs);
      // The first one who notices a new day writes what it brings; the others find it written.
      if (credits !== present.credits && !(await keys.refill(present, credits))) return undefined;
      const lease = leaseFrom(credits, nowMs);
      if (lease === undefined) return remember(present, credits, nowMs);
      if (!(await keys.moveCredits(present, -lease.amount, lease))) return undefined;
      held.set(key_id, { user_id, key_id, lease, isIdle: false });
      wake();
      return 'leased';
    });
  }

  function takeOnce(key: ApiKeyDocument): Promise<Taken> {
    const running = taking.get(key.key_id);
    if (running !== undefined) return running;
    const started = take(key)
      .catch((error: unknown): never => {
        // Many instances want the last few at once: the caller did nothing wrong.
        const isCrowded = error instanceof AppError && error.code === 'conflict';
        throw isCrowded ? new AppError('unavailable', undefined, { cause: error, retryAfterS: 1 }) : error;
      })
      .finally(() => taking.delete(key.key_id));
    taking.set(key.key_id, started);
    return started;
  }

  function spendHeld(key: ApiKeyDocument, grant: number): boolean {
    const present = held.get(key.key_id);
    if (present === undefined) return false;
    if (!isLeaseGood(present.lease, grant, clock.now())) {
      held.delete(key.key_id);
      return false;
    }
    present.lease = { ...present.lease, amount: present.lease.amount - 1 };
    present.isIdle = false;
    return true;
  }

  function knownEmpty(key: ApiKeyDocument, grant: number): Empty | undefined {
    const known = empty.get(key.key_id);
    if (known !== undefined && known.grant >= grant && clock.now() < known.untilMs) return known;
    empty.delete(key.key_id);
    return undefined;
  }

  async function returnRest(one: Held): Promise<void> {
    const rest = restOf(one.lease, clock.now());
    if (rest > 0) await keys.moveCredits(one, rest, one.lease);
  }

  return {
    async spend(key) {
      // Many wait for one lease; who finds it spent by the others takes the next one.
      if (key.credits === null) return { ok: true };
      const { grant } = key.credits;
      for (;;) {
        if (spendHeld(key, grant)) return { ok: true };
        const none = knownEmpty(key, grant);
        if (none !== undefined) return { ok: false, refillAtMs: none.refillAtMs };
        const taken = await takeOnce(key);
        if (taken === 'free') return { ok: true };
        if (taken !== 'leased') return taken;
      }
    },
    async settle(all = false) {
      const idle = [...held.values()].filter((one) => all || one.isIdle);
      for (const one of idle) held.delete(one.key_id);
      for (const one of held.values()) one.isIdle = true;
      await Promise.all(idle.map(returnRest));
      return held.size > 0;
    },
  };
}
