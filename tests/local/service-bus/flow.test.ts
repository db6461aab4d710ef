import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceBusReceivedMessage } from '@azure/service-bus';
import rhea, { type Connection, type EventContext } from 'rhea';
import { describe, expect, test } from 'vitest';
import { cpuMsOf } from '../../cpu-time.ts';
import { isCloud, openQueue, receive, receiveNothing, receiveOne, type Target } from './target.ts';

const many = (length: number) => Array.from({ length }, (_, body) => ({ body }));
const bodies = (messages: { body: unknown }[]): unknown[] => messages.map(({ body }) => body);

describe('receiving a number of messages', () => {
  test('gives no more than asked for, and leaves the others to the next receiver', async () => {
    await using target = await openQueue();
    await target.sender.sendMessages(many(10));
    const first = await target.receiver.receiveMessages(3, { maxWaitTimeInMs: 2000 });
    expect(first.length).toBeLessThanOrEqual(3);
    const other = target.client.createReceiver(target.queue);
    const rest = await receive(other, 10 - first.length);
    expect(bodies([...first, ...rest])).toEqual(bodies(many(10)));
  });

  test('returns empty-handed when the wait is over, and takes nothing that comes later', async () => {
    await using target = await openQueue();
    const started = Date.now();
    expect(await target.receiver.receiveMessages(5, { maxWaitTimeInMs: 700 })).toEqual([]);
    expect(Date.now() - started).toBeGreaterThanOrEqual(650);
    await target.sender.sendMessages({ body: 'later' });
    const other = target.client.createReceiver(target.queue);
    expect((await receiveOne(other)).body).toBe('later');
  });

  test('returns soon with fewer when there are no more', async () => {
    await using target = await openQueue();
    await target.sender.sendMessages(many(2));
    await receiveNothing(target.deadLetters); // Opens the connection, whose time is not measured.
    const started = Date.now();
    expect(await target.receiver.receiveMessages(50, { maxWaitTimeInMs: 10_000 })).toHaveLength(2);
    expect(Date.now() - started).toBeLessThan(5000);
  });

  test('waits for a message that is sent meanwhile', async () => {
    await using target = await openQueue();
    const waiting = receiveOne(target.receiver, 10_000);
    await sleep(300);
    await target.sender.sendMessages({ body: 'just in time' });
    expect((await waiting).body).toBe('just in time');
  });

  test('again and again while messages stream in loses and repeats none', async () => {
    await using target = await openQueue();
    const sending = (async () => {
      for (let i = 0; i < 100; i += 1) {
        await target.sender.sendMessages({ body: i });
        if (i % 10 === 0) await sleep(20);
      }
    })();
    const got: unknown[] = [];
    const until = Date.now() + 20_000;
    while (got.length < 100 && Date.now() < until) {
      // Short waits make drains and messages cross on the wire.
      const messages = await target.receiver.receiveMessages(7, { maxWaitTimeInMs: 15 });
      for (const message of messages) await target.receiver.completeMessage(message);
      got.push(...bodies(messages));
    }
    await sending;
    expect(got).toEqual(bodies(many(100)));
  });
});

describe('taking and deleting', () => {
  test('removes a message as it is delivered', async () => {
    await using target = await openQueue({ lockDuration: 'PT5S' });
    await target.sender.sendMessages(many(3));
    const taker = target.client.createReceiver(target.queue, { receiveMode: 'receiveAndDelete' });
    expect(bodies(await receive(taker, 3))).toEqual([0, 1, 2]);
    await taker.close();
    expect(await target.receiver.peekMessages(5)).toEqual([]);
    expect(await receiveNothing(target.receiver)).toEqual([]);
  });
});

describe('subscribing', () => {
  test('handles every message, never more at once than agreed', async () => {
    await using target = await openQueue();
    await target.sender.sendMessages(many(30));
    let running = 0;
    let most = 0;
    const handled: unknown[] = [];
    const errors: unknown[] = [];
    const subscription = target.receiver.subscribe(
      {
        processMessage: async (message: ServiceBusReceivedMessage) => {
          running += 1;
          most = Math.max(most, running);
          await sleep(20);
          handled.push(message.body);
          running -= 1;
        },
        processError: async ({ error }) => {
          errors.push(error);
        },
      },
      { maxConcurrentCalls: 4, autoCompleteMessages: true },
    );
    await expect.poll(() => handled.length, { timeout: 15_000 }).toBe(30);
    await subscription.close();
    expect(most).toBe(4);
    expect(new Set(handled).size).toBe(30);
    expect(errors).toEqual([]);
    expect(await target.deadLetters.peekMessages(1)).toEqual([]);
    // Completed, not only locked: a peek shows what is locked too.
    await expect.poll(async () => (await target.client.createReceiver(target.queue).peekMessages(50)).length).toBe(0);
  });

  test('goes on after the connection was broken', { skip: isCloud }, async () => {
    // Local only: breaks connections.
    await using target = await openQueue();
    const handled: unknown[] = [];
    target.receiver.subscribe({
      processMessage: async ({ body }) => void handled.push(body),
      processError: async () => undefined,
    });
    await target.sender.sendMessages({ body: 'before' });
    await expect.poll(() => handled, { timeout: 5000 }).toEqual(['before']);
    await target.dropConnections();
    await target.sender.sendMessages({ body: 'after' });
    await expect.poll(() => handled, { timeout: 15_000 }).toEqual(['before', 'after']);
  });

  test('shares the work among receivers', async () => {
    await using target = await openQueue();
    const counts = [0, 0];
    for (const [index] of counts.entries()) {
      target.client.createReceiver(target.queue).subscribe(
        {
          processMessage: async () => {
            counts[index] = (counts[index] ?? 0) + 1;
          },
          processError: async () => undefined,
        },
        { maxConcurrentCalls: 1 },
      );
    }
    await sleep(500);
    for (const message of many(20)) await target.sender.sendMessages(message);
    await expect.poll(() => (counts[0] ?? 0) + (counts[1] ?? 0), { timeout: 10_000 }).toBe(20);
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(3);
  });
});

