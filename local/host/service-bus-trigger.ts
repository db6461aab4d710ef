import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { ServiceBusClient, type ServiceBusReceivedMessage, type ServiceBusReceiver } from '@azure/service-bus';
import type { Invoker } from './invoker.ts';
import type { AppSettings } from './settings.ts';
import type { Binding, LogLevel, RegisteredFunction, RpcTypedData } from './worker-module.ts';

export interface ServiceBusTriggerOptions {
  readonly fn: RegisteredFunction;
  readonly triggerName: string;
  readonly binding: Binding;
  readonly settings: AppSettings;
  readonly invoker: Invoker;
  readonly maxConcurrentCalls: number;
  readonly maxAutoLockRenewalMs: number;
  readonly autoCompleteMessages: boolean;
  readonly logSystem: (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;
}

/** How long settling may still take at the end, when the broker does not answer. */
const settleMs = 2_000;

/** Receives from one queue in peek-lock mode: a call that returns completes its message, one that throws abandons it. */
export class ServiceBusTrigger {
  readonly #options: ServiceBusTriggerOptions;
  readonly #connection: string;
  readonly #queue: string;
  readonly #handling = new Set<Promise<void>>();
  #isStopped = false;
  #client: ServiceBusClient | undefined;
  #receiver: ServiceBusReceiver | undefined;
  #subscription: { close(): Promise<void> } | undefined;

  /** @throws Error when a setting is missing or the binding asks for what is not supported here. */
  constructor(options: ServiceBusTriggerOptions) {
    const { binding, settings, autoCompleteMessages } = options;
    const { queueName, connection } = binding;
    if (typeof queueName !== 'string') throw new Error('only queues are supported here, no topics');
    if (binding['isSessionsEnabled'] === true) throw new Error('sessions are not supported here');
    if (binding['cardinality'] === 'many') throw new Error('cardinality "many" is not supported here');
    if (binding['sdkBinding'] === true) throw new Error('sdkBinding is not supported here');
    if (!autoCompleteMessages || binding['autoCompleteMessages'] === false) {
      throw new Error('autoCompleteMessages: false is not supported here, as nothing could settle the messages');
    }
    this.#options = options;
    this.#queue = settings.resolve(queueName);
    this.#connection = settings.connection(String(connection ?? 'ServiceBus'));
  }

  start(): void {
    const { maxConcurrentCalls, maxAutoLockRenewalMs } = this.#options;
    // The client tries for ever to get back to a broker that went away; these are the pauses between its tries.
    const retryOptions = { maxRetries: 3, retryDelayInMs: 500, maxRetryDelayInMs: 2_000, mode: 0 };
    this.#client = new ServiceBusClient(this.#connection, { retryOptions });
    this.#receiver = this.#client.createReceiver(this.#queue, {
      receiveMode: 'peekLock',
      maxAutoLockRenewalDurationInMs: maxAutoLockRenewalMs,
      skipParsingBodyAsJson: true,
    });
    this.#subscription = this.#receiver.subscribe(
      {
        processMessage: (message) => this.#handle(message),
        processError: async ({ error, errorSource }) => this.#log('warning', `${errorSource}: ${error.message}`),
      },
      { maxConcurrentCalls, autoCompleteMessages: false },
    );
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    // Without a link to the broker there is nothing to stop, and the client would wait for one.
    await within(settleMs, this.#subscription?.close());
  }

  /** What is not settled by then comes back when its lock ends. */
  async close(): Promise<void> {
    await within(settleMs, Promise.all(this.#handling));
    await within(settleMs, this.#receiver?.close());
    await within(settleMs, this.#client?.close());
  }

  async #handle(message: ServiceBusReceivedMessage): Promise<void> {
    const handling = this.#process(message).catch((error: unknown) => {
      this.#log('error', `Message ${message.messageId} was not settled: ${error}`);
    });
    this.#handling.add(handling);
    await handling;
    this.#handling.delete(handling);
  }

  async #process(message: ServiceBusReceivedMessage): Promise<void> {
    const { fn, triggerName, invoker } = this.#options;
    const receiver = this.#receiver;
    if (!receiver) return;
    if (this.#isStopped) return receiver.abandonMessage(message);
    const diagnosticId = message.applicationProperties?.['Diagnostic-Id'];
    const outcome = await invoker.invoke({
      invocationId: randomUUID(),
      fn,
      triggerName,
      data: bodyOf(message),
      triggerMetadata: metadataOf(message),
      traceParent: typeof diagnosticId === 'string' ? diagnosticId : undefined,
    });
    if (outcome.ok) await receiver.completeMessage(message);
    else await receiver.abandonMessage(message);
  }

  #log(level: LogLevel, message: string): void {
    this.#options.logSystem(level, message, { function: this.#options.fn.metadata.name, queue: this.#queue });
  }
}

async function within(ms: number, work: Promise<unknown> | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  // An error on the way out changes nothing: the lock of an unsettled message ends by itself.
  await Promise.race([promise, Promise.resolve(work).catch(() => {})]);
  clearTimeout(timer);
}

/** Text goes as text, which the library parses when it is JSON; anything else goes as bytes. */
function bodyOf({ body }: ServiceBusReceivedMessage): RpcTypedData {
  if (typeof body === 'string') return { string: body };
  if (body instanceof Uint8Array) return isUtf8(body) ? { string: Buffer.from(body).toString() } : { bytes: body };
  return { json: JSON.stringify(body ?? null) };
}

/** The names and types with which the real host's binding describes a message; the library makes them camelCase. */
function metadataOf(message: ServiceBusReceivedMessage): Record<string, RpcTypedData> {
  const json = (value: unknown): RpcTypedData => ({ json: JSON.stringify(value ?? null) });
  const text = (value: unknown): RpcTypedData | undefined =>
    typeof value === 'string' ? { string: value } : undefined;
  const sequenceNumber = Number(message.sequenceNumber?.toString() ?? 0);
  const properties = message.applicationProperties ?? {};
  const metadata: Record<string, RpcTypedData | undefined> = {
    MessageId: text(message.messageId === undefined ? undefined : String(message.messageId)),
    // The client counts earlier deliveries, the real host's binding counts this one, too.
    DeliveryCount: { int: (message.deliveryCount ?? 0) + 1 },
    SequenceNumber: { int: sequenceNumber },
    EnqueuedSequenceNumber: { int: message.enqueuedSequenceNumber ?? 0 },
    EnqueuedTimeUtc: json(message.enqueuedTimeUtc),
    EnqueuedTime: json(message.enqueuedTimeUtc),
    ExpiresAtUtc: json(message.expiresAtUtc),
    ExpiresAt: json(message.expiresAtUtc),
    LockedUntil: json(message.lockedUntilUtc),
    LockToken: text(message.lockToken),
    ContentType: text(message.contentType),
    CorrelationId: text(message.correlationId),
    Subject: text(message.subject),
    Label: text(message.subject),
    To: text(message.to),
    ReplyTo: text(message.replyTo),
    ReplyToSessionId: text(message.replyToSessionId),
    SessionId: text(message.sessionId),
    PartitionKey: text(message.partitionKey),
    DeadLetterSource: text(message.deadLetterSource),
    ApplicationProperties: json(properties),
    UserProperties: json(properties),
  };
  const given: Record<string, RpcTypedData> = {};
  for (const [name, value] of Object.entries(metadata)) if (value) given[name] = value;
  return given;
}
