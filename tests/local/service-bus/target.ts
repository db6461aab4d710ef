import { randomUUID } from 'node:crypto';
import {
  ServiceBusAdministrationClient,
  ServiceBusClient,
  type ServiceBusReceivedMessage,
  type ServiceBusReceiver,
  type ServiceBusSender,
} from '@azure/service-bus';
import type { QueueDefinition } from '../../../local/service-bus/definition.ts';
import { type ServiceBus, startServiceBus } from '../../../local/service-bus/server.ts';

/** A connection string with the right to manage a namespace of the cloud, to run these tests against it. */
const cloud = process.env['LYCEUM_CONFORMANCE_SERVICE_BUS'];

/** True when the tests run against the cloud, where nobody moves the clock, breaks connections or reads the address. */
export const isCloud = cloud !== undefined && cloud !== '';

export interface Target extends AsyncDisposable {
  queue: string;
  connectionString: string;
  client: ServiceBusClient;
  sender: ServiceBusSender;
  /** A peek-lock receiver of the queue. */
  receiver: ServiceBusReceiver;
  deadLetters: ServiceBusReceiver;
  /** Moves the stand-in's clock and lets it act; the cloud's clock cannot be moved, so tests that do are local only. */
  advance(ms: number): void;
  /** Moves the stand-in's clock and leaves it to notice by itself. */
  passTime(ms: number): void;
  /** Breaks the client's connections; the stand-in's only. */
  dropConnections(): Promise<void>;
}

/** Work that the client starts before it has seen its connection end waits for its own time-out. */
const clientNoticesMs = 300;

class MovableClock {
  #aheadMs = 0;

  now(): number {
    return Date.now() + this.#aheadMs;
  }

  advance(ms: number): void {
    this.#aheadMs += ms;
  }
}

async function createCloudQueue(connectionString: string, definition: Omit<QueueDefinition, 'name'>) {
  const name = `conformance-${randomUUID()}`;
  const administration = new ServiceBusAdministrationClient(connectionString);
  const { description: _, ...settings } = definition;
  await administration.createQueue(name, settings);
  return { name, remove: () => administration.deleteQueue(name) };
}

/** A fresh queue of its own for a test, in the stand-in or in the cloud, which goes away with the test. */
export async function openQueue(definition: Omit<QueueDefinition, 'name'> = {}): Promise<Target> {
  const clock = new MovableClock();
  let bus: ServiceBus | undefined;
  let queue = 'Grading';
  let remove: () => Promise<unknown>;
  let connectionString: string;
  if (isCloud) {
    connectionString = cloud ?? '';
    ({ name: queue, remove } = await createCloudQueue(connectionString, definition));
  } else {
    const local = await startServiceBus({
      port: 0,
      dataDir: ':memory:',
      clock,
      queues: [{ name: queue, ...definition }],
    });
    bus = local;
    connectionString = local.connectionString;
    remove = () => local.close();
  }
  const client = new ServiceBusClient(connectionString, { retryOptions: { maxRetries: 1, retryDelayInMs: 100 } });
  const localBus = (): ServiceBus => {
    if (bus === undefined) throw new Error('Only the stand-in can do this; mark the test local only.');
    return bus;
  };
  return {
    queue,
    connectionString,
    client,
    sender: client.createSender(queue),
    receiver: client.createReceiver(queue, { maxAutoLockRenewalDurationInMs: 0 }),
    deadLetters: client.createReceiver(queue, { subQueueType: 'deadLetter', maxAutoLockRenewalDurationInMs: 0 }),
    advance: (ms) => {
      clock.advance(ms);
      localBus().tick();
    },
    passTime: (ms) => clock.advance(ms),
    dropConnections: async () => {
      localBus().dropConnections();
      await new Promise((resolve) => setTimeout(resolve, clientNoticesMs));
    },
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await remove();
    },
  };
}

/** Receives until the wanted number is there, however the broker splits it; fewer when nothing comes for `waitMs`. */
export async function receive(
  receiver: ServiceBusReceiver,
  messagesMax: number,
  waitMs = 2000,
): Promise<ServiceBusReceivedMessage[]> {
  const messages: ServiceBusReceivedMessage[] = [];
  while (messages.length < messagesMax) {
    const more = await receiver.receiveMessages(messagesMax - messages.length, { maxWaitTimeInMs: waitMs });
    if (more.length === 0) break;
    messages.push(...more);
  }
  return messages;
}

/** The one message that the test expects. */
export async function receiveOne(receiver: ServiceBusReceiver, waitMs?: number): Promise<ServiceBusReceivedMessage> {
  const [message] = await receive(receiver, 1, waitMs);
  if (message === undefined) throw new Error('No message came');
  return message;
}

/** Shows that nothing can be received. Half a second is ample for a broker in this process, and for one nearby. */
export async function receiveNothing(receiver: ServiceBusReceiver): Promise<ServiceBusReceivedMessage[]> {
  return receive(receiver, 1, 500);
}
