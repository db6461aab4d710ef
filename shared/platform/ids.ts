import { v7, validate } from 'uuid';
import type { Clock } from './clock.ts';

/** Makes identifiers: UUID version 7 strings, which sort by the time they were made. */
export interface Ids {
  next(): string;
}

export function createIds(clock: Clock): Ids {
  let lastMs = 0;
  let seq = 0;
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
      return v7({ msecs: lastMs, seq });
    },
  };
}

export const isUuid = validate;
