import { Buffer } from 'node:buffer';
import type { Connection, Container, Delivery, EventContext, Receiver, Sender } from 'rhea';
import type { Broker, Outlet } from './broker.ts';
import { type Engine, type Entity, maxMessageBytes, type Settlement } from './engine.ts';
import { isRecord, type Properties, readBatch, readIncoming, tagOfLockToken } from './envelope.ts';
import { asBrokerError, BrokerError, notImplemented, tooLarge } from './errors.ts';
import { manage, type Reply } from './management.ts';
import { answerDrains, endDelivery, tagBytes } from './rhea-links.ts';

const managementSuffix = '/$management';
const tokenNode = '$cbs';
/** The message format of a batch, whose data sections are messages. */
const batchFormat = 0x80013700;
const sessionFilter = 'com.microsoft:session-filter';

/** Connects the links that clients open to the queues, the management nodes and the token node behind their addresses. */
export class Links {
  readonly #broker: Broker;
  readonly #engine: Engine;
  /** Where each connection wants its replies: its receiving links by name and by target address. */
  readonly #replyLinks = new WeakMap<Connection, Map<string, Sender>>();

  constructor(broker: Broker, engine: Engine) {
    this.#broker = broker;
    this.#engine = engine;
  }

  attachTo(container: Container): void {
    container.on('receiver_open', ({ receiver }: EventContext) => {
      if (receiver !== undefined) refuseOnError(receiver, () => this.#openIncoming(receiver));
    });
    container.on('sender_open', ({ sender }: EventContext) => {
      if (sender !== undefined) refuseOnError(sender, () => this.#openOutgoing(sender));
    });
    container.on('sender_close', ({ sender }: EventContext) => {
      if (sender !== undefined) this.#broker.removeOutlets(sender);
    });
    container.on('session_close', ({ session }: EventContext) => {
      if (session !== undefined) this.#broker.removeOutlets(session);
    });
    for (const event of ['connection_close', 'disconnected']) {
      container.on(event, ({ connection }: EventContext) => this.#broker.removeOutlets(connection));
    }
    // Errors that a peer reports end its own link or connection; unheard, they would end this process.
    for (const event of ['error', 'connection_error', 'session_error', 'sender_error', 'receiver_error']) {
      container.on(event, () => undefined);
    }
    container.on('protocol_error', (error: unknown) => console.error('service bus stand-in:', error));
  }

  #openIncoming(receiver: Receiver): void {
    // A link to the transaction coordinator has no address, as its target is no queue.
    const address = receiver.target?.address;
    if (typeof address !== 'string') throw notImplemented('Links without an address, and so transactions, are');
    receiver.set_target({ address });
    if (address === tokenNode) {
      receiver.on('message', (context: EventContext) => this.#acceptToken(context));
      return;
    }
    if (address.toLowerCase().endsWith(managementSuffix)) {
      const entity = this.#engine.entity(address.slice(0, -managementSuffix.length));
      receiver.on('message', (context: EventContext) => this.#manage(entity, context));
      return;
    }
    const entity = this.#engine.entity(address);
    receiver.on('message', (context: EventContext) => this.#enqueue(entity, context));
  }

  #openOutgoing(sender: Sender): void {
    const address = sender.source?.address;
    if (typeof address !== 'string') throw notImplemented('Receiving without an address is');
    if (sender.source.filter && sessionFilter in sender.source.filter) throw notImplemented('Sessions are');
    if (address === tokenNode || address.toLowerCase().endsWith(managementSuffix)) {
      if (address !== tokenNode) this.#engine.entity(address.slice(0, -managementSuffix.length));
      this.#addReplyLink(sender);
    } else {
      this.#addOutlet(sender, this.#engine.entity(address));
    }
    sender.set_source({ address });
  }

  #addReplyLink(sender: Sender): void {
    const links = this.#replyLinks.get(sender.connection) ?? new Map<string, Sender>();
    links.set(sender.name, sender);
    const target = sender.target?.address;
    if (typeof target === 'string') links.set(target, sender);
    this.#replyLinks.set(sender.connection, links);
    // The client drops its answer to a reply, so the reply settles itself.
    sender.on('accepted', ({ delivery }: EventContext) => delivery?.update(true));
  }

  #addOutlet(sender: Sender, entity: Entity): void {
    const outlet: Outlet = { entity, sender, withLock: sender.snd_settle_mode !== 1 };
    answerDrains(sender);
    sender.on('sender_flow', () => this.#broker.wake());
    for (const event of ['accepted', 'rejected', 'released', 'modified'] as const) {
      sender.on(event, ({ delivery }: EventContext) => {
        if (delivery !== undefined && outlet.withLock) this.#settle(entity, delivery, settlementOf(event, delivery));
      });
    }
    this.#broker.addOutlet(outlet);
  }

  #settle(entity: Entity, delivery: Delivery, settlement: Settlement): void {
    const token = tagOfLockToken(tagBytes(delivery).toString('hex')).toString('hex');
    this.#broker.perform(
      () => this.#engine.settle(entity, token, settlement),
      () => endDelivery(delivery, undefined),
      (refusal) => endDelivery(delivery, refusal),
    );
  }

  #enqueue(entity: Entity, { message, delivery }: EventContext): void {
    if (delivery === undefined) return;
    this.#broker.perform(
      () => {
        // Everything but a plain message arrives undecoded, as bytes.
        const body: unknown = message;
        for (const incoming of readDelivery(body, delivery.format)) this.#engine.enqueue(entity, incoming);
      },
      () => delivery.accept(),
      (refusal) => delivery.reject({ condition: refusal.condition, description: refusal.message }),
    );
  }

  #acceptToken({ connection, message, delivery }: EventContext): void {
    delivery?.accept();
    this.#reply(connection, message, { status: 202, description: 'Accepted', body: {} });
  }

  #manage(entity: Entity, { connection, message, delivery }: EventContext): void {
    delivery?.accept();
    const operation: unknown = message?.application_properties?.['operation'];
    const body: unknown = message?.body;
    this.#broker.perform(
      () => manage(this.#engine, entity, operation, body),
      (reply) => this.#reply(connection, message, reply),
      (refusal) => {
        const { status, message: description } = refusal;
        this.#reply(connection, message, { status, description, body: {} }, refusal.condition);
      },
    );
  }

  /** Clients of different ages read the status under different names, so it is given under both. */
  #reply(connection: Connection, request: EventContext['message'], reply: Reply, condition?: string): void {
    const replyTo: unknown = request?.reply_to;
    const sender = typeof replyTo === 'string' ? this.#replyLinks.get(connection)?.get(replyTo) : undefined;
    if (sender === undefined || !sender.is_open()) return;
    const messageId: unknown = request?.message_id;
    sender.send({
      ...(typeof messageId === 'string' || typeof messageId === 'number' || Buffer.isBuffer(messageId)
        ? { correlation_id: messageId }
        : {}),
      application_properties: {
        statusCode: reply.status,
        'status-code': reply.status,
        statusDescription: reply.description,
        'status-description': reply.description,
        ...(condition === undefined ? {} : { errorCondition: condition, 'error-condition': condition }),
      },
      body: reply.body,
    });
  }
}

