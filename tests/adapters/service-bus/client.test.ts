import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServiceBusClient } from '@azure/service-bus';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServiceBus } from '../../../local/service-bus/server.ts';
import { createServiceBus } from '../../../shared/adapters/service-bus/client.ts';
import { freePortBase } from '../../free-ports.ts';

const QUEUES = ['sent', 'later', 'doubles', 'peeked', 'taken', 'busy', 'pinged'];
const definitions = QUEUES.map((name) => ({
  name,
  lockDuration: 'PT30S',
  maxDeliveryCount: 5,
  requiresDuplicateDetection: name === 'doubles',
}));

let broker: Awaited<ReturnType<typeof startServiceBus>>;
let bus: ReturnType<typeof createServiceBus>;
let raw: ServiceBusClient;

beforeAll(async () => {
  broker = await startServiceBus({ port: 0, dataDir: ':memory:', queues: definitions });
  bus = createServiceBus({ connectionString: broker.connectionString });
  raw = new ServiceBusClient(broker.connectionString);
});

afterAll(async () => {
  await raw.close();
  await bus.close();
  await broker.close();
});

async function receive(queue: string, count: number, waitMs = 3_000) {
  const receiver = raw.createReceiver(queue);
  const received = [];
  while (received.length < count) {
    const more = await receiver.receiveMessages(count - received.length, { maxWaitTimeInMs: waitMs });
    if (more.length === 0) break;
    received.push(...more);
  }
  for (const message of received) await receiver.completeMessage(message);
  await receiver.close();
  return received;
}

async function putDeadLetters(queue: string, names: readonly string[]) {
  for (const name of names) await bus.send(queue, { body: { name }, messageId: name });
  const receiver = raw.createReceiver(queue);
  for (const _ of names) {
    const [message] = await receiver.receiveMessages(1, { maxWaitTimeInMs: 3_000 });
    if (message === undefined) throw new Error('nothing received');
    await receiver.deadLetterMessage(message, {
      deadLetterReason: 'bad_luck',
      deadLetterErrorDescription: 'it was Friday',
    });
  }
  await receiver.close();
}

async function deadNames(queue: string): Promise<unknown[]> {
  const letters = await bus.peekDeadLetters(queue, { limit: 100 });
  return letters.map(({ messageId }) => messageId);
}

describe('sending', () => {
  test('a message arrives with its body, ids and properties', async () => {
    const body = { text: 'ünïcode \u2028', list: [1, null, { deep: true }] };
    await bus.send('sent', {
      body,
      messageId: 'm1',
      correlationId: 'c1',
      applicationProperties: { attempt: 2, kind: 'k' },
    });
    const [message] = await receive('sent', 1);
    expect(message).toMatchObject({ body, messageId: 'm1', correlationId: 'c1', contentType: 'application/json' });
    expect(message?.applicationProperties).toMatchObject({ attempt: 2, kind: 'k' });
  });

  test('a scheduled message is not there before its time and is there after it', async () => {
    await bus.send('later', { body: 1, messageId: 'm', scheduledFor: new Date(Date.now() + 1_500) });
    expect(await receive('later', 1, 500)).toEqual([]);
    expect(await receive('later', 1, 5_000)).toHaveLength(1);
  });

  test('two messages of one id are one where the queue detects duplicates', async () => {
    await bus.send('doubles', { body: 1, messageId: 'same' });
    await bus.send('doubles', { body: 2, messageId: 'same' });
    expect(await receive('doubles', 2, 500)).toHaveLength(1);
  });

  test('many sends at once share one sender and all arrive', async () => {
    await Promise.all(Array.from({ length: 50 }, (_, i) => bus.send('sent', { body: i, messageId: `many-${i}` })));
    const bodies = (await receive('sent', 50)).map(({ body }) => body);
    expect(bodies.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  test('a queue that does not exist and a message that is too large are failures that are not worth a retry', async () => {
    await expect(bus.send('nowhere', { body: 1, messageId: 'm' })).rejects.toMatchObject({
      name: 'ServiceBusFailure',
      retryable: false,
    });
    const large = { body: 'x'.repeat(2_000_000), messageId: 'large' };
    await expect(bus.send('sent', large)).rejects.toMatchObject({
      name: 'ServiceBusFailure',
      code: 'MessageSizeExceeded',
      retryable: false,
    });
  });
});

describe('an outage', () => {
  test('fails a send within the time limit and, when it is over, the same client sends again', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'lyceum-bus-'));
    const first = await startServiceBus({ port: await freePortBase(), dataDir, queues: definitions });
    const client = createServiceBus({ connectionString: first.connectionString, timeoutMs: 2_000 });
    await client.send('sent', { body: 'before', messageId: 'before' });
    await first.close();

    const startedMs = Date.now();
    await expect(client.send('sent', { body: 'lost', messageId: 'lost' })).rejects.toMatchObject({ retryable: true });
    await expect(client.ping('sent', 500)).rejects.toMatchObject({ name: 'ServiceBusFailure', retryable: true });
    expect(Date.now() - startedMs).toBeLessThan(6_000);

    const second = await startServiceBus({ port: first.port, dataDir, queues: definitions });
    await expect
      .poll(
        () =>
          client.ping('sent').then(
            () => true,
            () => false,
          ),
        { timeout: 15_000 },
      )
      .toBe(true);
    await client.send('sent', { body: 'after', messageId: 'after' });
    const letters = new ServiceBusClient(second.connectionString);
    const receiver = letters.createReceiver('sent');
    const bodies = (await receiver.receiveMessages(10, { maxWaitTimeInMs: 2_000 })).map(({ body }) => body);
    expect(bodies).toContain('before');
    await letters.close();
    await client.close();
    await second.close();
    await rm(dataDir, { recursive: true });
  });

  test('a bus that takes the connection and never answers does not hold the caller', async () => {
    const silent = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    // A server that listens on TCP has an address with a port.
    const { port } = silent.address() as AddressInfo;
    const connectionString = `Endpoint=sb://127.0.0.1:${port};SharedAccessKeyName=n;SharedAccessKey=k;UseDevelopmentEmulator=true;`;
    const client = createServiceBus({ connectionString, timeoutMs: 1_000 });
    const startedMs = Date.now();
    await expect(client.send('sent', { body: 1, messageId: 'm' })).rejects.toMatchObject({
      code: 'Timeout',
      retryable: true,
    });
    await expect(client.ping('sent', 300)).rejects.toMatchObject({ code: 'Timeout' });
    expect(Date.now() - startedMs).toBeLessThan(5_000);
    silent.close();
  });

  test('a ping of a queue that is there succeeds, of one that is not fails', async () => {
    await expect(bus.ping('pinged')).resolves.toBeUndefined();
    await expect(bus.ping('nowhere')).rejects.toMatchObject({ name: 'ServiceBusFailure' });
    expect(await receive('pinged', 1, 300)).toEqual([]);
  });
});

