import { randomUUID } from 'node:crypto';
import type { Clock } from '../../shared/platform/clock.ts';
import { type Queue, resolveQueue } from './definition.ts';
import { type Incoming, type Properties, withProperties } from './envelope.ts';
import { BrokerError, entityNotFound, lockLost, messageNotFound, tooLarge } from './errors.ts';
import type { Store, StoredMessage } from './store.ts';

/** The limit of the cloud's Standard tier, for one message and for the envelope of a batch. */
export const maxMessageBytes = 256 * 1024;

export const deadLetterSuffix = '/$deadletterqueue';

/** An addressable place for messages: a queue, or the dead-letter sub-queue of one. */
export interface Entity {
  path: string;
  queue: Queue;
  isDeadLetters: boolean;
}

export type Settlement =
  | { kind: 'complete' }
  | { kind: 'abandon'; properties: Properties }
  | { kind: 'defer'; properties: Properties }
  | { kind: 'dead-letter'; properties: Properties };

/** What the queues do, over stored messages and a clock; knows nothing of connections. Callers commit. */
export class Engine {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #entities = new Map<string, Entity>();

  constructor(store: Store, clock: Clock, queues: Queue[]) {
    this.#store = store;
    this.#clock = clock;
    for (const queue of queues) {
      const path = queue.name.toLowerCase();
      if (this.#entities.has(path)) throw new Error(`Queue "${queue.name}" is defined twice`);
      this.#entities.set(path, { path, queue, isDeadLetters: false });
      this.#entities.set(path + deadLetterSuffix, { path: path + deadLetterSuffix, queue, isDeadLetters: true });
    }
  }

  /** The queue or sub-queue at an address, in any case, with or without a leading slash. */
  entity(address: string): Entity {
    const found = this.#entities.get(address.replace(/^\/+/, '').toLowerCase());
    if (found === undefined) throw entityNotFound(address);
    return found;
  }

  /** Messages of a queue that is no longer defined keep the default rules, out of reach until it is defined again. */
  #entityOf(message: StoredMessage): Entity {
    const known = this.#entities.get(message.entity);
    if (known !== undefined) return known;
    const isDeadLetters = message.entity.endsWith(deadLetterSuffix);
    const name = isDeadLetters ? message.entity.slice(0, -deadLetterSuffix.length) : message.entity;
    return { path: message.entity, queue: resolveQueue({ name }), isDeadLetters };
  }

