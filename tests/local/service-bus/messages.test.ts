import { Buffer } from 'node:buffer';
import type { ServiceBusMessage } from '@azure/service-bus';
import { describe, expect, test } from 'vitest';
import { isCloud, openQueue, receive, receiveNothing, receiveOne } from './target.ts';

const bodies = (messages: { body: unknown }[]): unknown[] => messages.map(({ body }) => body);

describe('a message', () => {
  test('arrives with the properties it was sent with and those that the queue gives it', async () => {
    await using target = await openQueue({ lockDuration: 'PT30S' });
    const sent: ServiceBusMessage = {
      body: { submission_id: 'abc', parts: [1, 2.5, null] },
      messageId: 'message-1',
      correlationId: 'correlation-1',
      subject: 'grade',
      contentType: 'application/json',
      timeToLive: 3_600_000,
      applicationProperties: { attempt: 2, share: 0.5, urgent: true, course: 'b-12', debt: -3 },
    };
    const before = Date.now();
    await target.sender.sendMessages(sent);
    const got = await receiveOne(target.receiver);

    expect(got).toMatchObject(sent);
    expect(got.deliveryCount).toBe(0);
    expect(got.state).toBe('active');
    expect(got.sequenceNumber?.toNumber()).toBeGreaterThan(0);
    expect(got.lockToken).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    // The cloud's clock is its own; a minute allows for that and still catches a wrong unit.
    expect(Math.abs((got.enqueuedTimeUtc?.getTime() ?? 0) - before)).toBeLessThan(60_000);
    const lockedForMs = (got.lockedUntilUtc?.getTime() ?? 0) - (got.enqueuedTimeUtc?.getTime() ?? 0);
    expect(lockedForMs).toBeGreaterThanOrEqual(30_000);
    expect(lockedForMs).toBeLessThan(60_000);
  });

  test.each([
    ['JSON', { a: [1, 'zwei', { c: null }] }],
    ['a string', 'Größe 😀'],
    ['bytes', Buffer.from([0, 255, 1, 128])],
    ['an empty string', ''],
    ['a number', 42],
    ['a list', [1, 'two']],
  ])('keeps its body when that is %s', async (_, body) => {
    await using target = await openQueue();
    await target.sender.sendMessages({ body });
    const got = await receiveOne(target.receiver);
    expect(got.body).toEqual(body);
  });

  test('lives no longer than its queue lets it, and says so', async () => {
    await using target = await openQueue({ defaultMessageTimeToLive: 'PT10M' });
    await target.sender.sendMessages([
      { body: 1 },
      { body: 2, timeToLive: 60_000 },
      { body: 3, timeToLive: 3_600_000 },
    ]);
    const got = await receive(target.receiver, 3);
    expect(got.map(({ timeToLive }) => timeToLive)).toEqual([600_000, 60_000, 600_000]);
  });

  test('without an id is given one', async () => {
    await using target = await openQueue();
    await target.sender.sendMessages([{ body: 1 }, { body: 2 }]);
    const ids = (await receive(target.receiver, 2)).map(({ messageId }) => messageId);
    expect(new Set(ids).size).toBe(2);
    expect(ids).not.toContain(undefined);
  });

  test('cannot forge the annotations that only the broker sets', async () => {
    await using target = await openQueue();
    await target.sender.sendMessages({
      body: 'x',
      bodyType: 'data',
      messageAnnotations: { 'x-opt-deadletter-source': 'elsewhere', 'x-opt-enqueued-time': new Date(0) },
    });
    const got = await receiveOne(target.receiver);
    expect(got.deadLetterSource).toBeUndefined();
    expect(got.enqueuedTimeUtc?.getTime()).toBeGreaterThan(Date.now() - 60_000);
  });
});