function refuseOnError(link: Sender | Receiver, open: () => void): void {
  try {
    open();
  } catch (error) {
    const { condition, message } = asBrokerError(error);
    link.close({ condition, description: message });
  }
}

function readDelivery(message: unknown, format: number): ReturnType<typeof readBatch> {
  if (format === 0 && isRecord(message)) return [readIncoming(message)];
  if (format !== batchFormat || !Buffer.isBuffer(message)) throw notImplemented(`Message format ${format} is`);
  if (message.length > maxMessageBytes) throw tooLarge(message.length, maxMessageBytes);
  return readBatch(message);
}

function propertiesOf(value: unknown): Properties {
  return isRecord(value) ? value : {};
}

function settlementOf(event: 'accepted' | 'rejected' | 'released' | 'modified', delivery: Delivery): Settlement {
  const state = delivery.remote_state;
  switch (event) {
    case 'accepted':
      return { kind: 'complete' };
    case 'released':
      return { kind: 'abandon', properties: {} };
    case 'rejected':
      return { kind: 'dead-letter', properties: propertiesOf(state?.['error']?.info) };
    case 'modified':
      return {
        kind: state?.['undeliverable_here'] === true ? 'defer' : 'abandon',
        properties: propertiesOf(state?.['message_annotations']),
      };
    default:
      throw new BrokerError('amqp:internal-error', 500, `Unknown outcome "${String(event satisfies never)}"`);
  }
}
