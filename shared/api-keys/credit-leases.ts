import type { Clock } from '../platform/clock.ts';
import { AppError } from '../platform/errors.ts';
import { untilWritten } from '../platform/optimistic.ts';
import { giveBack, isLeaseGood, type Lease, refillAtMs, takeLease } from './credit-rules.ts';
import type { ApiKeyDocument } from './documents.ts';
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
  keys: Pick<ApiKeys, 'find' | 'replace'>;
  clock: Clock;
  /** How long an instance remembers that a key has no credits. */
  cacheMs: number;
  wake(): void;
}): CreditLeases {
  const { keys, clock, cacheMs, wake } = deps;
  const held = new Map<string, Held>();
  const empty = new Map<string, Empty>();
  const taking = new Map<string, Promise<Taken>>();

  function take(key: ApiKeyDocument): Promise<Taken> {
    return untilWritten(async (): Promise<Taken | undefined> => {
      const present = await keys.find(key.user_id, key.key_id);
      const nowMs = clock.now();
      if (present?.credits == null) return 'free';
      const taken = takeLease(present.credits, nowMs);
      if (taken === undefined) {
        const none: None = { ok: false, refillAtMs: refillAtMs(present.credits, nowMs) };
        if (empty.size >= emptyKeysMax) empty.clear();
        const untilMs = Math.min(nowMs + cacheMs, none.refillAtMs ?? Number.POSITIVE_INFINITY);
        empty.set(key.key_id, { grant: present.credits.grant, untilMs, refillAtMs: none.refillAtMs });
        return none;
      }
      if (!(await keys.replace({ ...present, credits: taken.credits }, []))) return undefined;
      const { user_id, key_id } = key;
      held.set(key_id, { user_id, key_id, lease: taken.lease, isIdle: false });
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

  async function returnRest({ user_id, key_id, lease }: Held): Promise<void> {
    await untilWritten(async () => {
      const present = await keys.find(user_id, key_id);
      const credits = present?.credits == null ? undefined : giveBack(present.credits, lease, clock.now());
      if (present === undefined || credits === undefined) return true;
      return (await keys.replace({ ...present, credits }, [])) || undefined;
    });
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
      await Promise.all(idle.filter((one) => one.lease.amount > 0).map(returnRest));
      return held.size > 0;
    },
  };
}
