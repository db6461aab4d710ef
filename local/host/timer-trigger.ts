import { randomUUID } from 'node:crypto';
import { Cron } from 'croner';
import type { Clock } from '../../shared/platform/clock.ts';
import { type Invoker, pause } from './invoker.ts';
import type { Binding, RegisteredFunction } from './worker-module.ts';

export interface TimerOptions {
  readonly fn: RegisteredFunction;
  readonly triggerName: string;
  readonly binding: Binding;
  /** The binding's schedule with its settings filled in. */
  readonly schedule: string;
  readonly invoker: Invoker;
  readonly clock: Clock;
}

/** A run that starts this much after its time is past due; the real host's timers are exact to about as much. */
const pastDueMs = 1_000;
/** Long waits are cut into pieces, so that a machine that slept or whose clock was set wakes the timer soon. */
const napMs = 30_000;

/** Runs one timer function on its schedule (in UTC), never twice at the same time. */
export class TimerTrigger {
  readonly #options: TimerOptions;
  readonly #cron: Cron;
  readonly #stopped = new AbortController();
  #last = 0;
  #runs: Promise<void> = Promise.resolve();

  /** @throws Error when the schedule is malformed. */
  constructor(options: TimerOptions) {
    this.#options = options;
    const fields = options.schedule.trim().split(/\s+/).length;
    // Quartz' letters and nicknames work in croner but not on Azure.
    if ((fields !== 6 && fields !== 5) || /[?#@]|(?:^|\s|\d)[LW]\b/i.test(options.schedule)) {
      throw new Error(`the schedule "${options.schedule}" is not an NCRONTAB expression of six fields`);
    }
    this.#cron = new Cron(options.schedule, { timezone: 'UTC', mode: '5-or-6-parts', domAndDow: true, paused: true });
  }

  start(): void {
    if (this.#options.binding['runOnStartup'] === true) void this.run();
    void this.#loop();
  }

  stop(): void {
    this.#stopped.abort();
  }

  async close(): Promise<void> {
    this.stop();
  }

  /** Runs it now, after the run that is under way; settles when that run ended. Never rejects. */
  run(isPastDue = false): Promise<void> {
    this.#runs = this.#runs.then(() => this.#runOnce(isPastDue));
    return this.#runs;
  }

  #next(afterMs: number): Date | null {
    return this.#cron.nextRun(new Date(afterMs));
  }

  async #loop(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopped;
    let due = this.#next(clock.now());
    while (due && !signal.aborted) {
      const waitMs = due.getTime() - clock.now();
      if (waitMs > 0) {
        await pause(Math.min(waitMs, napMs), signal);
        continue;
      }
      await this.run(-waitMs > pastDueMs);
      // Occurrences that passed while it ran are left out, as on Azure.
      due = this.#next(clock.now());
    }
  }

  async #runOnce(isPastDue: boolean): Promise<void> {
    const { fn, triggerName, invoker, clock, binding } = this.#options;
    if (this.#stopped.signal.aborted) return;
    const now = clock.now();
    const iso = (ms: number | undefined) => (ms ? new Date(ms).toISOString() : '0001-01-01T00:00:00Z');
    const isMonitored = binding['useMonitor'] !== false;
    const timer = {
      Schedule: { AdjustForDST: true },
      ScheduleStatus: isMonitored
        ? { Last: iso(this.#last), Next: iso(this.#next(now)?.getTime()), LastUpdated: iso(this.#last) }
        : null,
      IsPastDue: isPastDue,
    };
    this.#last = now;
    const call = { fn, triggerName, data: { json: JSON.stringify(timer) }, triggerMetadata: {} };
    await invoker.invokeWithRetry(call, randomUUID, this.#stopped.signal);
  }
}
