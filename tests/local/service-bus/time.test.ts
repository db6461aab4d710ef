import { describe, expect, test } from 'vitest';
import { isCloud, openQueue, receive, receiveNothing, receiveOne } from './target.ts';

const hourMs = 3_600_000;
const inAnHour = (): Date => new Date(Date.now() + hourMs);

describe('a scheduled message', () => {
  test.each(['scheduleMessages', 'scheduledEnqueueTimeUtc'] as const)(
    'by %s comes at its time, not before',
    async (way) => {
      await using target = await openQueue();
      const due = new Date(Date.now() + 2000);
      if (way === 'scheduleMessages') await target.sender.scheduleMessages({ body: 'x' }, due);
      else await target.sender.sendMessages({ body: 'x', scheduledEnqueueTimeUtc: due });
      expect(await receiveNothing(target.receiver)).toEqual([]);
      const message = await receiveOne(target.receiver, 10_000);
      expect(Date.now()).toBeGreaterThanOrEqual(due.getTime() - 500);
      expect(message.body).toBe('x');
      expect(message.enqueuedTimeUtc?.getTime()).toBeGreaterThanOrEqual(due.getTime() - 500);
    },
  );

  test.skipIf(isCloud)('joins the queue behind those that are there when its time comes', async () => {
    // Local only: moves the clock.
    await using target = await openQueue();
    const [number] = await target.sender.scheduleMessages({ body: 'scheduled first' }, inAnHour());
    await target.sender.sendMessages({ body: 'sent second' });
    target.advance(hourMs + 1000);
    const got = await receive(target.receiver, 2);
    expect(got.map(({ body }) => body)).toEqual(['sent second', 'scheduled first']);
    expect(got[1]?.sequenceNumber?.toNumber()).toBeGreaterThan(number?.toNumber() ?? Number.POSITIVE_INFINITY);
  });

  test('that is cancelled never comes, and the others do', async () => {
    await using target = await openQueue();
    const due = new Date(Date.now() + 1500);
    const numbers = await target.sender.scheduleMessages([{ body: 'cancelled' }, { body: 'kept' }], due);
    expect(numbers).toHaveLength(2);
    await target.sender.cancelScheduledMessages(numbers[0] ?? []);
    const got = await receive(target.receiver, 2, 3000);
    expect(got.map(({ body }) => body)).toEqual(['kept']);
  });

  test('cannot be cancelled twice', async () => {
    await using target = await openQueue();
    const numbers = await target.sender.scheduleMessages({ body: 1 }, inAnHour());
    await target.sender.cancelScheduledMessages(numbers);
    await expect(target.sender.cancelScheduledMessages(numbers)).rejects.toMatchObject({ code: 'MessageNotFound' });
  });

  test('that has come cannot be cancelled, nor can any other that is there', async () => {
    await using target = await openQueue();
    await target.sender.sendMessages({ body: 'sent' });
    const [message] = await target.receiver.peekMessages(1);
    const cancelling = target.sender.cancelScheduledMessages(message?.sequenceNumber ?? []);
    await expect(cancelling).rejects.toMatchObject({ code: 'MessageNotFound' });
    expect((await receiveOne(target.receiver)).body).toBe('sent');
  });

  test.skipIf(isCloud)('stays scheduled when it is cancelled together with one that cannot be', async () => {
    // Local only: the cloud does not say what becomes of the others.
    await using target = await openQueue();
    const [number] = await target.sender.scheduleMessages({ body: 1 }, inAnHour());
    if (number === undefined) throw new Error('Scheduling gave no number');
    await expect(target.sender.cancelScheduledMessages([number, number.add(1000)])).rejects.toThrow();
    expect(await target.receiver.peekMessages(1)).toHaveLength(1);
    await target.sender.cancelScheduledMessages(number);
  });

  test('of a time that has passed comes at once', async () => {
    await using target = await openQueue();
    await target.sender.sendMessages({ body: 1, scheduledEnqueueTimeUtc: new Date(Date.now() - hourMs) });
    expect((await receiveOne(target.receiver)).body).toBe(1);
  });

  test.skipIf(isCloud)('starts to age when it comes, not when it is scheduled', async () => {
    // Local only: moves the clock.
    await using target = await openQueue({ defaultMessageTimeToLive: 'PT1M' });
    await target.sender.scheduleMessages({ body: 1 }, inAnHour());
    target.advance(hourMs + 1000);
    expect((await receiveOne(target.receiver)).body).toBe(1);
  });
});

