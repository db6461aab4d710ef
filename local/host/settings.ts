/** What host.json and the app settings mean, with the real host's defaults for what they leave out. */
export interface HostConfig {
  readonly routePrefix: string;
  readonly maxRequestBodyBytes: number;
  /** undefined = no limit. */
  readonly functionTimeoutMs: number | undefined;
  readonly isOpenTelemetry: boolean;
  readonly serviceBus: {
    readonly maxConcurrentCalls: number;
    readonly maxAutoLockRenewalMs: number;
    readonly autoCompleteMessages: boolean;
  };
}

function member(value: unknown, ...path: string[]): unknown {
  let at = value;
  for (const key of path) at = typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined;
  return at;
}

/** @throws Error that names the setting. */
function numberAt(hostJson: unknown, fallback: number, ...path: string[]): number {
  const value = member(hostJson, ...path) ?? fallback;
  if (typeof value !== 'number' || !(value >= 0))
    throw new Error(`host.json: ${path.join('.')} must be a number >= 0.`);
  return value;
}

/** "[d.]hh:mm:ss[.fff]" as .NET writes a TimeSpan. @throws Error that names the setting. */
function timeSpanMs(text: unknown, name: string): number {
  const match = typeof text === 'string' && /^(?:(\d+)\.)?(\d{1,2}):([0-5]?\d):([0-5]?\d(?:\.\d+)?)$/.exec(text);
  if (!match) throw new Error(`host.json: ${name} must be written as hh:mm:ss.`);
  const [, days = '0', hours = '0', minutes = '0', seconds = '0'] = match;
  return (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
}

const overridePrefix = 'azurefunctionsjobhost__';

/**
 * host.json with the app settings `AzureFunctionsJobHost__a__b` in place of its member `a.b`, as the real host reads them:
 * without regard to case, and with text for numbers.
 */
function withOverrides(hostJson: unknown, settings: AppSettings): unknown {
  const merged: unknown = structuredClone(hostJson ?? {});
  for (const [name, text] of settings.entries()) {
    if (!name.toLowerCase().startsWith(overridePrefix)) continue;
    const path = name.slice(overridePrefix.length).split('__');
    const last = path.pop() ?? '';
    let at: unknown = merged;
    for (const part of path) at = memberOrNew(at, part);
    if (typeof at !== 'object' || at === null) throw new Error(`The setting ${name} names no member of host.json.`);
    Reflect.set(at, keyIn(at, last), plainValue(text));
  }
  return merged;
}

/** The key as host.json writes it, else as it was asked for. */
function keyIn(object: object, key: string): string {
  return Object.keys(object).find((one) => one.toLowerCase() === key.toLowerCase()) ?? key;
}

function memberOrNew(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  const name = keyIn(value, key);
  if (!Object.hasOwn(value, name)) Reflect.set(value, name, {});
  return Reflect.get(value, name);
}

function plainValue(text: string): string | number | boolean {
  if (/^(?:true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  return /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text;
}

export function readHostConfig(hostFile: unknown, settings: AppSettings): HostConfig {
  const hostJson = withOverrides(hostFile, settings);
  const bus = ['extensions', 'serviceBus'];
  const timeout = member(hostJson, 'functionTimeout') ?? '00:30:00';
  const prefix = member(hostJson, 'extensions', 'http', 'routePrefix') ?? 'api';
  if (typeof prefix !== 'string') throw new Error('host.json: extensions.http.routePrefix must be text.');
  const prefetch = numberAt(hostJson, 0, ...bus, 'prefetchCount');
  if (prefetch > 0) throw new Error('host.json: extensions.serviceBus.prefetchCount above 0 is not supported here.');
  return {
    routePrefix: prefix.replace(/^\/+|\/+$/g, ''),
    maxRequestBodyBytes: Number(
      settings.find('FUNCTIONS_REQUEST_BODY_SIZE_LIMIT') ??
        numberAt(hostJson, 210_000_000, 'extensions', 'http', 'maxRequestBodySize'),
    ),
    functionTimeoutMs: timeout === '-1' || timeout === -1 ? undefined : timeSpanMs(timeout, 'functionTimeout'),
    isOpenTelemetry: String(member(hostJson, 'telemetryMode')).toLowerCase() === 'opentelemetry',
    serviceBus: {
      maxConcurrentCalls: numberAt(hostJson, 16, ...bus, 'maxConcurrentCalls'),
      maxAutoLockRenewalMs: timeSpanMs(
        member(hostJson, ...bus, 'maxAutoLockRenewalDuration') ?? '00:05:00',
        'extensions.serviceBus.maxAutoLockRenewalDuration',
      ),
      autoCompleteMessages: member(hostJson, ...bus, 'autoCompleteMessages') !== false,
    },
  };
}

/** Values of bindings with `%SETTING%` replaced, and connection strings by the name of their setting. */
export class AppSettings {
  readonly #settings: Record<string, string>;

  constructor(settings: Record<string, string>) {
    this.#settings = settings;
  }

  entries(): [string, string][] {
    return Object.entries(this.#settings);
  }

  /** The real host takes settings' names without regard to case. */
  find(name: string): string | undefined {
    const key = Object.keys(this.#settings).find((one) => one.toLowerCase() === name.toLowerCase());
    return key === undefined ? undefined : this.#settings[key];
  }

  /** @throws Error when a setting is missing. */
  resolve(text: string): string {
    return text.replace(/%([^%]+)%/g, (_, name: string) => {
      const value = this.find(name);
      if (value === undefined) throw new Error(`the setting "${name}" is missing`);
      return value;
    });
  }

  /** @throws Error when there is none under the name. */
  connection(name: string): string {
    const value = this.find(name) ?? this.find(`AzureWebJobs${name}`);
    if (value) return value;
    throw new Error(
      `the connection setting "${name}" is missing (a connection string is wanted, identities are not supported here)`,
    );
  }
}
