import type { Clock } from '../shared/platform/clock.ts';

export interface MovableClock extends Clock {
  move(ms: number): void;
}

/** Stands still until it is moved. */
export function movableClock(startMs = Date.UTC(2026, 0, 5, 12)): MovableClock {
  let nowMs = startMs;
  return {
    now: () => nowMs,
    move(ms) {
      nowMs += ms;
    },
  };
}