describe('dead letters', () => {
  test('are listed oldest first, page by page, with their reason, and stay where they are', async () => {
    await putDeadLetters('peeked', ['a', 'b', 'c']);
    const [first, ...rest] = await bus.peekDeadLetters('peeked', { limit: 2 });
    expect(first).toMatchObject({
      messageId: 'a',
      body: { name: 'a' },
      reason: 'bad_luck',
      description: 'it was Friday',
    });
    expect(first?.enqueuedAt).toBeInstanceOf(Date);
    expect(rest.map(({ messageId }) => messageId)).toEqual(['b']);
    const next = (BigInt(rest[0]?.sequence ?? '0') + 1n).toString();
    const page = await bus.peekDeadLetters('peeked', { limit: 2, fromSequence: next });
    expect(page.map(({ messageId }) => messageId)).toEqual(['c']);
    expect(await deadNames('peeked')).toEqual(['a', 'b', 'c']);
    expect(await bus.getDeadLetter('peeked', first?.sequence ?? '')).toMatchObject({ messageId: 'a' });
  });

  test('a number that is none, or that no message has, finds nothing', async () => {
    for (const sequence of ['', 'x', '-1', '1.5', '99999999999999999999', '987654321']) {
      expect(await bus.getDeadLetter('peeked', sequence)).toBeUndefined();
      expect(await bus.removeDeadLetter('peeked', sequence)).toBeUndefined();
    }
    expect(await bus.peekDeadLetters('peeked', { limit: 5, fromSequence: 'x' })).toEqual([]);
  });

  test('one in the middle is removed and returned, the others stay and are free at once', async () => {
    await putDeadLetters('taken', ['a', 'b', 'c', 'd']);
    const sequence = (await bus.peekDeadLetters('taken', { limit: 3 }))[2]?.sequence ?? '';
    expect(await bus.removeDeadLetter('taken', sequence)).toMatchObject({ messageId: 'c', body: { name: 'c' } });
    expect(await deadNames('taken')).toEqual(['a', 'b', 'd']);
    expect(await bus.removeDeadLetter('taken', sequence)).toBeUndefined();
    const others = await bus.peekDeadLetters('taken', { limit: 3 });
    const removed = await Promise.all(others.map((letter) => bus.removeDeadLetter('taken', letter.sequence)));
    expect(removed.map((letter) => letter?.messageId)).toEqual(['a', 'b', 'd']);
    expect(await deadNames('taken')).toEqual([]);
  });

  test('a message stays when what has to happen before its removal fails', async () => {
    await putDeadLetters('busy', ['a']);
    const [letter] = await bus.peekDeadLetters('busy', { limit: 1 });
    const sequence = letter?.sequence ?? '';
    const removal = bus.removeDeadLetter('busy', sequence, async () => {
      throw new Error('could not be sent again');
    });
    await expect(removal).rejects.toThrow();
    expect(await deadNames('busy')).toEqual(['a']);

    const holder = raw.createReceiver('busy', { subQueueType: 'deadLetter' });
    const [held] = await holder.receiveMessages(1, { maxWaitTimeInMs: 2_000 });
    await expect(bus.removeDeadLetter('busy', sequence)).rejects.toMatchObject({ code: 'Locked', retryable: true });
    if (held !== undefined) await holder.abandonMessage(held);
    await holder.close();
    const seen: string[] = [];
    await bus.removeDeadLetter('busy', sequence, async ({ messageId }) => void seen.push(messageId));
    expect(seen).toEqual(['a']);
    expect(await deadNames('busy')).toEqual([]);
  });
});
