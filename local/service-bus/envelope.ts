import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import rhea from 'rhea';
import { badRequest } from './errors.ts';
import type { StoredMessage } from './store.ts';

const { message: codec, types } = rhea;

export type Properties = Record<string, unknown>;

/** What the broker has to know of a message on its way in; `content` is the whole message, encoded. */
export interface Incoming {
  messageId: string | undefined;
  timeToLiveMs: number;
  scheduledAtMs: number | undefined;
  content: Buffer;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);
}

/** Strings, numbers and binaries are different ids even when they print alike. */
function idKey(id: unknown): string | undefined {
  if (id === undefined || id === null || id === '') return undefined;
  return Buffer.isBuffer(id) ? `binary:${id.toString('hex')}` : `${typeof id}:${String(id)}`;
}

function timeMs(value: unknown): number | undefined {
  if (value instanceof Date) return value.getTime();
  return typeof value === 'number' ? value : undefined;
}

/** Reads a decoded AMQP message. Annotations that only a broker may set are dropped, so that no sender forges them. */
export function readIncoming(decoded: Record<string, unknown>): Incoming {
  const annotations = isRecord(decoded['message_annotations']) ? decoded['message_annotations'] : {};
  const partitionKey = annotations['x-opt-partition-key'];
  const kept: Properties = Object.fromEntries(
    Object.entries(annotations).filter(([key]) => !key.startsWith('x-opt-') || key === 'x-opt-scheduled-enqueue-time'),
  );
  if (partitionKey !== undefined) kept['x-opt-partition-key'] = partitionKey;
  const timeToLive = decoded['ttl'];
  const messageId = idKey(decoded['message_id']);
  return {
    messageId,
    timeToLiveMs: typeof timeToLive === 'number' && timeToLive > 0 ? timeToLive : Number.POSITIVE_INFINITY,
    scheduledAtMs: timeMs(annotations['x-opt-scheduled-enqueue-time']),
    content: codec.encode({
      ...decoded,
      // The service names what its sender left nameless, and the client's lock renewal relies on a name.
      ...(messageId === undefined ? { message_id: randomUUID().replaceAll('-', '') } : {}),
      message_annotations: kept,
      delivery_count: 0,
    }),
  };
}

export function readEncoded(encoded: unknown): Incoming {
  if (!Buffer.isBuffer(encoded)) throw badRequest('The message is not a binary.');
  return readIncoming(codec.decode(encoded));
}

/** The messages of a batch: each data section of the envelope is one encoded message. */
export function readBatch(envelope: Buffer): Incoming[] {
  const body: unknown = codec.decode(envelope)['body'];
  const content = isRecord(body) ? body['content'] : undefined;
  if (content === undefined) return [];
  const sections: unknown[] = Array.isArray(content) ? content : [content];
  return sections.map(readEncoded);
}

const stateNumbers = { ready: 0, locked: 0, deferred: 1, scheduled: 2 } as const;

/** Merges application properties into stored content, as settling with properties to modify does. */
export function withProperties(content: Uint8Array, properties: Properties): Buffer {
  const decoded = codec.decode(Buffer.from(content));
  const present: unknown = decoded['application_properties'];
  return codec.encode({
    ...decoded,
    application_properties: { ...(isRecord(present) ? present : {}), ...properties },
  });
}

/** The header's time to live ends at 49 days, so the client goes by the two times when there are any. */
function lifetime({ enqueued_at, time_to_live_ms }: StoredMessage): Properties {
  if (time_to_live_ms === null) return {};
  return {
    ttl: Math.min(time_to_live_ms, 0xffffffff),
    creation_time: new Date(enqueued_at),
    absolute_expiry_time: new Date(enqueued_at + time_to_live_ms),
  };
}

/** The message as a receiver sees it: stored content with the broker's header and annotations. */
export function encodeOutgoing(stored: StoredMessage, deadLetterSource: string | undefined, omitBody = false): Buffer {
  const decoded = codec.decode(Buffer.from(stored.content));
  const present: unknown = decoded['message_annotations'];
  const annotations: Properties = {
    ...(isRecord(present) ? present : {}),
    'x-opt-enqueued-time': types.wrap_timestamp(stored.enqueued_at),
    'x-opt-sequence-number': types.wrap_long(stored.sequence_number),
    'x-opt-enqueue-sequence-number': types.wrap_long(stored.sequence_number),
    'x-opt-message-state': types.wrap_int(stateNumbers[stored.state]),
  };
  if (stored.state === 'locked') annotations['x-opt-locked-until'] = types.wrap_timestamp(stored.due_at);
  if (deadLetterSource !== undefined) annotations['x-opt-deadletter-source'] = deadLetterSource;
  return codec.encode({
    ...decoded,
    ...(omitBody ? { body: codec.data_section(Buffer.alloc(0)) } : {}),
    ...lifetime(stored),
    delivery_count: stored.delivery_count,
    message_annotations: annotations,
  });
}

/** A delivery tag carries the lock token with the byte order of a .NET GUID; management requests carry it plainly. */
export function tagOfLockToken(token: string): Buffer {
  const bytes = Buffer.from(token, 'hex');
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}
