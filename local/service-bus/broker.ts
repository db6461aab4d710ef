import { randomUUID } from 'node:crypto';
import type { Connection, Sender, Session } from 'rhea';
import type { Clock } from '../../shared/platform/clock.ts';
import type { Engine, Entity } from './engine.ts';
import { encodeOutgoing, tagOfLockToken } from './envelope.ts';
import { asBrokerError, type BrokerError } from './errors.ts';
import { freeCredit, sendLocked, sendSettled } from './rhea-links.ts';
import type { Store, StoredMessage } from './store.ts';

/** A receiver's link, through which messages of one entity leave. */
export interface Outlet {
  entity: Entity;
  sender: Sender;
  /** False for receivers that take and delete. */
  withLock: boolean;
}

/** The longest delay that a timer of Node keeps. */
const timerMaxMs = 2 ** 31 - 1;
const retryAfterFailureMs = 1000;
/** Bounds the work and memory of one turn of the event loop; what is left goes out in the next. */
const deliveriesPerTurnMax = 256;

/**
 * Gathers what arrives in one turn of the event loop into one transaction, together with what the clock has made due
 * and what goes out to receivers; answers and deliveries leave only after the commit.
 */
export class Broker {
  readonly #store: Store;
  readonly #engine: Engine;
  readonly #clock: Clock;
  readonly #outlets = new Map<string, Set<Outlet>>();
  #answers: ((failure: BrokerError | undefined) => void)[] = [];
  #turn: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(store: Store, engine: Engine, clock: Clock) {
    this.#store = store;
    this.#engine = engine;
    this.#clock = clock;
    this.turn();
  }

  /** Does one operation; exactly one of the two answers is called, after the commit. */
  perform<T>(operation: () => T, done: (result: T) => void, refused: (error: BrokerError) => void): void {
    let answer: () => void;
    try {
      const result = this.#store.atomically(operation);
      answer = () => done(result);
    } catch (error) {
      const refusal = asBrokerError(error);
      answer = () => refused(refusal);
    }
    this.#answers.push((failure) => (failure === undefined ? answer() : refused(failure)));
    this.wake();
  }

  /** Asks for a turn soon: something arrived, or a receiver gave credit. */
  wake(): void {
    if (this.#isClosed) return;
    this.#turn ??= setImmediate(() => this.turn());
  }

  addOutlet(outlet: Outlet): void {
    const outlets = this.#outlets.get(outlet.entity.path) ?? new Set();
    outlets.add(outlet);
    this.#outlets.set(outlet.entity.path, outlets);
  }

  /** Locks stay when their receiver goes: they end by time alone, as in the cloud. */
  removeOutlets(of: Sender | Session | Connection): void {
    for (const outlets of this.#outlets.values()) {
      for (const outlet of outlets) {
        const { sender } = outlet;
        if (sender === of || sender.session === of || sender.connection === of) outlets.delete(outlet);
      }
    }
  }

  turn(): void {
    clearImmediate(this.#turn);
    clearTimeout(this.#timer);
    this.#turn = undefined;
    if (this.#isClosed) return;
    const answers = this.#answers;
    this.#answers = [];
    let deliveries: [Outlet, StoredMessage][] = [];
    let failure: BrokerError | undefined;
    try {
      deliveries = this.#store.atomically(() => {
        this.#engine.sweep();
        return this.#assign();
      });
      this.#store.commit();
    } catch (error) {
      this.#store.rollback();
      deliveries = [];
      failure = asBrokerError(error);
      console.error('service bus stand-in: a turn failed', error);
    }
    for (const answer of answers) answer(failure);
    for (const [outlet, message] of deliveries) deliver(outlet, message);
    if (deliveries.length >= deliveriesPerTurnMax) this.wake();
    this.#setTimer(failure !== undefined);
  }

  /** Hands ready messages to receivers with credit, in turn, so that competing receivers share the work. */
  #assign(): [Outlet, StoredMessage][] {
    const deliveries: [Outlet, StoredMessage][] = [];
    for (const outlets of this.#outlets.values()) {
      let waiting = [...outlets].map((outlet) => ({ outlet, credit: freeCredit(outlet.sender) }));
      waiting = waiting.filter(({ credit }) => credit > 0);
      for (let slot = waiting.shift(); slot !== undefined; slot = waiting.shift()) {
        if (deliveries.length >= deliveriesPerTurnMax) return deliveries;
        const { outlet } = slot;
        const message = this.#engine.take(outlet.entity, outlet.withLock);
        if (message === undefined) break;
        deliveries.push([outlet, message]);
        // Whoever was served last stands last when the next message comes, even in a later turn.
        outlets.delete(outlet);
        outlets.add(outlet);
        slot.credit -= 1;
        if (slot.credit > 0) waiting.push(slot);
      }
    }
    return deliveries;
  }

  #setTimer(hasFailed: boolean): void {
    const dueAt = this.#engine.nextDueAt();
    if (dueAt === undefined && !hasFailed) return;
    const delayMs = hasFailed ? retryAfterFailureMs : Math.max((dueAt ?? 0) - this.#clock.now(), 1);
    this.#timer = setTimeout(() => this.turn(), Math.min(delayMs, timerMaxMs));
  }

  /** What was accepted so far is committed and answered; nothing happens afterwards. */
  close(): void {
    this.#outlets.clear();
    this.turn();
    this.#isClosed = true;
    clearImmediate(this.#turn);
    clearTimeout(this.#timer);
    this.#store.close();
  }
}

function deliver({ entity, sender, withLock }: Outlet, message: StoredMessage): void {
  const payload = encodeOutgoing(message, entity.isDeadLetters ? entity.queue.name : undefined);
  const tag = tagOfLockToken(message.lock_token ?? randomUUID().replaceAll('-', ''));
  if (withLock) sendLocked(sender, payload, tag);
  else sendSettled(sender, payload, tag);
}
