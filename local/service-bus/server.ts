import { once } from 'node:events';
import type { Socket } from 'node:net';
import rhea, { type Connection, type Container, type EventContext } from 'rhea';
import { type Clock, systemClock } from '../../shared/platform/clock.ts';
import { Broker } from './broker.ts';
import { type QueueDefinition, resolveQueue } from './definition.ts';
import { Engine, maxMessageBytes } from './engine.ts';
import { Links } from './links.ts';
import { Store } from './store.ts';

export interface ServiceBusOptions {
  /** 0 for any free port. */
  port: number;
  /** Where the messages are kept, or `:memory:` for a broker that forgets. */
  dataDir: string | ':memory:';
  queues: QueueDefinition[];
  clock?: Clock;
  /**
   * At the start, gives back the locks of before. For a broker that lives and dies with its only consumer: that one is
   * gone as well, no message was at fault, and nobody should wait for its locks to end. The cloud has no such moment.
   */
  releaseLocks?: boolean;
}

export interface ServiceBus {
  connectionString: string;
  port: number;
  close(): Promise<void>;
  /** Breaks every connection without a word, as a network failure does. */
  dropConnections(): void;
  /** Acts at once on what the clock has made due, for whoever moves the clock. */
  tick(): void;
}

const maxFrameBytes = 65_536;

function createContainer(): Container {
  return rhea.create_container({
    id: 'service-bus-stand-in',
    receiver_options: { autoaccept: false, max_message_size: maxMessageBytes },
    sender_options: { autosettle: false, treat_modified_as_released: false, max_message_size: maxMessageBytes },
  });
}

/**
 * A Service Bus namespace on 127.0.0.1 for `@azure/service-bus`: its queues and their dead-letter sub-queues over AMQP
 * 1.0 without TLS. Any key is taken: who may connect is the network's affair here, and the cloud's identities are not.
 */
export async function startServiceBus(options: ServiceBusOptions): Promise<ServiceBus> {
  const clock = options.clock ?? systemClock;
  const queues = options.queues.map(resolveQueue);
  const store = new Store(options.dataDir);
  const engine = new Engine(store, clock, queues);
  if (options.releaseLocks === true) store.atomically(() => engine.releaseLocks());
  const broker = new Broker(store, engine, clock);
  const sockets = new Map<Socket, Connection | undefined>();
  const container = createContainer();
  new Links(broker, engine).attachTo(container);

  const server = container.listen({
    host: '127.0.0.1',
    port: options.port,
    max_frame_size: maxFrameBytes,
  });
  server.on('connection', (socket: Socket) => {
    socket.setNoDelay(true);
    sockets.set(socket, undefined);
    socket.on('close', () => {
      const connection = sockets.get(socket);
      if (connection !== undefined) broker.removeOutlets(connection);
      sockets.delete(socket);
    });
  });
  container.on('connection_open', ({ connection }: EventContext) => {
    const socket: unknown = Reflect.get(connection, 'socket');
    for (const known of sockets.keys()) if (known === socket) sockets.set(known, connection);
  });
  try {
    await once(server, 'listening');
  } catch (error) {
    broker.close();
    throw error;
  }
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The broker has no TCP port');
  const { port } = address;

  const dropConnections = (): void => {
    for (const [socket, connection] of sockets) {
      if (connection !== undefined) broker.removeOutlets(connection);
      socket.destroy();
    }
  };
  return {
    connectionString: `Endpoint=sb://127.0.0.1:${port};SharedAccessKeyName=local;SharedAccessKey=local;UseDevelopmentEmulator=true`,
    port,
    dropConnections,
    tick: () => broker.turn(),
    close: async () => {
      if (!server.listening) return;
      broker.close();
      const closed = once(server, 'close');
      server.close();
      dropConnections();
      await closed;
    },
  };
}