describe.skipIf(isCloud)('one receiver', () => {
  // Local only: the cloud would take long. A link that keeps its deliveries is blocked after 2,048 of them.
  test.each(['peekLock', 'receiveAndDelete'] as const)(
    'by %s gets thousands of messages, 500 at once',
    async (mode) => {
      await using target = await openQueue();
      for (let i = 0; i < 3; i += 1) await target.sender.sendMessages(many(1000));
      const receiver = target.client.createReceiver(target.queue, {
        receiveMode: mode,
        maxAutoLockRenewalDurationInMs: 0,
      });
      for (let i = 0; i < 6; i += 1) {
        const messages = await receiver.receiveMessages(500, { maxWaitTimeInMs: 5000 });
        expect(messages).toHaveLength(500);
        if (mode === 'peekLock') await Promise.all(messages.map((message) => receiver.completeMessage(message)));
      }
      expect(await receiver.peekMessages(1)).toEqual([]);
    },
  );
});

describe.skipIf(isCloud)('speed', () => {
  // Local only: it is the stand-in's. Broker and client together.
  test('a thousand sends, and a thousand receipts with completion, take less than 3 seconds of work each', async () => {
    await using target = await openQueue();
    await receiveNothing(target.receiver);
    const sending = async () => {
      for (let i = 0; i < 1000; i += 1) await target.sender.sendMessages({ body: { i } });
    };
    const receiving = async () => {
      for (let i = 0; i < 1000; i += 1) await target.receiver.completeMessage(await receiveOne(target.receiver));
    };
    expect(await cpuMsOf(sending)).toBeLessThan(3000);
    expect(await cpuMsOf(receiving)).toBeLessThan(3000);
  });
});

describe.skipIf(isCloud)('what the official client never asks for', () => {
  // Local only: speaks AMQP without the official client, which has no way to ask.
  async function ask(target: Target, open: (connection: Connection) => void, event: string): Promise<EventContext> {
    const port = Number(/:(\d+);/.exec(target.connectionString)?.[1]);
    const connection = rhea.create_container().connect({ host: '127.0.0.1', port, reconnect: false });
    try {
      open(connection);
      const [context]: EventContext[] = await once(connection, event, { signal: AbortSignal.timeout(3000) });
      if (context === undefined) throw new Error('The event says nothing');
      return context;
    } finally {
      connection.close();
      await once(connection, 'connection_close');
    }
  }

  test('transactions are refused by name', async () => {
    await using target = await openQueue();
    const { sender } = await ask(target, (connection) => void connection.open_sender({ target: {} }), 'sender_error');
    expect(sender?.error).toMatchObject({
      condition: 'amqp:not-implemented',
      description: expect.stringMatching(/transactions/),
    });
  });

  test('sessions are refused by name', async () => {
    await using target = await openQueue();
    const source = { address: target.queue, filter: { 'com.microsoft:session-filter': 's' } };
    const { receiver } = await ask(target, (connection) => void connection.open_receiver({ source }), 'receiver_error');
    expect(receiver?.error).toMatchObject({
      condition: 'amqp:not-implemented',
      description: expect.stringMatching(/Sessions/),
    });
  });

  test('an unknown management operation is refused with a status', async () => {
    await using target = await openQueue();
    const { message } = await ask(
      target,
      (connection) => {
        connection.open_receiver({ source: 'grading/$management', target: 'answers' });
        connection.open_sender('grading/$management').once('sendable', ({ sender }: EventContext) => {
          const request = { reply_to: 'answers', message_id: 7, body: {} };
          sender?.send({ ...request, application_properties: { operation: 'com.microsoft:get-message-sessions' } });
        });
      },
      'message',
    );
    expect(message).toMatchObject({
      correlation_id: 7,
      application_properties: { statusCode: 501, errorCondition: 'amqp:not-implemented' },
    });
  });

  test.each([0, 2, 3, 5])('a drain of 3 with %i messages there brings what there is and is answered', async (there) => {
    await using target = await openQueue();
    await target.sender.sendMessages(many(there));
    let got = 0;
    await ask(
      target,
      (connection) => {
        const receiver = connection.open_receiver({ source: target.queue, credit_window: 0, autoaccept: false });
        receiver.on('message', () => {
          got += 1;
        });
        receiver.add_credit(3);
        receiver.drain_credit();
      },
      'receiver_drained',
    );
    expect(got).toBe(Math.min(there, 3));
  });
});