describe('sending', () => {
  test('a batch delivers each of its messages, in order', async () => {
    await using target = await openQueue();
    const batch = await target.sender.createMessageBatch();
    expect(batch.maxSizeInBytes).toBeGreaterThanOrEqual(256 * 1024);
    for (let i = 0; i < 20; i += 1) expect(batch.tryAddMessage({ body: i, messageId: `m${i}` })).toBe(true);
    await target.sender.sendMessages(batch);
    const got = await receive(target.receiver, 20);
    expect(bodies(got)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    const numbers = got.map(({ sequenceNumber }) => sequenceNumber?.toNumber() ?? 0);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  });

  test('an array delivers each of its messages, also when it has one', async () => {
    await using target = await openQueue();
    await target.sender.sendMessages([{ body: 'a' }, { body: 'b' }]);
    await target.sender.sendMessages([{ body: 'c' }]);
    expect(bodies(await receive(target.receiver, 3))).toEqual(['a', 'b', 'c']);
  });

  // The limit is that of the Standard tier; a Premium namespace takes more.
  test('a message over 256 KB is refused, and the queue stays as it was', async () => {
    await using target = await openQueue();
    const tooMuch = target.sender.sendMessages({ body: 'x'.repeat(256 * 1024) });
    await expect(tooMuch).rejects.toMatchObject({ code: 'MessageSizeExceeded' });
    await target.sender.sendMessages({ body: 'x'.repeat(255 * 1024) });
    const got = await receiveOne(target.receiver);
    expect(got.body).toHaveLength(255 * 1024);
    await target.receiver.completeMessage(got);
    expect(await receiveNothing(target.receiver)).toEqual([]);
  });

  test('to a queue that does not exist is refused', async () => {
    await using target = await openQueue();
    const lost = target.client.createSender('no-such-queue').sendMessages({ body: 1 });
    await expect(lost).rejects.toMatchObject({ code: 'MessagingEntityNotFound' });
  });

  test('to a dead-letter sub-queue is refused', async () => {
    await using target = await openQueue();
    const sender = target.client.createSender(`${target.queue}/$deadletterqueue`);
    await expect(sender.sendMessages({ body: 1 })).rejects.toThrow();
    expect(await target.deadLetters.peekMessages(1)).toEqual([]);
  });
});

describe('receiving', () => {
  test('from a queue that does not exist is refused', async () => {
    await using target = await openQueue();
    const receiver = target.client.createReceiver('no-such-queue');
    await expect(receiver.receiveMessages(1, { maxWaitTimeInMs: 500 })).rejects.toMatchObject({
      code: 'MessagingEntityNotFound',
    });
    await expect(receiver.peekMessages(1)).rejects.toMatchObject({ code: 'MessagingEntityNotFound' });
  });

  test('finds a queue whatever the case of its name', async () => {
    await using target = await openQueue();
    await target.client.createSender(target.queue.toUpperCase()).sendMessages({ body: 'x' });
    const got = await receiveOne(target.client.createReceiver(target.queue.toLowerCase()));
    expect(got.body).toBe('x');
  });

  test.skipIf(isCloud)('by session is refused: the stand-in has no sessions', async () => {
    await using target = await openQueue();
    await expect(target.client.acceptSession(target.queue, 's')).rejects.toMatchObject({ name: 'ServiceBusError' });
    await expect(openQueue({ requiresSession: true })).rejects.toThrow(/sessions/);
  });
});

describe('peeking', () => {
  test('shows messages in order without locking them, and goes on where it stopped', async () => {
    await using target = await openQueue();
    await target.sender.sendMessages(['a', 'b', 'c', 'd'].map((body) => ({ body })));
    expect(bodies(await target.receiver.peekMessages(3))).toEqual(['a', 'b', 'c']);
    expect(bodies(await target.receiver.peekMessages(3))).toEqual(['d']);
    expect(await target.receiver.peekMessages(3)).toEqual([]);
    expect(bodies(await receive(target.receiver, 4))).toEqual(['a', 'b', 'c', 'd']);
  });

  test('from a sequence number starts with that message', async () => {
    await using target = await openQueue();
    await target.sender.sendMessages(['a', 'b', 'c'].map((body) => ({ body })));
    const second = (await target.receiver.peekMessages(2))[1];
    const from = second?.sequenceNumber;
    if (from === undefined) throw new Error('A peeked message has no sequence number');
    const got = await target.receiver.peekMessages(5, { fromSequenceNumber: from });
    expect(bodies(got)).toEqual(['b', 'c']);
    expect(await target.receiver.peekMessages(5, { fromSequenceNumber: from.add(1000) })).toEqual([]);
  });

  test('also shows messages that are locked, scheduled and deferred, and says which', async () => {
    await using target = await openQueue();
    await target.sender.sendMessages([{ body: 'deferred' }, { body: 'locked' }]);
    const [first] = await receive(target.receiver, 2);
    if (first === undefined) throw new Error('No message came');
    await target.receiver.deferMessage(first);
    await target.sender.sendMessages({ body: 'later', scheduledEnqueueTimeUtc: new Date(Date.now() + 3_600_000) });
    const seen = await target.receiver.peekMessages(10);
    expect(Object.fromEntries(seen.map(({ body, state }) => [body, state]))).toEqual({
      deferred: 'deferred',
      locked: 'active',
      later: 'scheduled',
    });
  });
});
