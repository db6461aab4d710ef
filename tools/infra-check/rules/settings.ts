import { z } from 'zod';
import { ConfigError, loadConfig, settingsSchema } from '../../../shared/platform/config.ts';
import { type AppSettings, appSettings, textOf } from '../app-settings.ts';
import { Computed } from '../evaluate.ts';
import { type Place, place, type Rule, resources, type Templates } from '../templates.ts';
import { allProperties, at } from '../value.ts';

/** Settings that the code does not read, each with who does. */
const hostSettings: readonly [RegExp, string][] = [
  [/^AzureWebJobsDisableHomepage$/, 'the host: `GET /` belongs to the code'],
  [/^AzureWebJobsStorage__credential$/, 'the host, for its locks and timers'],
  [/^(CosmosConnection|ServiceBusConnection)__credential$/, 'the triggers'],
  [/^APPLICATIONINSIGHTS_(CONNECTION|AUTHENTICATION)_STRING$/, 'the host, for telemetry'],
  [/^OTEL_(SERVICE_NAME|TRACES_SAMPLER|TRACES_SAMPLER_ARG|EXPORTER_OTLP_(ENDPOINT|PROTOCOL))$/, 'OpenTelemetry'],
];

/** What Flex Consumption refuses, ignores or is harmed by. */
const forbidden: readonly [RegExp, string][] = [
  [/^FUNCTIONS_(WORKER_RUNTIME|EXTENSION_VERSION)$/, 'functionAppConfig says it'],
  [/^WEBSITE_RUN_FROM_PACKAGE$/, 'the package lies in the container of the deployment'],
  [/^WEBSITE_CONTENT/, 'Flex Consumption has no file share'],
  [/^(WEBSITE_TIME_ZONE|TZ)$/, 'Flex Consumption does not know it'],
  [/^languageWorkers__node__arguments$/, 'it throws the process away that is kept warm for a start'],
  [/^FUNCTIONS_WORKER_PROCESS_COUNT$/, 'it multiplies memory and connections'],
  [/^WEBSITE_SKU$/, 'Azure sets it'],
];

const secret =
  /^(JWT_SECRET|JWT_KEYS|DATA_ENCRYPTION_KEY|BOOTSTRAP_ADMIN_PASSWORD|.*_API_KEY|.*_SECRET|.*_PRIVATE_KEY)$/;
const endpoint = /^(.+)__(accountEndpoint|fullyQualifiedNamespace|blobServiceUri|queueServiceUri|tableServiceUri)$/;
const anyPart = /^(.+)__(credential|clientId)$/;

/** Values that stand in for what only a deployment knows; the first one that a setting takes is used. */
const samples = [
  'https://example.org',
  'x'.repeat(64),
  'lyceum@example.org',
  '1',
  'true',
  'InstrumentationKey=sample;IngestionEndpoint=https://example.org/',
  'ClientId=sample;Authorization=AAD',
  JSON.stringify([{ kid: 'sample', secret: 'x'.repeat(64) }]),
];

function sampleFor(name: string): string {
  const schema = (settingsSchema.shape as Record<string, { safeParse(value: string): { success: boolean } }>)[name];
  return samples.find((sample) => schema?.safeParse(sample).success) ?? 'x';
}

/** What the code says about the settings of an app when it starts. */
function problemsAtStart({ settings }: AppSettings): string[] {
  const environment = Object.entries(settings).map(([name, value]) => {
    const isKnown = !(value instanceof Computed) && !textOf(value).startsWith('@Microsoft.KeyVault');
    return [name, isKnown ? textOf(value) : sampleFor(name)];
  });
  try {
    loadConfig(Object.fromEntries(environment));
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.replace(/^\s*-\s*/, ''));
  }
}

function* checkConnections(app: AppSettings): Iterable<Place> {
  const names = Object.keys(app.settings);
  const prefixes = (pattern: RegExp) => new Set(names.flatMap((name) => pattern.exec(name)?.[1] ?? []));
  const withEndpoint = prefixes(endpoint);
  for (const connection of withEndpoint) {
    if (app.settings[`${connection}__credential`] !== 'managedidentity')
      yield app.at(`${connection}__credential is not managedidentity`);
    if (!names.includes(`${connection}__clientId`)) yield app.at(`${connection}__clientId is missing`);
  }
  for (const connection of prefixes(anyPart))
    if (!withEndpoint.has(connection)) yield app.at(`${connection} has no address`);
}

