import type { FailureCount } from './login-throttle-rules.ts';

/** The tries of one key that this instance makes or holds back right now. */
export interface Gate {
  running: number;
  /** The last failure of them: newer than what a read may have found that began before. */
  last: FailureCount | undefined;
  waiting: (() => void)[];
  /** Tries that hold the gate, in whatever state. */
  users: number;
}

/**
 * Holds back tries that come at once. Reading a count, checking a password and counting a failure take time, in which a
 * thousand guesses could pass; so the tries of one key wait for each other, as far as they might be too many. Instances do
 * not know of each other's tries: with n of them n guesses may pass where one should.
 */
export function createAttemptGates() {
  const gates = new Map<string, Gate>();
  return {
    enter(key: string): Gate {
      const gate = gates.get(key) ?? { running: 0, last: undefined, waiting: [], users: 0 };
      gates.set(key, gate);
      gate.users += 1;
      return gate;
    },
    /** The next one that waits looks again. */
    leave(key: string, gate: Gate): void {
      gate.users -= 1;
      if (gate.users === 0) gates.delete(key);
      gate.waiting.shift()?.();
    },
  };
}
