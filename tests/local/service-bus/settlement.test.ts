import { describe, expect, test } from 'vitest';
import { isCloud, openQueue, receive, receiveNothing, receiveOne } from './target.ts';

const lockLost = { code: 'MessageLockLost' };

describe('completing', () => {
  test('removes the message for good', async () => {
    await using target = await openQueue({ lockDuration: 'PT5S' });
    await target.sender.sendMessages({ body: 1 });
    await target.receiver.completeMessage(await receiveOne(target.receiver));
    expect(await receiveNothing(target.receiver)).toEqual([]);
    expect(await target.receiver.peekMessages(1)).toEqual([]);
  });

  test('works after the receiver has closed, because the lock outlives it', async () => {
    await using target = await openQueue();
    await target.sender.sendMessages({ body: 1 });
    const message = await receiveOne(target.receiver);
    await target.receiver.close();
    const other = target.client.createReceiver(target.queue);
    await other.completeMessage(message);
    expect(await other.peekMessages(1)).toEqual([]);
  });
});

describe('abandoning', () => {
  test('brings the message back at once, counted and with the changed properties', async () => {
    await using target = await openQueue();
    await target.sender.sendMessages({ body: 1, applicationProperties: { kept: 'yes', changed: 'old' } });
    const first = await receiveOne(target.receiver);
    await target.receiver.abandonMessage(first, { changed: 'new', added: 7 });
    const again = await receiveOne(target.receiver);
    expect(again.sequenceNumber?.toString()).toBe(first.sequenceNumber?.toString());
    expect(again.deliveryCount).toBe(1);
    expect(again.applicationProperties).toMatchObject({ kept: 'yes', changed: 'new', added: 7 });
  });

  test('keeps the place of the message in the order', async () => {
    await using target = await openQueue();
    await target.sender.sendMessages(['first', 'second'].map((body) => ({ body })));
    await target.receiver.abandonMessage(await receiveOne(target.receiver));
    const got = await receive(target.receiver, 2);
    expect(got.map(({ body }) => body)).toEqual(['first', 'second']);
  });

  test('for the last allowed time moves the message to the dead letters', async () => {
    await using target = await openQueue({ maxDeliveryCount: 3 });
    await target.sender.sendMessages({ body: 'poison', messageId: 'm' });
    for (const deliveryCount of [0, 1, 2]) {
      const message = await receiveOne(target.receiver);
      expect(message.deliveryCount).toBe(deliveryCount);
      await target.receiver.abandonMessage(message);
    }
    expect(await receiveNothing(target.receiver)).toEqual([]);
    const dead = await receiveOne(target.deadLetters);
    expect(dead).toMatchObject({ body: 'poison', messageId: 'm', deadLetterReason: 'MaxDeliveryCountExceeded' });
    expect(dead.deadLetterErrorDescription).toMatch(/3 delivery attempts/);
  });
});

describe('dead-lettering', () => {
  test('moves the message with its reason, description and properties', async () => {
    await using target = await openQueue();
    await target.sender.sendMessages({ body: { a: 1 }, messageId: 'm', applicationProperties: { kept: 1 } });
    await target.receiver.deadLetterMessage(await receiveOne(target.receiver), {
      deadLetterReason: 'UnknownRubric',
      deadLetterErrorDescription: 'The rubric is gone.',
      tried: 2,
    });
    expect(await target.receiver.peekMessages(1)).toEqual([]);
    const dead = await receiveOne(target.deadLetters);
    expect(dead).toMatchObject({
      body: { a: 1 },
      messageId: 'm',
      deadLetterReason: 'UnknownRubric',
      deadLetterErrorDescription: 'The rubric is gone.',
      applicationProperties: { kept: 1, tried: 2 },
    });
  });

  test.skipIf(isCloud)('says which queue the message comes from', async () => {
    // Local only: the cloud sets the source in some of its versions and only after forwarding in others.
    await using target = await openQueue();
    await target.sender.sendMessages({ body: 1 });
    await target.receiver.deadLetterMessage(await receiveOne(target.receiver));
    expect((await receiveOne(target.deadLetters)).deadLetterSource).toBe(target.queue);
  });

  test('leaves dead letters that can be peeked at, abandoned without end and completed', async () => {
    await using target = await openQueue({ maxDeliveryCount: 1 });
    await target.sender.sendMessages({ body: 'x' });
    await target.receiver.deadLetterMessage(await receiveOne(target.receiver), reason('r'));
    const [seen] = await target.deadLetters.peekMessages(5);
    expect(seen).toMatchObject({ body: 'x', deadLetterReason: 'r' });
    for (let i = 0; i < 3; i += 1) await target.deadLetters.abandonMessage(await receiveOne(target.deadLetters));
    const last = await receiveOne(target.deadLetters);
    expect(last.deadLetterReason).toBe('r');
    await target.deadLetters.completeMessage(last);
    expect(await target.deadLetters.peekMessages(5, { fromSequenceNumber: seen?.sequenceNumber ?? fail() })).toEqual(
      [],
    );
  });

  test('is reached by the path of the sub-queue in any case', async () => {
    await using target = await openQueue();
    await target.sender.sendMessages({ body: 'x' });
    await target.receiver.deadLetterMessage(await receiveOne(target.receiver));
    for (const path of ['$DeadLetterQueue', '$deadletterqueue']) {
      const receiver = target.client.createReceiver(`${target.queue}/${path}`);
      const message = await receiveOne(receiver);
      expect(message.body).toBe('x');
      await receiver.abandonMessage(message);
      await receiver.close();
    }
  });
});