const isKept = (value: unknown) => /@Microsoft\.KeyVault\(/.test(textOf(value));

const secretsPath = 'infra/secrets.json';
const SecretTable = z.object({ secrets: z.array(z.object({ setting: z.string(), readers: z.array(z.string()) })) });

/** The table of secrets beside the settings of the code, and what the apps refer to beside the table. */
function* checkSecretTable(templates: Templates): Iterable<Place> {
  const { secrets } = SecretTable.parse(templates.json[secretsPath]);
  const listed = new Set(secrets.map(({ setting }) => setting));
  const inTable = (text: string): Place => ({ path: secretsPath, line: 1, text });
  for (const name of Object.keys(settingsSchema.shape))
    if (secret.test(name) && !listed.has(name)) yield inTable(`${name} is not listed`);
  for (const name of listed) if (!(name in settingsSchema.shape)) yield inTable(`nobody reads ${name}`);
  for (const app of appSettings(templates).known)
    for (const [name, value] of Object.entries(app.settings))
      if (isKept(value) && !secrets.some(({ setting, readers }) => setting === name && readers.includes(app.app)))
        yield app.at(`refers to ${name}, which ${secretsPath} does not let it read`);
}

export const settingsRules: Rule[] = [
  {
    id: 'settings-can-be-read',
    why: 'The rules about settings hold for what can be worked out; what cannot is not checked by anybody.',
    *check(templates) {
      const { known, unknown } = appSettings(templates);
      yield* unknown;
      const sites = resources(templates, 'Microsoft.Web/sites');
      for (const { file, resource } of known.length === 0 ? sites : [])
        yield place(file, resource.line, `${resource.name} gets no settings that can be read`);
    },
  },
  {
    id: 'whole-connections',
    why: 'A connection without a key is an address, the kind of credential and the identity; without one of them nobody is let in.',
    *check(templates) {
      for (const app of appSettings(templates).known) yield* checkConnections(app);
    },
  },
  {
    id: 'code-starts',
    why: 'The code refuses to start with settings that are missing or contradict each other, and says so only when it is deployed.',
    *check(templates) {
      for (const app of appSettings(templates).known) for (const problem of problemsAtStart(app)) yield app.at(problem);
    },
  },
  {
    id: 'settings-are-read',
    why: 'A setting that nobody reads is a misspelt one, or one that will mislead.',
    *check(templates) {
      for (const app of appSettings(templates).known)
        for (const name of Object.keys(app.settings))
          if (!(name in settingsSchema.shape) && !hostSettings.some(([pattern]) => pattern.test(name)))
            yield app.at(`nobody reads ${name}`);
    },
  },
  {
    id: 'no-foreign-settings',
    why: 'Settings of other plans stop Flex Consumption from starting, or slow it down.',
    *check(templates) {
      for (const { file, resource } of resources(templates))
        for (const { name, line } of allProperties(resource.body))
          for (const [pattern, why] of forbidden)
            if (pattern.test(name)) yield place(file, line, `${name} is set: ${why}`);
      for (const app of appSettings(templates).known)
        for (const name of Object.keys(app.settings))
          for (const [pattern, why] of forbidden) if (pattern.test(name)) yield app.at(`${name} is set: ${why}`);
    },
  },
  {
    id: 'secrets-are-kept',
    why: 'A secret in a setting is read by everybody who sees the app; in the vault reading it is a role, and is logged.',
    *check(templates) {
      for (const app of appSettings(templates).known)
        for (const [name, value] of Object.entries(app.settings))
          if (secret.test(name) && !isKept(value)) yield app.at(`${name} is not a reference to the Key Vault`);
      const hasReferences = appSettings(templates).known.some((app) => Object.values(app.settings).some(isKept));
      for (const { file, resource } of hasReferences ? resources(templates, 'Microsoft.Web/sites') : [])
        if (!at(resource.body, 'properties.keyVaultReferenceIdentity'))
          yield place(file, resource.line, `${resource.name} has no keyVaultReferenceIdentity`);
    },
  },
  {
    id: 'secrets-are-listed',
    why: 'An app reads the secrets that the table gives it, one by one; a reference to another stays unresolved, and the app does not start.',
    check: checkSecretTable,
  },
];
