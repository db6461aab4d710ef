import { once } from 'node:events';
import { type Clock, systemClock } from '../../shared/platform/clock.ts';
import { CosmosTrigger } from './cosmos-trigger.ts';
import { HttpFront, type LocalPages } from './http-front.ts';
import { catchProxyServer } from './http-streaming.ts';
import { Invoker } from './invoker.ts';
import { RouteTable } from './route-table.ts';
import { ServiceBusTrigger } from './service-bus-trigger.ts';
import { AppSettings, type HostConfig, readHostConfig } from './settings.ts';
import { TimerTrigger } from './timer-trigger.ts';
import type { Binding, FunctionMetadata, LogLevel, RegisteredFunction, WorkerState } from './worker-module.ts';
import { installWorkerModule, programmingModel } from './worker-module.ts';

export type { FunctionMetadata } from './worker-module.ts';

export interface HostOptions {
  /** 0 = any free port. */
  port: number;
  /** Imports the product's entry; called when the worker module is in place. */
  load: () => Promise<unknown>;
  /** The parsed host.json. */
  hostJson: unknown;
  /** The app settings that bindings name, such as connection strings. */
  settings: Record<string, string>;
  clock?: Clock;
  log?: (line: string) => void;
  /** After this time the front end cuts an HTTP call; 230 s on Azure. */
  answerLimitMs?: number;
  /** Pages of the local stack; they are asked before the functions. */
  localPages?: LocalPages;
}

export interface Host {
  readonly url: string;
  readonly port: number;
  readonly functions: readonly FunctionMetadata[];
  /** Takes nothing new, lets what runs end within `drainMs` (10 s unless told), and closes everything. */
  close(options?: { drainMs?: number }): Promise<void>;
}

interface Trigger {
  start(): void;
  /** Takes nothing new. */
  stop(): Promise<void> | void;
  /** Lets go of its connections once nothing runs any more. */
  close(): Promise<void>;
}

const namePattern = /^[A-Za-z][A-Za-z0-9_-]{0,126}$/;

/**
 * Starts the stand-in of the Functions host: one per process, because the library's register is global.
 * @throws Error that lists every function that the real host would not index.
 */
export async function startHost(options: HostOptions): Promise<Host> {
  const clock = options.clock ?? systemClock;
  const write = options.log ?? ((line: string) => console.log(line));
  const logSystem = (level: LogLevel, message: string, fields: Record<string, unknown> = {}) => {
    if (level === 'trace' || level === 'debug') return;
    write(JSON.stringify({ time: new Date(clock.now()).toISOString(), level, source: 'host', ...fields, message }));
  };
  const settings = new AppSettings(options.settings);
  const config = readHostConfig(options.hostJson, settings);
  const worker: WorkerState = {
    functions: [],
    hooks: new Map(),
    isStarting: true,
    log: (level, _category, message) => logSystem(level, message),
  };
  installWorkerModule(worker);
  await options.load();
  const proxy = await catchProxyServer(programmingModel());
  worker.isStarting = false;
  const invoker = new Invoker({
    worker,
    clock,
    functionTimeoutMs: config.functionTimeoutMs,
    // Only with this mode does the real host sample traces itself.
    sampledShare: config.isOpenTelemetry ? Number(settings.find('OTEL_TRACES_SAMPLER_ARG') ?? 1) : 0,
    logSystem,
    logUser: (_level, message) => write(message),
  });
  const app = indexFunctions({ worker, config, settings, invoker, clock, logSystem });
  await invoker.runAppHooks('appStart');

  const functions = worker.functions.map((one) => one.metadata);
  const front = new HttpFront({
    routes: app.routes,
    invoker,
    proxy,
    admin: {
      functions,
      runTimer(name) {
        const timer = app.timers.get(name);
        // A run never rejects, and the caller does not wait for its end.
        void timer?.run();
        return timer !== undefined;
      },
      routePrefix: config.routePrefix,
      upSinceMs: clock.now(),
      now: () => clock.now(),
    },
    maxRequestBodyBytes: config.maxRequestBodyBytes,
    answerLimitMs: options.answerLimitMs ?? 230_000,
    localPages: options.localPages,
    isHomepageDisabled: settings.find('AzureWebJobsDisableHomepage')?.toLowerCase() === 'true',
    log: logSystem,
  });
  front.server.listen(options.port, '127.0.0.1');
  await once(front.server, 'listening');
  const address = front.server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  const onRejection = (reason: unknown) => {
    const text = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
    logSystem('critical', `A promise was rejected and nobody handled it; on Azure the worker dies of it. ${text}`);
  };
  process.on('unhandledRejection', onRejection);
  for (const trigger of app.triggers) trigger.start();

  let closed: Promise<void> | undefined;
  const close = async (drainMs: number) => {
    const deadline = Date.now() + drainMs;
    front.stop();
    await Promise.all(app.triggers.map((trigger) => trigger.stop()));
    if (!(await invoker.drain(drainMs))) logSystem('warning', `Functions still ran after ${drainMs} ms.`);
    await Promise.all(app.triggers.map((trigger) => trigger.close()));
    await invoker.runAppHooks('appTerminate').catch((error: unknown) => logSystem('error', String(error)));
    await front.close(Math.max(0, deadline - Date.now()));
    process.off('unhandledRejection', onRejection);
  };
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    functions,
    close: ({ drainMs = 10_000 } = {}) => {
      closed ??= close(drainMs);
      return closed;
    },
  };
}

