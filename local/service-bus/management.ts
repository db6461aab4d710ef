import { Buffer } from 'node:buffer';
import rhea from 'rhea';
import type { Engine, Entity, Settlement } from './engine.ts';
import { encodeOutgoing, isRecord, readEncoded } from './envelope.ts';
import { badRequest, notImplemented } from './errors.ts';
import type { StoredMessage } from './store.ts';

const { types } = rhea;
const timestampCode = 0x83;
const longCode = 0x81;
const peekedMax = 250;

/** A reply of the management node: an HTTP-like status and a map. */
export interface Reply {
  status: number;
  description: string;
  body: Record<string, unknown>;
}

type Body = Record<string, unknown>;
type Operation = (engine: Engine, entity: Entity, body: Body) => Reply;

const ok = (body: Body = {}): Reply => ({ status: 200, description: 'OK', body });
const none: Reply = { status: 204, description: 'No messages', body: {} };

function listOf<T>(body: Body, field: string, read: (item: unknown) => T | undefined): T[] {
  const value = body[field];
  const items: unknown[] = Array.isArray(value) ? value : [value];
  return items.map((item) => {
    const read_ = read(item);
    if (read_ === undefined) throw badRequest(`"${field}" is missing or has the wrong type.`);
    return read_;
  });
}

/** rhea reads 64-bit integers beyond 2^53 as bytes. No sequence number gets there, so they all mean "past the last". */
function integer(value: unknown): number | undefined {
  if (Buffer.isBuffer(value)) return Number.MAX_SAFE_INTEGER;
  return typeof value === 'number' ? value : undefined;
}

const lockToken = (value: unknown): string | undefined =>
  Buffer.isBuffer(value) && value.length === 16 ? value.toString('hex') : undefined;

const deadLetterSource = (entity: Entity): string | undefined => (entity.isDeadLetters ? entity.queue.name : undefined);

const renewLock: Operation = (engine, entity, body) => {
  const expirations = listOf(body, 'lock-tokens', lockToken).map((token) => engine.renewLock(entity, token));
  return ok({ expirations: types.wrap_array(expirations, timestampCode, undefined) });
};

const schedule: Operation = (engine, entity, body) => {
  const incoming = listOf(body, 'messages', (item) => (isRecord(item) ? readEncoded(item['message']) : undefined));
  const numbers = incoming.map((message) => engine.enqueue(entity, message));
  return ok({ 'sequence-numbers': types.wrap_array(numbers, longCode, undefined) });
};

const cancelScheduled: Operation = (engine, entity, body) => {
  for (const number of listOf(body, 'sequence-numbers', integer)) engine.cancelScheduled(entity, number);
  return ok();
};

const peek: Operation = (engine, entity, body) => {
  const [from = 0] = listOf(body, 'from-sequence-number', integer);
  const [count = 1] = listOf(body, 'message-count', integer);
  const messages = engine.peek(entity, from, Math.min(count, peekedMax));
  if (messages.length === 0) return none;
  const omitBody = body['omit-message-body'] === true;
  const encode = (message: StoredMessage) => ({ message: encodeOutgoing(message, deadLetterSource(entity), omitBody) });
  return ok({ messages: messages.map(encode) });
};

const receiveDeferred: Operation = (engine, entity, body) => {
  const withLock = integer(body['receiver-settle-mode']) !== 0;
  const messages = listOf(body, 'sequence-numbers', integer).map((sequenceNumber) => {
    const taken = engine.takeDeferred(entity, sequenceNumber, withLock);
    const message = encodeOutgoing(taken, deadLetterSource(entity));
    if (taken.lock_token === null) return { message };
    return { message, 'lock-token': types.wrap_uuid(Buffer.from(taken.lock_token, 'hex')) };
  });
  return ok({ messages });
};

function settlementOf(body: Body): Settlement {
  const given = body['properties-to-modify'];
  const properties = isRecord(given) ? given : {};
  switch (body['disposition-status']) {
    case 'completed':
      return { kind: 'complete' };
    case 'abandoned':
      return { kind: 'abandon', properties };
    case 'defered':
      // The protocol spells it so.
      return { kind: 'defer', properties };
    case 'suspended':
      return { kind: 'dead-letter', properties: { ...properties, ...reasonOf(body) } };
    default:
      throw badRequest(`Unknown disposition status "${String(body['disposition-status'])}".`);
  }
}

function reasonOf(body: Body): Body {
  const reason = body['deadletter-reason'];
  const description = body['deadletter-description'];
  return {
    ...(reason === undefined ? {} : { DeadLetterReason: reason }),
    ...(description === undefined ? {} : { DeadLetterErrorDescription: description }),
  };
}

const updateDisposition: Operation = (engine, entity, body) => {
  const settlement = settlementOf(body);
  for (const token of listOf(body, 'lock-tokens', lockToken)) engine.settle(entity, token, settlement);
  return ok();
};

const operations = new Map<unknown, Operation>([
  ['com.microsoft:renew-lock', renewLock],
  ['com.microsoft:schedule-message', schedule],
  ['com.microsoft:cancel-scheduled-message', cancelScheduled],
  ['com.microsoft:peek-message', peek],
  ['com.microsoft:receive-by-sequence-number', receiveDeferred],
  ['com.microsoft:update-disposition', updateDisposition],
]);

/** Answers one request to `<entity>/$management`. Throws a BrokerError when it is refused. */
export function manage(engine: Engine, entity: Entity, operation: unknown, body: unknown): Reply {
  const known = operations.get(operation);
  if (known === undefined) throw notImplemented(`The management operation "${String(operation)}" is`);
  if (!isRecord(body)) throw badRequest('The body of a management request is a map.');
  if (body['session-id'] !== undefined && body['session-id'] !== null) throw notImplemented('Sessions are');
  return known(engine, entity, body);
}
