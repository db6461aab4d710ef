import { app, type InvocationContext } from '@azure/functions';
import { ServiceBusClient, type ServiceBusMessage } from '@azure/service-bus';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Host, startHost } from '../../../local/host/start-host.ts';
import { type ServiceBus, startServiceBus } from '../../../local/service-bus/server.ts';
import { freePortBase } from '../../free-ports.ts';

type Handler = (message: unknown, context: InvocationContext) => Promise<void> | void;

interface Delivery {
  readonly message: unknown;
  readonly count: unknown;
}

const queues = [{ name: 'work', lockDuration: 'PT1S', maxDeliveryCount: 3 }];
let bus: ServiceBus;
let host: Host | undefined;
let deliveries: Delivery[] = [];
let lines: string[] = [];
let isSetUp = false;

beforeEach(async () => {
  bus = await startServiceBus({ port: await freePortBase(), dataDir: ':memory:', queues });
  deliveries = [];
  lines = [];
});

afterEach(async () => {
  await host?.close({ drainMs: 0 });
  host = undefined;
  await bus.close();
});

async function start(handler: Handler, serviceBus: object = {}, functionTimeout = '00:10:00'): Promise<void> {
  host = await startHost({
    port: 0,
    hostJson: { functionTimeout, extensions: { serviceBus } },
    settings: { Bus: bus.connectionString, QUEUE: 'work' },
    log: (line) => lines.push(line),
    load: async () => {
      if (!isSetUp) app.setup({ enableHttpStream: true });
      isSetUp = true;
      app.serviceBusQueue('work-on-it', {
        connection: 'Bus',
        queueName: '%QUEUE%',
        handler: (message, context) => {
          deliveries.push({ message, count: context.triggerMetadata?.['deliveryCount'] });
          return handler(message, context);
        },
      });
    },
  });
}

async function send(...messages: ServiceBusMessage[]): Promise<void> {
  // A client of its own: one whose connection was just broken may wait long before it notices.
  const own = new ServiceBusClient(bus.connectionString);
  await own.createSender('work').sendMessages(messages);
  await own.close();
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

async function until(isSo: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  const deadline = Date.now() + ms;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`It did not happen in time. ${lines.join('\n')}`);
    await pause(20);
  }
}

async function left(subQueueType?: 'deadLetter'): Promise<number> {
  // A client goes on peeking where it stopped, so each look needs a new one.
  const own = new ServiceBusClient(bus.connectionString);
  const messages = await own.createReceiver('work', subQueueType ? { subQueueType } : {}).peekMessages(50);
  await own.close();
  return messages.length;
}

test('a call that returns completes its message', async () => {
  await start(() => {});
  await send({ body: { essay: 7 } });
  await until(() => deliveries.length === 1);
  await until(async () => (await left()) === 0);
  await pause(1_300);
  expect(deliveries).toEqual([{ message: { essay: 7 }, count: 1 }]);
});

test('a call that throws abandons its message: it comes again at once, until the queue dead-letters it', async () => {
  await start(() => {
    throw new Error('not today');
  });
  const begun = Date.now();
  await send({ body: 'x' });
  await until(async () => (await left('deadLetter')) === 1);
  expect(deliveries.map((one) => one.count)).toEqual([1, 2, 3]);
  // Three locks that have to end take three seconds.
  expect(Date.now() - begun).toBeLessThan(2_500);
  expect(lines.some((line) => line.includes('not today') && line.includes('work-on-it'))).toBe(true);
});