interface IndexOptions {
  readonly worker: WorkerState;
  readonly config: HostConfig;
  readonly settings: AppSettings;
  readonly invoker: Invoker;
  readonly clock: Clock;
  readonly logSystem: (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;
}

interface AppIndex {
  readonly routes: RouteTable;
  readonly triggers: Trigger[];
  readonly timers: Map<string, TimerTrigger>;
  readonly leaseKeys: Set<string>;
}

function indexFunctions(options: IndexOptions): AppIndex {
  const index: AppIndex = { routes: new RouteTable(), triggers: [], timers: new Map(), leaseKeys: new Set() };
  const problems: string[] = [];
  const names = new Set<string>();
  for (const fn of options.worker.functions) {
    const { name } = fn.metadata;
    try {
      if (!namePattern.test(name)) throw new Error('the name has characters or a length that Azure refuses');
      if (names.has(name.toLowerCase())) throw new Error('another function has this name, but for the case of letters');
      names.add(name.toLowerCase());
      indexFunction(fn, options, index);
    } catch (error) {
      problems.push(`function "${name}": ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  if (problems.length > 0) throw new Error(`The host refuses these functions:\n${problems.join('\n')}`);
  return index;
}

function indexFunction(fn: RegisteredFunction, options: IndexOptions, index: AppIndex): void {
  const { settings, invoker, clock, config, logSystem } = options;
  const bindings = Object.entries(fn.metadata.bindings);
  const trigger = bindings.find(([, binding]) => binding.type.toLowerCase().endsWith('trigger'));
  const other = bindings.find((one) => one !== trigger && one[1].type !== 'http');
  if (!trigger) throw new Error('it has no trigger');
  if (other) throw new Error(`the binding type "${other[1].type}" is not supported here`);
  const [triggerName, binding] = trigger;
  const shared = { fn, triggerName, binding, invoker, settings, logSystem };
  switch (binding.type) {
    case 'httpTrigger':
      addRoute(fn, binding, config.routePrefix, index.routes);
      return;
    case 'timerTrigger': {
      const schedule = settings.resolve(textOf(binding, 'schedule'));
      const timer = new TimerTrigger({ ...shared, clock, schedule });
      index.timers.set(fn.metadata.name, timer);
      index.triggers.push(timer);
      return;
    }
    case 'serviceBusTrigger':
      index.triggers.push(new ServiceBusTrigger({ ...shared, ...config.serviceBus }));
      return;
    case 'cosmosDBTrigger': {
      const feed = new CosmosTrigger(shared);
      if (index.leaseKeys.has(feed.leaseKey))
        throw new Error('another function has its lease; set a leaseContainerPrefix');
      index.leaseKeys.add(feed.leaseKey);
      index.triggers.push(feed);
      return;
    }
    default:
      throw new Error(`the trigger type "${binding.type}" is not supported here`);
  }
}

function addRoute(fn: RegisteredFunction, binding: Binding, prefix: string, routes: RouteTable): void {
  const route = String(binding['route'] || fn.metadata.name);
  const full = `${prefix}/${route.replace(/^\/+/, '')}`.replace(/^\/+/, '');
  // The real host compares the beginning of the text, so "administration" is refused, too.
  const isReserved = [route.replace(/^\/+/, ''), full].some((text) => /^(?:admin|runtime)/i.test(text));
  if (isReserved) throw new Error('its route begins with "admin" or "runtime", which belong to the host');
  const methods: unknown = binding['methods'];
  if (!Array.isArray(methods) || methods.length === 0) throw new Error('it names no HTTP method');
  routes.add(full, methods.map(String), fn);
}

function textOf(binding: Binding, name: string): string {
  const value = binding[name];
  if (typeof value !== 'string' || value === '') throw new Error(`its binding lacks "${name}"`);
  return value;
}
