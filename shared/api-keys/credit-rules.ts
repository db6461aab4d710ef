import type { Credits, Refill } from './documents.ts';

/** No instance takes more than this, or than a twentieth of what is left, at one time. */
export const leaseMax = 50;
const leaseShare = 20;

/** Credits that one instance has taken from a key, to spend without asking. */
export interface Lease {
  grant: number;
  /** The refill that it was taken after. */
  period: string | null;
  amount: number;
  /** The end of the day or month; what is left then is gone, as it is for the key itself. */
  until_ms: number | null;
}

/** The day or month, UTC, that a time lies in. */
export function periodOf(every: Refill['every'], nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, every === 'day' ? 10 : 7);
}

/** When the next day or month begins, UTC. */
export function nextPeriodMs(every: Refill['every'], nowMs: number): number {
  const now = new Date(nowMs);
  return every === 'day'
    ? Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 1)
    : Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1);
}

/** Credits as an administrator sets them. */
export function newCredits(
  said: Pick<Credits, 'remaining' | 'refill'>,
  before: Credits | null,
  nowMs: number,
): Credits {
  const period = said.refill === null ? null : periodOf(said.refill.every, nowMs);
  return { remaining: said.remaining, refill: said.refill, period, grant: (before?.grant ?? 0) + 1 };
}

/** The credits with what a new day or month has brought. A clock that runs back brings nothing. */
export function refilled(credits: Credits, nowMs: number): Credits {
  const { refill, period, remaining } = credits;
  if (refill === null) return credits;
  const now = periodOf(refill.every, nowMs);
  if (period !== null && now <= period) return credits;
  return { ...credits, period: now, remaining: Math.max(remaining, refill.amount) };
}

/** When there will be credits again; null when only an administrator can give some. */
export function refillAtMs(credits: Credits, nowMs: number): number | null {
  if (credits.refill === null || credits.refill.amount === 0) return null;
  return nextPeriodMs(credits.refill.every, nowMs);
}

/** The credits that an instance takes to spend: a small share, so that others find some too. Undefined when there are none. */
export function leaseFrom(credits: Credits, nowMs: number): Lease | undefined {
  const amount = Math.min(leaseMax, Math.ceil(credits.remaining / leaseShare));
  if (amount <= 0) return undefined;
  return {
    grant: credits.grant,
    period: credits.period,
    amount,
    until_ms: credits.refill === null ? null : nextPeriodMs(credits.refill.every, nowMs),
  };
}

/** Whether what is left of a lease may still be spent by a call that knows of `grant`, which may be an older one. */
export function isLeaseGood(lease: Lease, grant: number, nowMs: number): boolean {
  return lease.grant >= grant && lease.amount > 0 && (lease.until_ms === null || nowMs < lease.until_ms);
}

/** What of a lease goes back to the key that nobody has spent: nothing once its day or month is over. */
export function restOf(lease: Lease, nowMs: number): number {
  return lease.until_ms === null || nowMs < lease.until_ms ? lease.amount : 0;
}
