import type { BucketHost, BucketOptions } from './rate-limit-host.ts';
import {
  afterRefusal,
  fullLevel,
  holdsCalls,
  keptS,
  type Level,
  type Limit,
  msUntil,
  partsOf,
  patient,
  refilled,
  type Settlement,
  type SettleRequest,
  type SharedLevel,
  settle,
  shareOf,
  wholeCalls,
} from './rate-limit-rules.ts';

const waitersMax = 256;
/** The shortest time between two settlements, and so the longest that anybody waits for one. */
const paceMs = 1_000;
const conflictsMax = 6;
/** At most so long after the first conflict, and twice as long after each further one. */
const conflictPauseMs = 20;
/** After a longer silence the calls before it say nothing about the next second. */
const demandKnownMs = 2_000;

/** One limit of one subject, as this instance knows it: its own part, its lease, and what it last saw of the shared part. */
export class Bucket {
  limit: Limit;
  readonly #host: BucketHost;
  readonly #key: string;
  readonly #options: BucketOptions;
  #instances: number;
  #parts: { own: Limit; shared: Limit };
  #own: Level;
  #lease = { tokens: 0, untilMs: 0 };
  #seen: Level;
  /** What others held when this instance settled. */
  #lent = 0;
  #version: { level: SharedLevel; etag: string } | undefined;
  #settledAtMs = Number.NEGATIVE_INFINITY;
  #settlements = 0;
  #settling: Promise<void> | undefined;
  #calls = 0;
  #waiting = 0;
  /** What is allowed by this instance alone while the store is out of reach. */
  #share: Level | undefined;
  #owed = 0;
  #patience = patient;

  constructor(host: BucketHost, key: string, options: BucketOptions) {
    const nowMs = host.nowMs();
    this.#host = host;
    this.#key = key;
    this.#options = options;
    this.limit = options.limit;
    this.#instances = host.instances();
    this.#parts = partsOf(this.limit, this.#instances);
    this.#own = fullLevel(this.#parts.own, nowMs);
    this.#seen = fullLevel(this.#parts.shared, nowMs);
  }

  /** Another tier, or other limits of a key: what was spent stays spent, what comes back comes at the new rate. */
  changeLimit(limit: Limit): void {
    this.limit = limit;
    this.#divide();
  }

  count(): void {
    this.#calls += 1;
  }