test('JSON arrives parsed and other text as it is, and the metadata is that of the real binding', async () => {
  let metadata: InvocationContext['triggerMetadata'];
  let traceParent: string | undefined;
  await start((_, context) => {
    metadata = context.triggerMetadata;
    traceParent = context.traceContext?.traceParent;
  });
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  await send({
    body: Buffer.from('not { json'),
    messageId: 'm-1',
    correlationId: 'c-1',
    subject: 's',
    contentType: 'text/plain',
    applicationProperties: { attempt: 2, 'Diagnostic-Id': `00-${trace}-00f067aa0ba902b7-01` },
  });
  await until(() => deliveries.length === 1);
  expect(deliveries[0]?.message).toBe('not { json');
  expect(metadata).toMatchObject({
    messageId: 'm-1',
    correlationId: 'c-1',
    subject: 's',
    label: 's',
    contentType: 'text/plain',
    deliveryCount: 1,
    sequenceNumber: expect.any(Number),
    lockToken: expect.any(String),
    applicationProperties: { attempt: 2 },
    userProperties: { attempt: 2 },
  });
  expect(Date.parse(String(metadata?.['enqueuedTimeUtc']))).toBeGreaterThan(Date.now() - 60_000);
  expect(traceParent).toContain(trace);
});

test('no more than maxConcurrentCalls run at a time, and all get their turn', async () => {
  let active = 0;
  let activeMax = 0;
  await start(
    async () => {
      activeMax = Math.max(activeMax, ++active);
      await pause(50);
      active--;
    },
    { maxConcurrentCalls: 3 },
  );
  await send(...Array.from({ length: 12 }, (_, i) => ({ body: i })));
  await until(() => deliveries.length === 12);
  await until(async () => (await left()) === 0);
  expect(activeMax).toBe(3);
});

test('the lock is renewed while a call runs for longer than the lock lasts', async () => {
  await start(() => pause(3_000), { maxAutoLockRenewalDuration: '00:01:00' });
  await send({ body: 'slow' });
  await until(async () => deliveries.length > 0 && (await left()) === 0);
  expect(deliveries).toHaveLength(1);
});

test('after maxAutoLockRenewalDuration the lock is let go, and the message comes again', async () => {
  await start(() => pause(6_000), { maxAutoLockRenewalDuration: '00:00:01' });
  await send({ body: 'too slow' });
  await until(() => deliveries.length === 2);
  expect(deliveries.map((one) => one.count)).toEqual([1, 2]);
});

test('a call that runs into functionTimeout is abandoned', async () => {
  await start(() => pause(60_000), {}, '00:00:01');
  await send({ body: 'endless' });
  await until(() => deliveries.length === 2, 5_000);
  expect(lines.some((line) => line.includes('Timeout value of 1000 ms'))).toBe(true);
});

test('the host waits for a broker that is not there yet, and comes back to one that went away', async () => {
  const { port } = bus;
  await bus.close();
  await start(() => {});
  await pause(300);
  bus = await startServiceBus({ port, dataDir: ':memory:', queues });
  const arrives = async (body: string) => {
    await send({ body });
    await until(() => deliveries.some((one) => one.message === body), 20_000);
    // A message whose settlement a break interrupts comes back when its lock ends; here it shall be over before the break.
    await until(async () => (await left()) === 0, 20_000);
  };
  await arrives('late');
  bus.dropConnections();
  await arrives('dropped');
  await bus.close();
  await pause(300);
  bus = await startServiceBus({ port, dataDir: ':memory:', queues });
  await arrives('again');
}, 60_000);

test('closing lets a running call end and settles its message, and takes no new one', async () => {
  let finish: () => void = () => {};
  await start(
    () =>
      new Promise<void>((resolve) => {
        finish = resolve;
      }),
    { maxConcurrentCalls: 1 },
  );
  await send({ body: 1 }, { body: 2 });
  await until(() => deliveries.length === 1);
  const closed = host?.close({ drainMs: 10_000 });
  await pause(200);
  finish();
  await closed;
  expect(deliveries).toHaveLength(1);
  await pause(1_200);
  expect(await left()).toBe(1);
});

test('closing gives up on a call that does not end; its message comes back when the lock ends', async () => {
  await start(() => new Promise<void>(() => {}));
  await send({ body: 'stuck' });
  await until(() => deliveries.length === 1);
  const begun = Date.now();
  await host?.close({ drainMs: 100 });
  expect(Date.now() - begun).toBeLessThan(8_000);
  await start(() => {});
  await until(() => deliveries.length === 2);
});
