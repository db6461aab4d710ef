import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

/** Something that a person can put right; its message is shown as it is, without a stack. */
export class StartError extends Error {
  override name = 'StartError';
}

export const services = ['functions', 'cosmos', 'serviceBus', 'azurite', 'webPubSub'] as const;
export type ServiceName = (typeof services)[number];
export type Ports = Record<ServiceName, number>;

const serviceTitles: Record<ServiceName, string> = {
  functions: 'the API',
  cosmos: 'Cosmos DB',
  serviceBus: 'Service Bus',
  azurite: 'Blob Storage',
  webPubSub: 'Web PubSub',
};

/** The ports that the official tools and emulators use too. */
const usualPorts: Ports = { functions: 7071, cosmos: 8081, serviceBus: 5672, azurite: 10_000, webPubSub: 8082 };

export interface StartOptions {
  ports: Ports;
  dataDir: string;
  hasDemo: boolean;
}

const usage = (command: string, isStack: boolean) => `Usage: npm run ${command} -- [options]

  --port-base N   ${isStack ? 'Cosmos DB on N+1, Service Bus on N+2, Blob Storage on N+3' : 'the API on port N, what it needs on the ports after it'}; 0 takes any free ports
                  (usually: API 7071, Cosmos DB 8081, Service Bus 5672, Blob Storage 10000)
  --data DIR      where everything is kept (.lyceum)
${isStack ? '' : '  --no-demo       do not add the demo course\n'}  --help          this text`;

/** @throws StartError for switches that do not exist. */
export async function readOptions(
  args: readonly string[],
  command: 'start' | 'stack',
): Promise<StartOptions | { help: string }> {
  const isStack = command === 'stack';
  const values = parse(args, usage(command, isStack));
  if (values.help === true) return { help: usage(command, isStack) };
  return {
    ports: await choosePorts(values['port-base']),
    dataDir: resolve(values.data ?? '.lyceum'),
    hasDemo: !isStack && values['no-demo'] !== true,
  };
}

function parse(args: readonly string[], help: string) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        'port-base': { type: 'string' },
        data: { type: 'string' },
        'no-demo': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new StartError(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
  }
}

async function choosePorts(base: string | undefined): Promise<Ports> {
  if (base === undefined) return usualPorts;
  const first = Number(base);
  if (!/^\d+$/.test(base) || first + services.length - 1 > 65_535) {
    throw new StartError(`--port-base must be a port number up to ${65_535 - services.length + 1}, not '${base}'.`);
  }
  return first === 0 ? freePorts() : toPorts(services.map((_, index) => first + index));
}

function toPorts(numbers: readonly number[]): Ports {
  const [functions = 0, cosmos = 0, serviceBus = 0, azurite = 0, webPubSub = 0] = numbers;
  return { functions, cosmos, serviceBus, azurite, webPubSub };
}

/** Listens for a moment, so that whoever holds the port is noticed before anything has started. */
function probe(port: number): Promise<{ port: number; release: () => Promise<void> } | undefined> {
  return new Promise((resolveProbe) => {
    const server = createServer();
    server.once('error', () => resolveProbe(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      const release = () => new Promise<void>((done) => server.close(() => done()));
      resolveProbe(typeof address === 'object' && address !== null ? { port: address.port, release } : undefined);
    });
  });
}

async function freePorts(): Promise<Ports> {
  // All at once, so that no two of them are the same.
  const held = await Promise.all(services.map(() => probe(0)));
  await Promise.all(held.map((one) => one?.release()));
  return toPorts(held.map((one) => one?.port ?? 0));
}

/** @throws StartError that names the first of these services whose port somebody else has. */
export async function assertPortsFree(ports: Ports, wanted: readonly ServiceName[]): Promise<void> {
  const held = await Promise.all(wanted.map((name) => probe(ports[name])));
  await Promise.all(held.map((one) => one?.release()));
  const taken = wanted.find((_, index) => held[index] === undefined);
  if (taken === undefined) return;
  throw new StartError(
    `Port ${ports[taken]}, for ${serviceTitles[taken]}, is in use (or may not be opened). ` +
      'Stop what uses it, or choose other ports with --port-base N (0 takes any that are free).',
  );
}
