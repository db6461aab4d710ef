import type { Limit } from './rate-limit-rules.ts';
import type { RateLimitStore } from './rate-limit-store.ts';

/** What the buckets of an instance have in common. */
export interface BucketHost {
  store: Pick<RateLimitStore, 'findLevel' | 'writeLevel'>;
  instance: string;
  nowMs(): number;
  /** How many instances spend their own parts. */
  instances(): number;
  /** Among how many a limit is divided while the store is out of reach. */
  sharers(): number;
  /** Whether limits are the instance's own for now. */
  isAlone(): boolean;
  /** Whether it is time to see if the store is back. */
  mayProbe(): boolean;
  /** Runs the work with the store within the time limit; false when it failed, which the host has noted. */
  reach(work: () => Promise<void>): Promise<boolean>;
  /** Runs work that no request waits for. */
  inBackground(work: () => Promise<unknown>): void;
  random(): number;
  /** Calls back later, unless the application ends before. */
  after(ms: number, work: () => void): void;
}

export interface BucketOptions {
  limit: Limit;
  /** Who comes back too early waits longer: only where the bucket is that of one person. */
  isPersonal: boolean;
  /** How long a lease lasts, among so many instances. */
  leaseMs: (instances: number) => number;
}
