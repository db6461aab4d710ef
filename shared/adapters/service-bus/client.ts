import type {
  ServiceBusClient,
  ServiceBusClientOptions,
  ServiceBusMessage,
  ServiceBusSender,
} from '@azure/service-bus';
import { managedIdentity, type TokenCredential } from '../azure-identity/credential.ts';
import { createDeadLetters, type DeadLetters } from './dead-letters.ts';
import { within } from './errors.ts';

export interface ServiceBusOptions {
  /** Only the local stand-in and the emulator work with a connection string; without one the managed identity is used. */
  connectionString?: string | undefined;
  /** `<name>.servicebus.windows.net`; needed without a connection string. */
  fullyQualifiedNamespace?: string | undefined;
  credential?: TokenCredential | undefined;
  /** Of the user-assigned identity. */
  clientId?: string | undefined;
  /** Time for one operation with the SDK's own retries (10 s). */
  timeoutMs?: number;
}

export type ApplicationProperties = Record<string, string | number | boolean>;

export interface OutgoingMessage {
  /** Sent as JSON. */
  body: unknown;
  /** Deterministic: a queue that detects duplicates takes a second message of the same id for the first. */
  messageId: string;
  /** Delivered from then on, not at once. */
  scheduledFor?: Date | undefined;
  correlationId?: string | undefined;
  applicationProperties?: ApplicationProperties | undefined;
}

export interface ServiceBus extends DeadLetters {
  /** Resolves when the queue has the message; fails with ServiceBusFailure within the time limit. */
  send(queue: string, message: OutgoingMessage): Promise<void>;
  /** Fails when the queue cannot be reached within `timeoutMs` (2 s). */
  ping(queue: string, timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

const RETRIES: NonNullable<ServiceBusClientOptions['retryOptions']> = {
  maxRetries: 2,
  retryDelayInMs: 200,
  maxRetryDelayInMs: 1_000,
};

/** One AMQP connection for the process and one sender per queue on it, made when they are first needed. */
export function createServiceBus(options: ServiceBusOptions): ServiceBus {
  const { timeoutMs = 10_000 } = options;
  const senders = new Map<string, ServiceBusSender>();
  let client: Promise<ServiceBusClient> | undefined;

  async function connect(): Promise<ServiceBusClient> {
    const { ServiceBusClient: Client } = await import('@azure/service-bus');
    const clientOptions = { retryOptions: { ...RETRIES, timeoutInMs: timeoutMs } };
    if (options.connectionString !== undefined) return new Client(options.connectionString, clientOptions);
    if (options.fullyQualifiedNamespace === undefined) {
      throw new TypeError('Service Bus needs a connection string or a fully qualified namespace.');
    }
    const credential = options.credential ?? (await managedIdentity(options.clientId));
    return new Client(options.fullyQualifiedNamespace, credential, clientOptions);
  }

  function connected(): Promise<ServiceBusClient> {
    client ??= connect();
    return client;
  }

  async function senderFor(queue: string): Promise<ServiceBusSender> {
    const bus = await connected();
    let sender = senders.get(queue);
    if (sender === undefined) {
      sender = bus.createSender(queue);
      senders.set(queue, sender);
    }
    return sender;
  }

  return {
    ...createDeadLetters(connected, timeoutMs),
    async send(queue, message) {
      const sender = await senderFor(queue);
      await within(timeoutMs, `send to ${queue}`, (abortSignal) =>
        sender.sendMessages(toSdkMessage(message), { abortSignal }),
      );
    },
    async ping(queue, pingTimeoutMs = 2_000) {
      const sender = await senderFor(queue);
      // Opens the sender's link when it is not open, which needs connection, authorisation and the queue itself; sends nothing.
      await within(pingTimeoutMs, `ping of ${queue}`, (abortSignal) => sender.createMessageBatch({ abortSignal }));
    },
    async close() {
      if (client === undefined) return;
      const closing = await client;
      client = undefined;
      senders.clear();
      await within(timeoutMs, 'close', () => closing.close());
    },
  };
}

function toSdkMessage(message: OutgoingMessage): ServiceBusMessage {
  const { body, messageId, scheduledFor, correlationId, applicationProperties } = message;
  return {
    body,
    messageId,
    contentType: 'application/json',
    ...(scheduledFor === undefined ? {} : { scheduledEnqueueTimeUtc: scheduledFor }),
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(applicationProperties === undefined ? {} : { applicationProperties }),
  };
}
