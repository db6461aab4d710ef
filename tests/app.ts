import { app } from '@azure/functions';
import { functionsOf } from '../functions/index.ts';
import hostJson from '../host.json' with { type: 'json' };
import containers from '../infra/containers.json' with { type: 'json' };
import queues from '../infra/queues.json' with { type: 'json' };
import { startCosmos } from '../local/cosmos/server.ts';
import { startHost } from '../local/host/start-host.ts';
import { startServiceBus } from '../local/service-bus/server.ts';
import { loadConfig } from '../shared/platform/config.ts';
import { mount } from '../shared/platform/mount.ts';
import { createRuntime, type RuntimeOverrides } from '../shared/services.ts';
import { freePortBase } from './free-ports.ts';
import { startGitHubStub } from './http/github-stub.ts';

export const admin = { username: 'root-admin', password: 'a long enough password' };

export interface AppOptions {
  /** Settings over those of the test stack. */
  settings?: Record<string, string>;
  overrides?: RuntimeOverrides;
  /** Merged over the Service Bus section of host.json. */
  serviceBus?: Record<string, unknown>;
}

/** What a log line of a request or a job says. */
export interface LogLine {
  event: string;
  operation?: string;
  status?: number;
  cosmos_calls?: number;
  request_units?: number;
  [field: string]: unknown;
}

/**
 * The real functions on the local stack, all in this process: own databases, own queues, free ports. Only time, chance
 * and paid vendors are ever replaced.
 */
export async function startApp(options: AppOptions = {}) {
  const cosmos = await startCosmos({ port: 0, dataDir: ':memory:', definition: containers });
  // Some tests close it and start it again.
  const serviceBus = await startServiceBus({ port: await freePortBase(), dataDir: ':memory:', queues: queues.queues });
  const github = await startGitHubStub();
  const settings: Record<string, string> = {
    LYCEUM_ENVIRONMENT: 'local',
    COSMOS_DATABASE: containers.database,
    CosmosConnection: `AccountEndpoint=${cosmos.endpoint};AccountKey=${cosmos.key};`,
    ServiceBusConnection: serviceBus.connectionString,
    AzureWebJobsStorage: 'UseDevelopmentStorage=true',
    AzureWebJobsDisableHomepage: 'true',
    JWT_SECRET: 'only for tests: thirty-two bytes or more of text',
    DATA_ENCRYPTION_KEY: 'also only for tests: thirty-two bytes or more',
    // What another request has changed in the database counts at once.
    AUTH_CACHE_S: '0',
    BOOTSTRAP_ADMIN_USERNAME: admin.username,
    BOOTSTRAP_ADMIN_PASSWORD: admin.password,
    // The host appends the caller's address, as the front end of Azure does.
    TRUSTED_PROXY_HOPS: '1',
    RATE_LIMIT_SCALE: '1000',
    ...github.settings,
    // Every way to an account can be tried.
    REGISTRATION_POLICY: 'open',
    ...options.settings,
  };
  const log: string[] = [];
  const config = loadConfig(settings);
  const runtime = createRuntime(config, {
    writeLog: (line) => log.push(line),
    // Cost 12 is measured in the bench; a test of anything else need not wait for it.
    bcryptCost: 4,
    strictErrors: true,
    redeliveryBaseMs: 1,
    ...options.overrides,
  });
  const { extensions } = hostJson;
  const host = await startHost({
    port: 0,
    hostJson: {
      ...hostJson,
      extensions: { ...extensions, serviceBus: { ...extensions.serviceBus, ...options.serviceBus } },
    },
    settings,
    log: (line) => log.push(line),
    load: async () => mount(app, functionsOf(config.LYCEUM_PART), () => runtime),
  });
  return {
    url: host.url,
    runtime,
    cosmos,
    serviceBus,
    github,
    host,
    settings,
    log,
    lines: (): LogLine[] => log.flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as LogLine] : [])),
    async close() {
      await host.close({ drainMs: 2000 });
      await runtime.close();
      await serviceBus.close();
      await cosmos.close();
      await github.close();
    },
  };
}

export type TestApp = Awaited<ReturnType<typeof startApp>>;