describe('a duplicate', () => {
  const detecting = { requiresDuplicateDetection: true, duplicateDetectionHistoryTimeWindow: 'PT10M' };

  test('within the window is accepted and not enqueued, even when the first is long done', async () => {
    await using target = await openQueue(detecting);
    await target.sender.sendMessages({ body: 'first', messageId: 'same' });
    await target.receiver.completeMessage(await receiveOne(target.receiver));
    await target.sender.sendMessages({ body: 'second', messageId: 'same' });
    await target.sender.sendMessages([
      { body: 'third', messageId: 'same' },
      { body: 'other', messageId: 'other' },
    ]);
    const got = await receive(target.receiver, 3, 1000);
    expect(got.map(({ body }) => body)).toEqual(['other']);
  });

  test('is found among scheduled messages too', async () => {
    await using target = await openQueue(detecting);
    await target.sender.scheduleMessages({ body: 'later', messageId: 'same' }, inAnHour());
    await target.sender.sendMessages({ body: 'now', messageId: 'same' });
    expect(await receiveNothing(target.receiver)).toEqual([]);
  });

  test.skipIf(isCloud)('after the window is a message like any other', async () => {
    // Local only: moves the clock.
    await using target = await openQueue(detecting);
    await target.sender.sendMessages({ body: 'first', messageId: 'same' });
    target.advance(9 * 60_000);
    await target.sender.sendMessages({ body: 'in the window', messageId: 'same' });
    target.advance(60_001);
    await target.sender.sendMessages({ body: 'after it', messageId: 'same' });
    const got = await receive(target.receiver, 3, 1000);
    expect(got.map(({ body }) => body)).toEqual(['first', 'after it']);
  });

  test('is nothing to a queue that does not look for them, nor are messages without an id to one that does', async () => {
    await using plain = await openQueue();
    await plain.sender.sendMessages([1, 2].map((body) => ({ body, messageId: 'same' })));
    expect(await receive(plain.receiver, 2)).toHaveLength(2);
    await using looking = await openQueue(detecting);
    await looking.sender.sendMessages([{ body: 1 }, { body: 2 }]);
    expect(await receive(looking.receiver, 2)).toHaveLength(2);
  });
});

describe('a message that outlives its time', () => {
  test('vanishes when the queue does not keep such messages', async () => {
    await using target = await openQueue();
    await target.sender.sendMessages([{ body: 'short', timeToLive: 500 }, { body: 'long' }]);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const got = await receive(target.receiver, 2, 1000);
    expect(got.map(({ body }) => body)).toEqual(['long']);
    expect(await target.deadLetters.peekMessages(1)).toEqual([]);
  });

  test.skipIf(isCloud)('becomes a dead letter with that reason when the queue keeps them', async () => {
    // Local only: moves the clock; the cloud may take its time to move expired messages.
    await using target = await openQueue({ defaultMessageTimeToLive: 'PT1H', deadLetteringOnMessageExpiration: true });
    await target.sender.sendMessages([
      { body: 'by the queue' },
      { body: 'by itself', timeToLive: 60_000 },
      { body: 'not beyond the queue', timeToLive: 24 * hourMs },
    ]);
    target.advance(60_001);
    const dead = await receiveOne(target.deadLetters);
    expect(dead).toMatchObject({ body: 'by itself', deadLetterReason: 'TTLExpiredException' });
    await target.deadLetters.completeMessage(dead);
    expect(await target.receiver.peekMessages(5)).toHaveLength(2);
    target.advance(hourMs);
    expect((await receive(target.deadLetters, 2)).map(({ body }) => body)).toEqual([
      'by the queue',
      'not beyond the queue',
    ]);
    expect(await receiveNothing(target.receiver)).toEqual([]);
  });

  test.skipIf(isCloud)('stays with the receiver that holds it, and goes only when the lock does', async () => {
    // Local only: moves the clock.
    await using target = await openQueue({ deadLetteringOnMessageExpiration: true, lockDuration: 'PT5M' });
    await target.sender.sendMessages([1, 2].map((body) => ({ body, timeToLive: 60_000 })));
    const [first, second] = await receive(target.receiver, 2);
    if (first === undefined || second === undefined) throw new Error('The messages did not come');
    target.advance(120_000);
    await target.receiver.completeMessage(first);
    await target.receiver.abandonMessage(second);
    expect(await receiveNothing(target.receiver)).toEqual([]);
    expect(await receiveOne(target.deadLetters)).toMatchObject({ body: 2, deadLetterReason: 'TTLExpiredException' });
  });

  test.skipIf(isCloud)('and is dead never expires again', async () => {
    // Local only: moves the clock.
    await using target = await openQueue({ defaultMessageTimeToLive: 'PT1M' });
    await target.sender.sendMessages({ body: 'x' });
    await target.receiver.deadLetterMessage(await receiveOne(target.receiver));
    target.advance(24 * hourMs);
    expect((await receiveOne(target.deadLetters)).body).toBe('x');
  });
});
