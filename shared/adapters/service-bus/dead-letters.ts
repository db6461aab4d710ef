import type { ServiceBusClient, ServiceBusReceivedMessage, ServiceBusReceiver } from '@azure/service-bus';
import Long from 'long';
import { ServiceBusFailure, within } from './errors.ts';

/** A message that a queue gave up on. */
export interface DeadLetter {
  /** Its number in the queue: up to 64 bits, so never a number. */
  sequence: string;
  messageId: string;
  correlationId: string | undefined;
  body: unknown;
  applicationProperties: Record<string, unknown>;
  deliveryCount: number;
  enqueuedAt: Date | undefined;
  /** Why the queue gave up, and what was said with it. */
  reason: string | undefined;
  description: string | undefined;
}

export interface DeadLetters {
  /** Oldest first, without locking anything. */
  peekDeadLetters(queue: string, options: { limit: number; fromSequence?: string | undefined }): Promise<DeadLetter[]>;
  getDeadLetter(queue: string, sequence: string): Promise<DeadLetter | undefined>;
  /**
   * Takes one message out of the dead letters and returns it; undefined when there is none. `beforeRemoval` runs while the message is
   * locked, for instance to send it again: when it fails, the message stays where it is. Fails with the code "Locked" when someone else
   * holds the message at the moment.
   */
  removeDeadLetter(
    queue: string,
    sequence: string,
    beforeRemoval?: (message: DeadLetter) => Promise<void>,
  ): Promise<DeadLetter | undefined>;
}

/** The queue hands out dead letters in its own order, so those before the wanted one are locked for a moment; beyond this it is given up. */
const LOCKED_MAX = 1_000;
const RECEIVE_COUNT = 50;
const ONE_BY_ONE = 10;
const RECEIVE_WAIT_MS = 1_000;
const SEQUENCE = /^\d{1,19}$/;

function toDeadLetter(message: ServiceBusReceivedMessage): DeadLetter {
  return {
    sequence: message.sequenceNumber?.toString() ?? '',
    messageId: String(message.messageId ?? ''),
    correlationId: message.correlationId === undefined ? undefined : String(message.correlationId),
    body: message.body,
    applicationProperties: { ...message.applicationProperties },
    deliveryCount: message.deliveryCount ?? 0,
    enqueuedAt: message.enqueuedTimeUtc,
    reason: message.deadLetterReason,
    description: message.deadLetterErrorDescription,
  };
}

export function createDeadLetters(connect: () => Promise<ServiceBusClient>, timeoutMs: number): DeadLetters {
  /** Removals from one queue go one after the other: each locks messages that another may be looking for. */
  const lastRemoval = new Map<string, Promise<unknown>>();

  async function withReceiver<T>(queue: string, what: string, work: (receiver: ServiceBusReceiver) => Promise<T>) {
    const bus = await connect();
    const receiver = bus.createReceiver(queue, { subQueueType: 'deadLetter', receiveMode: 'peekLock' });
    try {
      return await within(timeoutMs, `${what} of ${queue}`, () => work(receiver));
    } finally {
      // Frees the link and with it the locks that are still held; whether that succeeds changes nothing for the caller.
      receiver.close().catch(() => undefined);
    }
  }

  async function peek(receiver: ServiceBusReceiver, limit: number, from: Long): Promise<DeadLetter[]> {
    const found: DeadLetter[] = [];
    let next = from;
    while (found.length < limit) {
      const messages = await receiver.peekMessages(limit - found.length, { fromSequenceNumber: next });
      const last = messages.at(-1)?.sequenceNumber;
      if (last === undefined) break;
      found.push(...messages.map(toDeadLetter));
      next = last.add(1);
    }
    return found;
  }

  async function peekOne(receiver: ServiceBusReceiver, sequence: string): Promise<DeadLetter | undefined> {
    const [message] = await peek(receiver, 1, Long.fromString(sequence));
    return message?.sequence === sequence ? message : undefined;
  }

  /** Receives until the wanted message is there or there is nothing more to receive. */
  async function receiveUntil(receiver: ServiceBusReceiver, sequence: string, held: ServiceBusReceivedMessage[]) {
    while (held.length < LOCKED_MAX) {
      // One by one at first: asked for more than there are, the SDK waits a second for the rest.
      const count = held.length < ONE_BY_ONE ? 1 : RECEIVE_COUNT;
      const received = await receiver.receiveMessages(count, { maxWaitTimeInMs: RECEIVE_WAIT_MS });
      if (received.length === 0) return undefined;
      held.push(...received);
      const wanted = received.find((message) => message.sequenceNumber?.toString() === sequence);
      if (wanted !== undefined) return wanted;
    }
    return undefined;
  }

  async function remove(
    receiver: ServiceBusReceiver,
    sequence: string,
    beforeRemoval: (message: DeadLetter) => Promise<void>,
  ): Promise<DeadLetter | undefined> {
    if ((await peekOne(receiver, sequence)) === undefined) return undefined;
    const held: ServiceBusReceivedMessage[] = [];
    let settled: ServiceBusReceivedMessage | undefined;
    try {
      const wanted = await receiveUntil(receiver, sequence, held);
      if (wanted === undefined) {
        if ((await peekOne(receiver, sequence)) === undefined) return undefined;
        throw new ServiceBusFailure('Locked', 'Someone else holds the dead letter at the moment.', { retryable: true });
      }
      const message = toDeadLetter(wanted);
      await beforeRemoval(message);
      await receiver.completeMessage(wanted);
      settled = wanted;
      return message;
    } finally {
      const others = held.filter((message) => message !== settled);
      // A lock that cannot be given back ends by itself.
      await Promise.allSettled(others.map((message) => receiver.abandonMessage(message)));
    }
  }

  return {
    async peekDeadLetters(queue, { limit, fromSequence = '0' }) {
      if (!SEQUENCE.test(fromSequence)) return [];
      return withReceiver(queue, 'peek', (receiver) => peek(receiver, limit, Long.fromString(fromSequence)));
    },
    async getDeadLetter(queue, sequence) {
      if (!SEQUENCE.test(sequence)) return undefined;
      return withReceiver(queue, 'peek', (receiver) => peekOne(receiver, sequence));
    },
    async removeDeadLetter(queue, sequence, beforeRemoval = async () => undefined) {
      if (!SEQUENCE.test(sequence)) return undefined;
      const removal = (lastRemoval.get(queue) ?? Promise.resolve()).then(() =>
        withReceiver(queue, 'removal', (receiver) => remove(receiver, sequence, beforeRemoval)),
      );
      lastRemoval.set(
        queue,
        removal.catch(() => undefined),
      );
      return removal;
    },
  };
}
