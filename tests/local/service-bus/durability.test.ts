import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ServiceBusClient } from '@azure/service-bus';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startServiceBus } from '../../../local/service-bus/server.ts';
import { isCloud, receive, receiveOne } from './target.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'service-bus-'));
});
afterEach(async () => {
  await rm(dataDir, { recursive: true, force: true });
});

/** What a run knows of its messages. What was asked for but not answered may have happened or not. */
interface Record {
  accepted: Set<number>;
  completing: Set<number>;
  completed: Set<number>;
}

async function startProcess(): Promise<{ child: ChildProcess; connectionString: string }> {
  const script = fileURLToPath(new URL('./broker-process.ts', import.meta.url));
  const child = spawn(process.execPath, [script, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.stdout === null) throw new Error('The process has no output');
  const [connectionString]: unknown[] = await once(createInterface(child.stdout), 'line');
  return { child, connectionString: String(connectionString) };
}

/** Sends and completes as fast as it can until the broker is killed. */
async function workUntilKilled(record: Record, firstId: number, afterMs: number): Promise<void> {
  const { child, connectionString } = await startProcess();
  const client = new ServiceBusClient(connectionString, { retryOptions: { maxRetries: 0, timeoutInMs: 2000 } });
  const sender = client.createSender('grading');
  const receiver = client.createReceiver('grading');
  let id = firstId;
  let isAlive = true;
  const lane = async (): Promise<void> => {
    while (isAlive) {
      const mine = id++;
      await sender.sendMessages({ body: mine });
      record.accepted.add(mine);
    }
  };
  receiver.subscribe(
    {
      processMessage: async (message) => {
        if (typeof message.body !== 'number') throw new Error('The body is not what was sent');
        record.completing.add(message.body);
        await receiver.completeMessage(message);
        record.completed.add(message.body);
      },
      processError: async () => undefined,
    },
    { maxConcurrentCalls: 5, autoCompleteMessages: false },
  );
  await sender.sendMessages({ body: -firstId - 1 });
  record.accepted.add(-firstId - 1);
  const lanes = Promise.allSettled(Array.from({ length: 10 }, lane));
  await sleep(afterMs);
  child.kill('SIGKILL');
  await once(child, 'exit');
  isAlive = false;
  await lanes;
  await client.close().catch(() => undefined);
}

// Local only: the cloud's processes are not for us to kill.
describe.skipIf(isCloud)('after kill -9', () => {
  test('every accepted message is received exactly once, and none that was completed', {
    timeout: 60_000,
  }, async () => {
    const record: Record = { accepted: new Set(), completing: new Set(), completed: new Set() };
    for (const [round, afterMs] of [150, 400, 270].entries()) await workUntilKilled(record, round * 1_000_000, afterMs);
    expect(record.accepted.size).toBeGreaterThan(100);
    expect(record.completed.size).toBeGreaterThan(50);

    const { child, connectionString } = await startProcess();
    const client = new ServiceBusClient(connectionString);
    const received: unknown[] = [];
    try {
      const receiver = client.createReceiver('grading');
      // Locks from before the kill end after two seconds; the wait is longer than that.
      const next = () => receiver.receiveMessages(100, { maxWaitTimeInMs: 4000 });
      for (let more = await next(); more.length > 0; more = await next()) {
        await Promise.all(more.map((message) => receiver.completeMessage(message)));
        received.push(...more.map(({ body }) => body));
      }
      expect(await receiver.peekMessages(1)).toEqual([]);
    } finally {
      await client.close();
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    const once_ = new Set(received);
    expect(received.length).toBe(once_.size);
    expect([...record.completed].filter((id) => once_.has(id))).toEqual([]);
    const lost = [...record.accepted].filter((id) => !once_.has(id) && !record.completing.has(id));
    expect(lost).toEqual([]);
  });
});

describe.skipIf(isCloud)('after an orderly restart', () => {
  test('locks, scheduled messages, dead letters and seen ids are as they were', async () => {
    const queues = [{ name: 'grading', lockDuration: 'PT1M', requiresDuplicateDetection: true }];
    const first = await startServiceBus({ port: 0, dataDir, queues });
    const before = new ServiceBusClient(first.connectionString);
    const sender = before.createSender('grading');
    await sender.sendMessages(['locked', 'dead', 'plain'].map((body) => ({ body, messageId: body })));
    await sender.scheduleMessages({ body: 'soon', messageId: 'soon' }, new Date(Date.now() + 2000));
    const receiver = before.createReceiver('grading');
    const [locked, dead] = await receive(receiver, 2);
    if (locked === undefined || dead === undefined) throw new Error('The messages did not come');
    await receiver.deadLetterMessage(dead);
    await before.close();
    await first.close();

    const second = await startServiceBus({ port: 0, dataDir, queues });
    const after = new ServiceBusClient(second.connectionString);
    try {
      await after.createSender('grading').sendMessages({ body: 'again', messageId: 'plain' });
      const again = after.createReceiver('grading');
      const got = await receive(again, 2, 4000);
      expect(got.map(({ body }) => body)).toEqual(['plain', 'soon']);
      expect((await receiveOne(after.createReceiver('grading', { subQueueType: 'deadLetter' }))).body).toBe('dead');
      // The lock token from before the restart still settles.
      await again.close();
      await after.createReceiver('grading').completeMessage(locked);
      const left = await after.createReceiver('grading').peekMessages(5);
      expect(left.map(({ body }) => body)).toEqual(['plain', 'soon']);
    } finally {
      await after.close();
      await second.close();
    }
  });
});
