import { existsSync, readFileSync } from 'node:fs';
import type { Secrets } from './data-folder.ts';
import { type Ports, StartError } from './options.ts';

export type Settings = Record<string, string>;

// The key that Microsoft publishes for emulators of its storage; it protects nothing.
const storageAccount = 'devstoreaccount1';
const storageKey = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==';
// Likewise that of its Cosmos DB emulator.
const cosmosKey = 'C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==';

/** How an application reaches the stand-ins on these ports. */
export function connectionSettings(ports: Ports): Settings {
  const blob = `http://127.0.0.1:${ports.azurite}/${storageAccount}`;
  return {
    CosmosConnection: `AccountEndpoint=http://127.0.0.1:${ports.cosmos}/;AccountKey=${cosmosKey};`,
    ServiceBusConnection: `Endpoint=sb://127.0.0.1:${ports.serviceBus};SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=local;UseDevelopmentEmulator=true;`,
    AzureWebJobsStorage: `DefaultEndpointsProtocol=http;AccountName=${storageAccount};AccountKey=${storageKey};BlobEndpoint=${blob};`,
  };
}

/** Everything else that the product needs to know on a laptop. */
export function laptopSettings(secrets: Secrets, database: string, mailbox: string): Settings {
  return {
    LYCEUM_ENVIRONMENT: 'local',
    COSMOS_DATABASE: database,
    FUNCTIONS_WORKER_RUNTIME: 'node',
    AzureWebJobsDisableHomepage: 'true',
    JWT_SECRET: secrets.jwt_secret,
    DATA_ENCRYPTION_KEY: secrets.data_encryption_key,
    BOOTSTRAP_ADMIN_USERNAME: 'admin',
    BOOTSTRAP_ADMIN_EMAIL: 'admin@example.org',
    BOOTSTRAP_ADMIN_PASSWORD: secrets.admin_password,
    EMAIL_FOLDER: mailbox,
    // This stack's front end appends the caller's address, as that of Azure does.
    TRUSTED_PROXY_HOPS: '1',
    CORS_ORIGINS: 'http://localhost:3000,http://localhost:5173',
  };
}

/** The `Values` of local.settings.json, which `func start` reads too. @throws StartError when the file is not right. */
export function readLocalSettings(path: string): Settings {
  if (!existsSync(path)) return {};
  const problem = new StartError(`${path} must be JSON of the form { "Values": { "NAME": "text" } }.`);
  let file: unknown;
  try {
    file = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    throw problem;
  }
  const values = typeof file === 'object' && file !== null && 'Values' in file ? file.Values : {};
  if (typeof values !== 'object' || values === null) throw problem;
  const settings: Settings = {};
  for (const [name, value] of Object.entries(values)) {
    if (typeof value !== 'string') throw problem;
    settings[name] = value;
  }
  return settings;
}

const isOnThisMachine = (connection: string) => /127\.0\.0\.1|localhost|UseDevelopmentStorage=true/i.test(connection);

/**
 * The settings of a run: the environment goes before local.settings.json, which goes before the local stack's values.
 * A connection to this machine is always the stack's own, because a file written for `func start` names another run's
 * ports; a connection to anywhere else is used, and `ownStandIns` leaves its stand-in out.
 */
export function mergeSettings(
  environment: Record<string, string | undefined>,
  file: Settings,
  stack: { connections: Settings; laptop: Settings },
): { settings: Settings; ownStandIns: string[] } {
  const given = new Map<string, string>();
  for (const [name, value] of [...Object.entries(file), ...Object.entries(environment)]) {
    if (value !== undefined && value !== '') given.set(name, value);
  }
  const ownStandIns: string[] = [];
  for (const [name, value] of Object.entries(stack.connections)) {
    const other = given.get(name);
    const isElsewhere =
      [...given.keys()].some((key) => key.startsWith(`${name}__`)) || (other !== undefined && !isOnThisMachine(other));
    if (isElsewhere) continue;
    given.set(name, value);
    ownStandIns.push(name);
  }
  return { settings: { ...stack.laptop, ...Object.fromEntries(given) }, ownStandIns };
}