  /** Stores a message and returns its sequence number; a duplicate gets a number that leads nowhere. */
  enqueue(entity: Entity, incoming: Incoming): number {
    if (entity.isDeadLetters) {
      throw new BrokerError('amqp:not-allowed', 400, 'Messages cannot be sent to a dead-letter sub-queue.');
    }
    if (incoming.content.length > maxMessageBytes) throw tooLarge(incoming.content.length, maxMessageBytes);
    const now = this.#clock.now();
    const { queue } = entity;
    const sequenceNumber = this.#store.nextSequenceNumber();
    if (queue.duplicateWindowMs > 0 && incoming.messageId !== undefined) {
      const isNew = this.#store.rememberId(entity.path, incoming.messageId, now, queue.duplicateWindowMs);
      if (!isNew) return sequenceNumber;
    }
    const timeToLiveMs = Math.min(incoming.timeToLiveMs, queue.timeToLiveMs);
    const isScheduled = incoming.scheduledAtMs !== undefined && incoming.scheduledAtMs > now;
    this.#store.insert({
      sequence_number: sequenceNumber,
      entity: entity.path,
      state: isScheduled ? 'scheduled' : 'ready',
      is_deferred: 0,
      delivery_count: 0,
      enqueued_at: now,
      time_to_live_ms: Number.isFinite(timeToLiveMs) ? timeToLiveMs : null,
      expires_at: Number.isFinite(timeToLiveMs) ? now + timeToLiveMs : null,
      due_at: isScheduled ? (incoming.scheduledAtMs ?? now) : null,
      lock_token: null,
      content: incoming.content,
    });
    return sequenceNumber;
  }

  cancelScheduled(entity: Entity, sequenceNumber: number): void {
    const message = this.#store.find(entity.path, sequenceNumber);
    if (message?.state !== 'scheduled') throw messageNotFound(sequenceNumber);
    this.#store.remove(sequenceNumber);
  }

  /** The next message of the entity, locked for the receiver, or removed at once when it takes without a lock. */
  take(entity: Entity, withLock: boolean): StoredMessage | undefined {
    const message = this.#store.firstReady(entity.path);
    return message === undefined ? undefined : this.#hand(entity, message, withLock);
  }

  takeDeferred(entity: Entity, sequenceNumber: number, withLock: boolean): StoredMessage {
    const message = this.#store.find(entity.path, sequenceNumber);
    if (message?.state !== 'deferred') throw messageNotFound(sequenceNumber);
    return this.#hand(entity, message, withLock);
  }

  #hand(entity: Entity, message: StoredMessage, withLock: boolean): StoredMessage {
    if (!withLock) {
      this.#store.remove(message.sequence_number);
      return message;
    }
    const token = randomUUID().replaceAll('-', '');
    const lockedUntil = this.#clock.now() + entity.queue.lockDurationMs;
    this.#store.setLock(message.sequence_number, 'locked', token, lockedUntil);
    return { ...message, state: 'locked', lock_token: token, due_at: lockedUntil };
  }

  /** Throws when the lock has ended, even if the sweep has not come round to the message yet. */
  #locked(entity: Entity, token: string): StoredMessage {
    const message = this.#store.findLocked(entity.path, token);
    if (message?.state !== 'locked' || (message.due_at ?? 0) <= this.#clock.now()) throw lockLost();
    return message;
  }

  /** Returns until when the message is locked now. */
  renewLock(entity: Entity, token: string): number {
    const message = this.#locked(entity, token);
    const lockedUntil = this.#clock.now() + entity.queue.lockDurationMs;
    this.#store.setLock(message.sequence_number, 'locked', token, lockedUntil);
    return lockedUntil;
  }

  settle(entity: Entity, token: string, settlement: Settlement): void {
    const message = this.#locked(entity, token);
    if (settlement.kind === 'complete') {
      this.#store.remove(message.sequence_number);
      return;
    }
    if (settlement.kind === 'dead-letter') {
      if (entity.isDeadLetters) {
        throw new BrokerError('amqp:not-allowed', 400, 'The message is in the dead-letter sub-queue already.');
      }
      this.#deadLetter(message, settlement.properties);
      return;
    }
    const hasProperties = Object.keys(settlement.properties).length > 0;
    const changed = hasProperties
      ? { ...message, content: withProperties(message.content, settlement.properties) }
      : message;
    this.#release({ ...changed, is_deferred: settlement.kind === 'defer' ? 1 : changed.is_deferred }, settlement.kind);
  }

  /** Ends a lock: the message comes back with one more delivery counted, or is dead-lettered when that was the last. */
  #release(message: StoredMessage, why: 'abandon' | 'defer' | 'expiry'): void {
    const entity = this.#entityOf(message);
    const counted = why === 'defer' ? message : { ...message, delivery_count: message.delivery_count + 1 };
    if (!entity.isDeadLetters && why !== 'defer' && counted.delivery_count >= entity.queue.deliveriesMax) {
      this.#deadLetter(counted, {
        DeadLetterReason: 'MaxDeliveryCountExceeded',
        DeadLetterErrorDescription: `Message could not be consumed after ${entity.queue.deliveriesMax} delivery attempts.`,
      });
      return;
    }
    this.#store.replace(message.sequence_number, {
      ...counted,
      state: counted.is_deferred === 1 ? 'deferred' : 'ready',
      due_at: null,
      lock_token: null,
    });
  }

  #deadLetter(message: StoredMessage, properties: Properties): void {
    const entity = this.#entityOf(message);
    this.#store.replace(message.sequence_number, {
      ...message,
      entity: entity.queue.name.toLowerCase() + deadLetterSuffix,
      state: 'ready',
      is_deferred: 0,
      // A dead letter waits for a person, however long it was to live in its queue.
      expires_at: null,
      due_at: null,
      lock_token: null,
      content: withProperties(message.content, properties),
    });
  }

  /** Gives back what was locked, without counting a delivery. */
  releaseLocks(): void {
    for (const message of this.#store.listDue('locked', Number.MAX_SAFE_INTEGER)) {
      this.#store.setLock(message.sequence_number, message.is_deferred === 1 ? 'deferred' : 'ready', null, null);
    }
  }

  peek(entity: Entity, fromSequenceNumber: number, messagesMax: number): StoredMessage[] {
    return this.#store.listFrom(entity.path, fromSequenceNumber, messagesMax);
  }

  /** Does whatever the clock has made due. */
  sweep(): void {
    const now = this.#clock.now();
    for (const message of this.#store.listDue('locked', now)) this.#release(message, 'expiry');
    for (const message of this.#store.listDue('scheduled', now)) {
      // A scheduled message joins the queue as if it were sent now, which includes a new sequence number.
      this.#store.replace(message.sequence_number, {
        ...message,
        sequence_number: this.#store.nextSequenceNumber(),
        state: 'ready',
        enqueued_at: now,
        expires_at: message.time_to_live_ms === null ? null : now + message.time_to_live_ms,
        due_at: null,
      });
    }
    for (const state of ['ready', 'deferred'] as const) {
      for (const message of this.#store.listExpired(state, now)) this.#expire(message);
    }
  }

  #expire(message: StoredMessage): void {
    if (this.#entityOf(message).queue.deadLettersExpired) {
      this.#deadLetter(message, {
        DeadLetterReason: 'TTLExpiredException',
        DeadLetterErrorDescription: 'The message expired and was dead lettered.',
      });
    } else {
      this.#store.remove(message.sequence_number);
    }
  }

  nextDueAt(): number | undefined {
    return this.#store.nextDueAt();
  }
}