  /** Whether one call can be taken at once; a promise when that must be asked, after which it is to be called again. */
  ready(nowMs: number): boolean | Promise<void> {
    this.#refresh(nowMs);
    if (this.#patience.refusedUntilMs > nowMs) return false;
    if (this.#share !== undefined && this.#host.mayProbe()) this.#host.inBackground(() => this.#settled(0));
    if (holdsCalls(this.#spendable())) return true;
    if (this.#share !== undefined || this.#waiting >= waitersMax) return false;
    // Only as many wait as there seem to be tokens for; the others are better served by a refusal at once.
    const isLikely = holdsCalls(this.#spendable() + this.#seen.tokens, this.#waiting + 1);
    if (this.#settling !== undefined) return isLikely && this.#wait(0);
    const pauseMs = this.#pauseMs(nowMs);
    // What others give back shows only when asked; nobody is kept waiting for that.
    const mayAsk = isLikely || (this.#lent > 0 && pauseMs === 0);
    return mayAsk && this.#wait(pauseMs);
  }

  /** Takes one call; only after `ready` said true, or after the caller has waited long enough for an answer. */
  spend(): void {
    if (this.#share !== undefined) {
      this.#share = { ...this.#share, tokens: Math.max(0, this.#share.tokens - 1) };
      this.#owed += 1;
      return;
    }
    if (!holdsCalls(this.#spendable())) {
      // On account: the next settlement pays for it.
      this.#owed += 1;
      this.#seen = { ...this.#seen, tokens: Math.max(0, this.#seen.tokens - 1) };
      return;
    }
    const leased = Math.min(1, this.#lease.tokens);
    this.#lease.tokens -= leased;
    this.#own = { ...this.#own, tokens: Math.max(0, this.#own.tokens - (1 - leased)) };
  }

  /** What is left as far as is known here, in whole calls. */
  remaining(): number {
    return Math.min(wholeCalls(this.limit.capacity), wholeCalls(this.#known()));
  }

  /** Milliseconds until everything is back. */
  msUntilFull(nowMs: number): number {
    return msUntil(this.limit, this.#known(), this.limit.capacity, nowMs);
  }

  /** Notes the refusal; returns how long the caller is told to wait. */
  refuse(nowMs: number): number {
    const waitMs = this.#msUntilNext(nowMs);
    if (!this.#options.isPersonal) return waitMs;
    this.#patience = afterRefusal(this.#patience, waitMs, nowMs);
    return Math.max(waitMs, this.#patience.refusedUntilMs - nowMs);
  }

  #msUntilNext(nowMs: number): number {
    if (this.#share !== undefined) return msUntil(this.#shareLimit(), this.#share.tokens, 1, nowMs);
    const { own, shared } = this.#parts;
    const both = {
      ...shared,
      capacity: own.capacity + shared.capacity,
      refillPerMs: own.refillPerMs + shared.refillPerMs,
    };
    const untilMs = msUntil(both, this.#known(), 1, nowMs);
    return this.#lent > 0 ? Math.min(untilMs, paceMs) : untilMs;
  }

  #known(): number {
    return this.#share?.tokens ?? this.#own.tokens + this.#lease.tokens + this.#seen.tokens;
  }

  #spendable(): number {
    return this.#share?.tokens ?? this.#own.tokens + this.#lease.tokens;
  }

  #shareLimit(): Limit {
    return shareOf(this.limit, this.#host.sharers());
  }

  #divide(): void {
    this.#parts = partsOf(this.limit, this.#instances);
    this.#own = { ...this.#own, tokens: Math.min(this.#own.tokens, this.#parts.own.capacity) };
  }

  #refresh(nowMs: number): void {
    const instances = this.#host.instances();
    if (instances !== this.#instances) {
      this.#instances = instances;
      this.#divide();
    }
    this.#own = refilled(this.#parts.own, this.#own, nowMs);
    if (this.#lease.untilMs <= nowMs) this.#lease.tokens = 0;
    const { shared } = this.#parts;
    // Between two calls nothing is spent here, so this follows the shared bucket as long as nobody else settles.
    this.#seen = refilled(shared, this.#seen, nowMs, shared.capacity - this.#lent - this.#lease.tokens);
    if (this.#host.isAlone()) this.#goOnAlone(nowMs);
    else this.#share = undefined;
  }

  /** What is known to be left is divided; own part and lease are in it. */
  #goOnAlone(nowMs: number): void {
    const share = this.#shareLimit();
    if (this.#share === undefined) {
      const tokens = this.#spendable() + this.#seen.tokens / this.#host.sharers();
      this.#share = { tokens: Math.min(share.capacity, tokens), atMs: nowMs };
    }
    this.#share = refilled(share, this.#share, nowMs);
    this.#own = { tokens: 0, atMs: nowMs };
    this.#lease.tokens = 0;
  }

  #pauseMs(nowMs: number): number {
    const sinceMs = nowMs - this.#settledAtMs;
    return sinceMs < 0 ? 0 : Math.max(0, paceMs - sinceMs);
  }

  async #wait(pauseMs: number): Promise<void> {
    // Counted before anything begins: the settlement asks for as many tokens as there are who wait.
    this.#waiting += 1;
    try {
      await this.#settled(pauseMs);
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Settles after the pause; whoever comes meanwhile waits for the same settlement. */
  #settled(pauseMs: number): Promise<void> {
    this.#settling ??= this.#settleAfter(pauseMs).finally(() => {
      this.#settling = undefined;
    });
    return this.#settling;
  }

  async #settleAfter(pauseMs: number): Promise<void> {
    if (pauseMs > 0) await this.#pause(pauseMs);
    const sinceMs = this.#host.nowMs() - this.#settledAtMs;
    await this.#reach(sinceMs > demandKnownMs ? undefined : sinceMs);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#host.after(ms, resolve));
  }

  async #reach(sinceMs: number | undefined): Promise<void> {
    const calls = this.#calls;
    this.#settledAtMs = this.#host.nowMs();
    this.#settlements += 1;
    this.#calls = 0;
    const callsPerS = sinceMs === undefined ? undefined : (calls * 1000) / Math.max(sinceMs, 1000);
    await this.#host.reach(() => this.#settleWithStore(callsPerS));
    // From the end, so that a write that was late is not followed at once by the next.
    this.#settledAtMs = this.#host.nowMs();
  }

  async #settleWithStore(callsPerS: number | undefined): Promise<void> {
    // Who had the bucket for itself a moment ago needs not read again what it wrote.
    let version = this.#lent > 0 || callsPerS === undefined ? undefined : this.#version;
    let givenBack = 0;
    for (let tries = 0; tries < conflictsMax; tries += 1) {
      version ??= await this.#host.store.findLevel(this.#key);
      const nowMs = this.#host.nowMs();
      this.#refresh(nowMs);
      const { shared } = this.#parts;
      const held = this.#lease.untilMs > nowMs ? this.#lease.tokens + givenBack : 0;
      const isOwn = version !== undefined && version.etag === this.#version?.etag;
      const request = this.#request(nowMs, held, callsPerS, isOwn ? this.#seen : undefined);
      const settlement = settle(shared, version?.level, request);
      // What goes back must not be spent while that is being written.
      this.#lease.tokens = Math.min(held, settlement.lease.tokens);
      givenBack = held - this.#lease.tokens;
      if (settlement.stored === undefined) {
        this.#version = version;
        this.#apply(settlement, 0);
        return;
      }
      const added = settlement.lease.tokens - this.#lease.tokens;
      const etag = await this.#host.store.writeLevel(this.#key, settlement.stored, version?.etag, keptS(shared, nowMs));
      if (etag !== undefined) {
        this.#version = { level: settlement.stored, etag };
        this.#owed -= request.owed;
        this.#apply(settlement, added);
        return;
      }
      version = undefined;
      await this.#pause(this.#host.random() * conflictPauseMs * 2 ** tries);
    }
    // Too many others at the same time: there is another try after the pause.
    this.#version = undefined;
  }

  #request(nowMs: number, held: number, callsPerS: number | undefined, followed: Level | undefined): SettleRequest {
    return {
      instance: this.#host.instance,
      nowMs,
      instances: this.#instances,
      waiting: this.#waiting,
      own: this.#own.tokens,
      held,
      followed,
      owed: this.#owed,
      callsPerS,
      leaseMs: this.#options.leaseMs(this.#host.sharers()),
    };
  }

  #apply({ lease, level, lent }: Settlement, added: number): void {
    this.#lease = { tokens: this.#lease.tokens + added, untilMs: lease.untilMs };
    this.#seen = level;
    this.#lent = lent;
    const settlement = this.#settlements;
    if (lease.tokens > 0) this.#host.after(lease.periodMs, () => this.#renew(settlement, lease.periodMs));
  }

  /** At the end of a lease: the next one for who goes on calling, and back with what is left for who does not. */
  #renew(settlement: number, periodMs: number): void {
    const isIdle = this.#calls === 0 && this.#lease.tokens === 0;
    // Who waited may have settled in the meantime; that lease has its own end.
    const isOver = settlement !== this.#settlements || this.#settling !== undefined;
    if (isIdle || isOver || this.#host.isAlone()) return;
    this.#host.inBackground(() => {
      this.#settling ??= this.#reach(periodMs).finally(() => {
        this.#settling = undefined;
      });
      return this.#settling;
    });
  }
}
