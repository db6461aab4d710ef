import { mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import containers from '../infra/containers.json' with { type: 'json' };
import queues from '../infra/queues.json' with { type: 'json' };
import { connectionSettings, laptopSettings, mergeSettings, readLocalSettings, type Settings } from './app-settings.ts';
import { startAzurite } from './azurite.ts';
import { type DataFolder, openDataFolder } from './data-folder.ts';
import { assertPortsFree, type ServiceName, type StartOptions } from './options.ts';
import { type RunningStandIn, startStandIn } from './stand-in-thread.ts';

export interface LocalStack {
  readonly folder: DataFolder;
  /** The app settings with which the product reaches this stack. */
  readonly settings: Settings;
  /** The stand-ins of this stack; a service that a setting says is elsewhere has none. */
  readonly standIns: readonly ServiceName[];
  /** Cosmos DB and Service Bus answer. */
  readonly ready: Promise<void>;
  /** Blob Storage takes a second or two to start, and little needs it: nothing waits for it. */
  readonly blobReady: Promise<void>;
  close(): Promise<void>;
}

const serviceOfSetting: Record<string, 'cosmos' | 'serviceBus' | 'azurite'> = {
  CosmosConnection: 'cosmos',
  ServiceBusConnection: 'serviceBus',
  AzureWebJobsStorage: 'azurite',
};

export interface LocalStackOptions extends StartOptions {
  environment: Record<string, string | undefined>;
  localSettingsPath: string;
  /** Whether the functions run here as well, so that their port must be free too. */
  hasFunctions: boolean;
  onFailure: (error: Error) => void;
}

/**
 * Starts the stand-ins for Azure that this run needs; `ready` says when they answer.
 * @throws StartError when a port or the data folder is taken.
 */
export async function startLocalStack(options: LocalStackOptions): Promise<LocalStack> {
  const { ports, dataDir } = options;
  const folder = openDataFolder(dataDir);
  const started = new Map<ServiceName, RunningStandIn>();
  const close = async () => {
    await Promise.all([...started.values()].map((one) => one.close()));
    folder.release();
  };
  try {
    const { settings, ownStandIns } = mergeSettings(options.environment, readLocalSettings(options.localSettingsPath), {
      connections: connectionSettings(ports),
      laptop: laptopSettings(folder.secrets, containers.database, join(dataDir, 'mailbox')),
    });
    const standIns = ownStandIns.flatMap((name) => serviceOfSetting[name] ?? []);
    await assertPortsFree(ports, options.hasFunctions ? ['functions', ...standIns] : standIns);
    for (const kind of standIns) {
      const folderOfKind = join(dataDir, folderNames[kind]);
      mkdirSync(folderOfKind, { recursive: true });
      started.set(kind, starters[kind](ports[kind], folderOfKind, options));
    }
    const readyOf = async (...names: ServiceName[]) => {
      await Promise.all(names.map((name) => started.get(name)?.ready));
    };
    const [ready, blobReady] = [readyOf('cosmos', 'serviceBus'), readyOf('azurite')];
    // Whoever waits for them hears of a failure.
    for (const promise of [ready, blobReady]) promise.catch(() => undefined);
    return { folder, settings, standIns, ready, blobReady, close };
  } catch (error) {
    await close();
    throw error;
  }
}

const folderNames = { cosmos: 'cosmos', serviceBus: 'service-bus', azurite: 'blobs' } as const;

const starters: Record<
  keyof typeof folderNames,
  (port: number, dataDir: string, options: LocalStackOptions) => RunningStandIn
> = {
  cosmos: (port, dataDir, { onFailure }) =>
    startStandIn({ kind: 'cosmos', port, dataDir, definition: containers }, onFailure),
  // With the functions in the same process, nobody who held a lock can be left when it starts.
  serviceBus: (port, dataDir, { hasFunctions, onFailure }) =>
    startStandIn({ kind: 'serviceBus', port, dataDir, queues: queues.queues, releaseLocks: hasFunctions }, onFailure),
  // It brings its own thread.
  azurite: (port, dataDir) => {
    const starting = startAzurite({ port, dataDir });
    return {
      ready: starting.then(() => undefined),
      close: () =>
        starting.then(
          (running) => running.close(),
          () => undefined,
        ),
    };
  },
};

/** The table at start-up: what runs where. */
export function describeStack(options: StartOptions, stack: LocalStack): string[] {
  const { ports } = options;
  const lines: Record<string, [string, string]> = {
    cosmos: ['Cosmos DB', `http://127.0.0.1:${ports.cosmos}`],
    serviceBus: ['Service Bus', `amqp://127.0.0.1:${ports.serviceBus}`],
    azurite: ['Blob Storage', `http://127.0.0.1:${ports.azurite}`],
  };
  const rows = stack.standIns.flatMap((name) => (lines[name] ? [lines[name]] : []));
  return [...rows, ['Data', shortPath(options.dataDir)] as const].map(
    ([title, where]) => `  ${title.padEnd(14)} ${where}`,
  );
}

/** As a person would type it from here. */
export function shortPath(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere === '' || fromHere.startsWith('..') ? path : fromHere;
}
