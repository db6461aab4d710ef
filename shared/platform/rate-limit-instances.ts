import type { RateLimitStore } from './rate-limit-store.ts';

/** How many instances of the application there are, as far as this one can tell. */
export interface Instances {
  /** For what instances spend without asking: one that does not know yet how many there are counts as one of fifty. */
  assumed(): number;
  /** For what instances allow while the shared store is out of reach: one that never knew counts as the only one. */
  lastKnown(): number;
}

const refreshMs = 10_000;
const forgottenMs = 30_000;
const triesMax = 4;

/** As long as it is not known how many there are. Azure runs up to a thousand instances, a school needs a few. */
const assumedWhenUnknown = 50;

/** Who was seen a short while ago, with this instance. */
function present(seenAtMs: Readonly<Record<string, number>>, instance: string, nowMs: number): Record<string, number> {
  const others = Object.entries(seenAtMs).filter(([, atMs]) => Math.abs(nowMs - atMs) < forgottenMs);
  return { ...Object.fromEntries(others), [instance]: nowMs };
}

/**
 * Instances that answer requests write down every ten seconds that they are there, in the background. One that has just
 * joined does not trust its count before it has written twice: by then all who joined with it are in the list, and the
 * others have seen it. So what all of them assume adds up to at most twice the part that they spend without asking.
 */
export function createInstances(deps: {
  store: Pick<RateLimitStore, 'findInstances' | 'writeInstances'>;
  instance: string;
  nowMs: () => number;
  /** Runs work beside the request, with its time limit; a failure is its business. */
  inBackground: (work: () => Promise<void>) => void;
}): Instances {
  const { store, instance, nowMs, inBackground } = deps;
  let joinedAtMs = Number.NEGATIVE_INFINITY;
  let triedAtMs = Number.NEGATIVE_INFINITY;
  let writtenAtMs = Number.NEGATIVE_INFINITY;
  let known: number | undefined;
  let lastKnown = 1;

  async function refresh(): Promise<void> {
    for (let tries = 0; tries < triesMax; tries += 1) {
      const found = await store.findInstances();
      const atMs = nowMs();
      const seen = present(found?.seenAtMs ?? {}, instance, atMs);
      if ((await store.writeInstances(seen, found?.etag)) === undefined) continue;
      // After a silence this instance was not in the others' lists, so it joins again.
      if (Math.abs(atMs - writtenAtMs) > forgottenMs) joinedAtMs = atMs;
      writtenAtMs = atMs;
      lastKnown = Object.keys(seen).length;
      known = atMs - joinedAtMs >= refreshMs ? lastKnown : undefined;
      return;
    }
  }

  return {
    assumed() {
      const now = nowMs();
      if (Math.abs(now - triedAtMs) >= refreshMs) {
        triedAtMs = now;
        inBackground(refresh);
      }
      const isFresh = Math.abs(now - writtenAtMs) <= forgottenMs;
      return isFresh && known !== undefined ? known : Math.max(assumedWhenUnknown, lastKnown);
    },
    lastKnown: () => lastKnown,
  };
}