describe('deferring', () => {
  test('sets the message aside until it is asked for by number', async () => {
    await using target = await openQueue();
    await target.sender.sendMessages({ body: 'later' });
    const message = await receiveOne(target.receiver);
    const number = message.sequenceNumber ?? fail();
    await target.receiver.deferMessage(message, { why: 'busy' });
    expect(await receiveNothing(target.receiver)).toEqual([]);

    const [deferred] = await target.receiver.receiveDeferredMessages(number);
    expect(deferred).toMatchObject({ body: 'later', applicationProperties: { why: 'busy' } });
    await target.receiver.abandonMessage(deferred ?? fail());
    const [again] = await target.receiver.receiveDeferredMessages(number);
    await target.receiver.completeMessage(again ?? fail());
    await expect(target.receiver.receiveDeferredMessages(number)).rejects.toMatchObject({ code: 'MessageNotFound' });
  });

  test('a deferred message can be dead-lettered', async () => {
    await using target = await openQueue();
    await target.sender.sendMessages({ body: 'later' });
    const message = await receiveOne(target.receiver);
    await target.receiver.deferMessage(message);
    const [deferred] = await target.receiver.receiveDeferredMessages(message.sequenceNumber ?? fail());
    await target.receiver.deadLetterMessage(deferred ?? fail(), reason('stale'));
    expect(await receiveOne(target.deadLetters)).toMatchObject({ body: 'later', deadLetterReason: 'stale' });
  });
});

describe('a lock', () => {
  test('that ends gives the message back with a higher delivery count', async () => {
    await using target = await openQueue({ lockDuration: 'PT5S' });
    await target.sender.sendMessages({ body: 1 });
    const first = await receiveOne(target.receiver);
    expect(await receiveNothing(target.receiver)).toEqual([]);
    const again = await receiveOne(target.receiver, 15_000);
    expect(Date.now()).toBeGreaterThan((first.lockedUntilUtc?.getTime() ?? Number.POSITIVE_INFINITY) - 1000);
    expect(again.deliveryCount).toBe(1);
    expect(again.lockToken).not.toBe(first.lockToken);
  });

  test('that has ended cannot settle or be renewed, and harms nobody who holds the next one', async () => {
    await using target = await openQueue({ lockDuration: 'PT5S' });
    await target.sender.sendMessages({ body: 1 });
    const first = await receiveOne(target.receiver);
    const again = await receiveOne(target.receiver, 15_000);
    await expect(target.receiver.renewMessageLock(first)).rejects.toMatchObject(lockLost);
    await expect(target.receiver.completeMessage(first)).rejects.toMatchObject(lockLost);
    await target.receiver.completeMessage(again);
    expect(await target.receiver.peekMessages(1)).toEqual([]);
  });

  test.skipIf(isCloud)('is lost at its very end, though nobody else has the message', async () => {
    // Local only: moves the clock.
    await using target = await openQueue({ lockDuration: 'PT1M' });
    await target.sender.sendMessages({ body: 1 });
    const message = await receiveOne(target.receiver);
    target.passTime(60_001);
    await expect(target.receiver.completeMessage(message)).rejects.toMatchObject(lockLost);
    expect((await receiveOne(target.receiver)).deliveryCount).toBe(1);
  });

  test.skipIf(isCloud)('holds for the full duration from its last renewal', async () => {
    // Local only: moves the clock.
    await using target = await openQueue({ lockDuration: 'PT1M' });
    await target.sender.sendMessages({ body: 1 });
    const message = await receiveOne(target.receiver);
    const before = message.lockedUntilUtc?.getTime() ?? 0;
    for (let i = 1; i <= 3; i += 1) {
      target.advance(50_000);
      const until = await target.receiver.renewMessageLock(message);
      expect(until.getTime()).toBeGreaterThanOrEqual(before + i * 50_000);
    }
    target.advance(59_000);
    expect(await receiveNothing(target.receiver)).toEqual([]);
    await target.receiver.completeMessage(message);
  });

  test.skipIf(isCloud)('that ends for the last allowed time moves the message to the dead letters', async () => {
    // Local only: moves the clock.
    await using target = await openQueue({ lockDuration: 'PT1M', maxDeliveryCount: 2 });
    await target.sender.sendMessages({ body: 'slow' });
    for (let i = 0; i < 2; i += 1) {
      await receiveOne(target.receiver);
      target.advance(60_001);
    }
    expect(await receiveNothing(target.receiver)).toEqual([]);
    expect(await receiveOne(target.deadLetters)).toMatchObject({
      body: 'slow',
      deadLetterReason: 'MaxDeliveryCountExceeded',
      deliveryCount: 2,
    });
  });

  test.skipIf(isCloud)('stays when the connection breaks, and ends in its own time', async () => {
    // Local only: breaks connections and moves the clock.
    await using target = await openQueue({ lockDuration: 'PT1M' });
    await target.sender.sendMessages({ body: 1 });
    await receiveOne(target.receiver);
    await target.dropConnections();
    const other = target.client.createReceiver(target.queue, { maxAutoLockRenewalDurationInMs: 0 });
    expect(await receiveNothing(other)).toEqual([]);
    target.advance(60_001);
    expect((await receiveOne(other)).deliveryCount).toBe(1);
  });
});

/** The client's declaration of these options wants every one of them to be set. */
function reason(deadLetterReason: string) {
  return { deadLetterReason, deadLetterErrorDescription: 'A test says so.' };
}

function fail(): never {
  throw new Error('A value that the test needs is missing');
}
