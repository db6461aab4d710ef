import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';
import type { Clock } from './clock.ts';

/** Makes identifiers: UUID version 7 strings, which sort by the time they were made. */
export interface Ids {
  next(): string;
}

const randomBytesPerId = 16;
const idsPerFill = 256;

export function createIds(clock: Clock): Ids {
  // Every call makes two ids, and asking the system for randomness is the dearest part of one: it is asked for many at a time.
  const random = new Uint8Array(randomBytesPerId * idsPerFill);
  let used = random.length;
  let lastMs = 0;
  let seq = 0;

  /** Bytes that no id had before. */
  function freshRandom(): Uint8Array {
    if (used === random.length) {
      randomFillSync(random);
      used = 0;
    }
    used += randomBytesPerId;
    return random.subarray(used - randomBytesPerId, used);
  }

  return {
    next() {
      // Within one process ids never run backwards, even when the clock jumps back or many are made in one millisecond.
      const nowMs = clock.now();
      if (nowMs > lastMs) {
        lastMs = nowMs;
        seq = 0;
      } else {
        seq += 1;
      }
      return v7({ msecs: lastMs, seq, random: freshRandom() });
    },
  };
}
