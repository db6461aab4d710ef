import Module, { createRequire } from 'node:module';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';

/** The part of Azurite's own classes that is used; the package publishes no types. */
interface BlobServer {
  start(): Promise<void>;
  close(): Promise<void>;
  getHttpServerAddress(): string;
}
interface AzuriteModules {
  'azurite/dist/src/blob/BlobServer.js': { default: new (configuration: object) => BlobServer };
  'azurite/dist/src/blob/BlobConfiguration.js': { default: new (...settings: unknown[]) => object };
}

const require = createRequire(import.meta.url);

function load<Name extends keyof AzuriteModules>(name: Name): AzuriteModules[Name] {
  // Plain JavaScript of a version that package.json fixes; the shape was read there.
  return require(name);
}

/**
 * Azurite loads a telemetry library that makes up a third of its start and that must never run here: an empty module stands in its place.
 * This thread has its own modules, so nobody else notices.
 */
function leaveTelemetryOut(): void {
  const inner: unknown = Reflect.get(Module, '_load');
  if (typeof inner !== 'function') throw new Error('This version of Node loads modules in another way.');
  Reflect.set(Module, '_load', (id: string, ...rest: unknown[]) =>
    id === 'applicationinsights' ? {} : Reflect.apply(inner, Module, [id, ...rest]),
  );
}

function createServer(port: number, dataDir: string): BlobServer {
  leaveTelemetryOut();
  const { default: Server } = load('azurite/dist/src/blob/BlobServer.js');
  const { default: Configuration } = load('azurite/dist/src/blob/BlobConfiguration.js');
  const extents = [{ locationId: 'Default', locationPath: join(dataDir, 'blobs'), maxConcurrency: 50 }];
  const keepAliveTimeoutS = 5;
  const isLogged = false;
  const isLoose = true;
  const skipsVersionCheck = true;
  return new Server(
    new Configuration(
      '127.0.0.1',
      port,
      keepAliveTimeoutS,
      join(dataDir, 'blobs.json'),
      join(dataDir, 'extents.json'),
      extents,
      isLogged,
      undefined,
      isLogged,
      undefined,
      isLoose,
      skipsVersionCheck,
    ),
  );
}

const port = parentPort;
if (port !== null) {
  // Azurite's dependencies use interfaces of Node that are on their way out; that is no news for whoever starts the stack.
  process.noDeprecation = true;
  const server = createServer(workerData.port, workerData.dataDir);
  port.once('message', () => {
    void server.close().finally(() => process.exit(0));
  });
  await server.start();
  port.postMessage({ address: server.getHttpServerAddress() });
}
