import { z } from 'zod';
import { identitySettings, rolePattern } from './identity-settings.ts';
import { parts } from './parts.ts';
import { flag, list, number, optional } from './setting-kinds.ts';
import { signInProblems } from './sign-in-settings.ts';
import { type SigningKey, secretKey } from './signing-keys.ts';
import { telemetrySettings } from './telemetry-settings.ts';

const price = z.object({
  input: z.number().int().nonnegative(),
  cached_input: z.number().int().nonnegative(),
  cache_write: z.number().int().nonnegative().optional(),
  output: z.number().int().nonnegative(),
});

const defaultPrices = JSON.stringify({
  'claude-sonnet-5-5': { input: 2_000_000, cached_input: 200_000, cache_write: 2_500_000, output: 10_000_000 },
  'gpt-5-mini': { input: 250_000, cached_input: 25_000, output: 2_000_000 },
});

const prices = z
  .string()
  .default(defaultPrices)
  .transform((text, context) => {
    try {
      return z.record(z.string(), price).parse(JSON.parse(text));
    } catch {
      context.addIssue({
        code: 'custom',
        message: 'must be JSON: {"<model>": {"input", "cached_input", "output"}} in micro-USD per million tokens',
      });
      return z.NEVER;
    }
  });

/** Every setting that Lyceum reads, by the name of its environment variable. */
export const settingsSchema = z.object({
  LYCEUM_ENVIRONMENT: z
    .enum(['local', 'production'])
    .default('production')
    .describe('`local` on a laptop: the simulator may grade and the stack supplies the secrets.'),
  LYCEUM_PART: z
    .enum(parts)
    .default('all')
    .describe(
      'Which functions this app has: `api` (HTTP, timers, change feeds), `worker` (queues) or `all`, as on a laptop. Two apps of one package keep slow model calls from starving HTTP.',
    ),
  COSMOS_DATABASE: z.string().min(1).default('lyceum').describe('Cosmos DB database; the triggers read it too.'),
  CosmosConnection: optional.describe('`AccountEndpoint=...;AccountKey=...`, for the local stack and the emulator.'),
  CosmosConnection__accountEndpoint: z.url().optional().describe('Cosmos DB account, with managed identity.'),
  CosmosConnection__clientId: optional.describe('Client id of the user-assigned identity for Cosmos DB.'),
  ServiceBusConnection: optional.describe('Service Bus connection string, for the local stack and the emulator.'),
  ServiceBusConnection__fullyQualifiedNamespace: optional.describe('Service Bus namespace, with managed identity.'),
  ServiceBusConnection__clientId: optional.describe('Client id of the user-assigned identity for Service Bus.'),
  AzureWebJobsStorage: optional.describe('Storage connection string, for Azurite.'),
  AzureWebJobsStorage__blobServiceUri: z.url().optional().describe('Blob service address, with managed identity.'),
  AzureWebJobsStorage__clientId: optional.describe('Client id of the user-assigned identity for Blob Storage.'),
  ...identitySettings,
  AUDIT_RETENTION_DAYS: z.coerce
    .number()
    .int()
    .min(0)
    .max(3650)
    .default(730)
    .describe('Days for which the audit trail is kept; 0 keeps it for ever.'),
  BCRYPT_THREADS: z.coerce
    .number()
    .int()
    .min(1)
    .max(16)
    .default(2)
    .describe('Worker threads that hash passwords, per instance.'),
  BOOTSTRAP_ADMIN_USERNAME: optional.describe('The first administrator; made when the account does not exist.'),
  BOOTSTRAP_ADMIN_EMAIL: z.email().optional().describe('E-mail address of the first administrator.'),
  BOOTSTRAP_ADMIN_PASSWORD: z
    .string()
    .min(8)
    .max(256)
    .optional()
    .describe('Password of the first administrator, used once.'),
  CORS_ORIGINS: list.describe('Origins that may call from a browser, separated by commas.'),
  TRUSTED_PROXY_HOPS: z.coerce
    .number()
    .int()
    .min(0)
    .max(3)
    .optional()
    .describe(
      'Proxies of your own before the application that append the caller to `X-Forwarded-For`: 1 is the front end of Azure or of the local stack, 2 with a gateway before it, 0 believes no header. Default: 1 in Azure, else 0.',
    ),
  WEBSITE_SKU: optional.describe('Set by Azure, and by it alone: the plan that the application runs on.'),
  RATE_LIMIT_SCALE: z.coerce.number().positive().default(1).describe('Multiplies every built-in rate limit.'),
  ...telemetrySettings,
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('Least level that is logged.'),
  LLM_PROVIDERS: list.describe(
    'Order of the model providers: `anthropic`, `openai`, `simulator`. Default: those that have a key, else the simulator where it is allowed.',
  ),
  LLM_ALLOW_SIMULATOR: flag.describe('`true` lets the simulator grade in production; its outcomes say so.'),
  ANTHROPIC_API_KEY: optional.describe('Key of the Anthropic API.'),
  ANTHROPIC_BASE_URL: z.url().optional().describe('Another address for the Anthropic API.'),
  OPENAI_API_KEY: optional.describe('Key of an OpenAI-compatible API.'),
  OPENAI_BASE_URL: z.url().optional().describe('Another address for the OpenAI-compatible API.'),
  LLM_GRADING_ANTHROPIC_MODEL: z
    .string()
    .min(1)
    .default('claude-sonnet-5-5')
    .describe('Model that grades at Anthropic.'),
  LLM_GRADING_OPENAI_MODEL: z
    .string()
    .min(1)
    .default('gpt-5-mini')
    .describe('Model that grades at the OpenAI-compatible API.'),
  LLM_PRICES: prices.describe('Prices per model as JSON, in micro-USD per million tokens.'),
  LLM_TIMEOUT_S: z.coerce.number().min(1).max(540).default(120).describe('Seconds that one call to a model may take.'),
  LLM_MAX_CONCURRENT: z.coerce
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(16)
    .describe('Calls to one provider at the same time, per instance.'),
  LLM_BUDGET_USER_DAY_MICRO_USD: number(0).describe('What one student may cost per day, per instance; 0 = no limit.'),
  LLM_BUDGET_DAY_MICRO_USD: number(0).describe('What all calls may cost per day, per instance; 0 = no limit.'),
  GRADING_RETRY_BASE_S: z.coerce
    .number()
    .min(1)
    .max(3600)
    .default(15)
    .describe('Seconds before the first retry after a transient failure; doubles with each.'),
  GRADING_RETRY_CAP_S: z.coerce
    .number()
    .min(1)
    .max(86_400)
    .default(1800)
    .describe('Longest delay between two tries, in seconds.'),
  GRADING_MAX_AGE_HOURS: z.coerce
    .number()
    .positive()
    .max(720)
    .default(24)
    .describe('Hours after which a submission that cannot be graded needs attention.'),
});

export type Config = z.output<typeof settingsSchema>;

/** The keys for access tokens, the one that signs first. */
export function accessTokenKeys(config: Pick<Config, 'JWT_SECRET' | 'JWT_KEYS'>): SigningKey[] {
  const single = config.JWT_SECRET === undefined ? [] : [secretKey(config.JWT_SECRET)];
  return [...(config.JWT_KEYS ?? []), ...single];
}

/** Says everything that is wrong with the settings at once; values are never repeated, because some are secrets. */
export class ConfigError extends Error {
  constructor(problems: readonly string[]) {
    super(`Lyceum cannot start with these settings:\n${problems.map((p) => `  - ${p}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/** Written as browsers write it, so that it can be compared; `null`, which any sandboxed page may say, is none. */
function isOrigin(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

function problemsBetween(config: Config): string[] {
  const problems: string[] = [];
  const oneOf = (what: string, a: keyof Config, b: keyof Config) => {
    if (config[a] === undefined && config[b] === undefined) problems.push(`${a} or ${b}: ${what} is required`);
  };
  // Nobody signs in at an app that has queues alone, so it is not trusted with what lets people in.
  const servesPeople = config.LYCEUM_PART !== 'worker';
  if (servesPeople && config.JWT_SECRET === undefined && config.JWT_KEYS === undefined) {
    problems.push('JWT_SECRET or JWT_KEYS: is required, for example 32 bytes or more from `openssl rand -base64 48`');
  }
  oneOf('Cosmos DB', 'CosmosConnection', 'CosmosConnection__accountEndpoint');
  oneOf('Service Bus', 'ServiceBusConnection', 'ServiceBusConnection__fullyQualifiedNamespace');
  oneOf('Blob Storage', 'AzureWebJobsStorage', 'AzureWebJobsStorage__blobServiceUri');
  if (config.CosmosConnection !== undefined && !/AccountEndpoint=[^;]+;\s*AccountKey=/i.test(config.CosmosConnection)) {
    problems.push('CosmosConnection: must look like AccountEndpoint=...;AccountKey=...');
  }
  if (config.BOOTSTRAP_ADMIN_USERNAME !== undefined && config.BOOTSTRAP_ADMIN_PASSWORD === undefined) {
    problems.push('BOOTSTRAP_ADMIN_PASSWORD: is required with BOOTSTRAP_ADMIN_USERNAME');
  }
  if (config.EMAIL_FOLDER !== undefined && config.LYCEUM_ENVIRONMENT !== 'local')
    problems.push('EMAIL_FOLDER: is for the local stack; e-mails let people into accounts and do not belong on a disk');
  if (config.CORS_ORIGINS.some((origin) => origin.includes('*')))
    problems.push('CORS_ORIGINS: name the origins; * would let every site call with credentials');
  else if (!config.CORS_ORIGINS.every(isOrigin))
    problems.push('CORS_ORIGINS: an origin is https://host or https://host:port, in lower case and without a path');
  if (config.MFA_REQUIRED_ROLES.some((name) => !rolePattern.test(name)))
    problems.push(
      'MFA_REQUIRED_ROLES: must be names of roles: 2 to 40 letters, digits and underscores, a letter first',
    );
  const appHost = new URL(config.APP_URL).hostname;
  if (config.PASSKEY_RP_ID !== undefined && !`.${appHost}`.endsWith(`.${config.PASSKEY_RP_ID}`))
    problems.push('PASSKEY_RP_ID: must be the host of APP_URL or a domain above it; browsers refuse any other');
  if (config.GRADING_RETRY_CAP_S < config.GRADING_RETRY_BASE_S)
    problems.push('GRADING_RETRY_CAP_S: must not be below GRADING_RETRY_BASE_S');
  return [...problems, ...(servesPeople ? signInProblems(config) : []), ...providerProblems(config)];
}

function providerProblems(config: Config): string[] {
  const problems: string[] = [];
  const keys: Record<string, string | undefined> = {
    anthropic: config.ANTHROPIC_API_KEY,
    openai: config.OPENAI_API_KEY,
  };
  for (const provider of config.LLM_PROVIDERS) {
    if (provider !== 'simulator' && !(provider in keys))
      problems.push('LLM_PROVIDERS: knows anthropic, openai and simulator');
    else if (provider !== 'simulator' && keys[provider] === undefined)
      problems.push(`LLM_PROVIDERS: ${provider} needs ${provider.toUpperCase()}_API_KEY`);
    else if (provider === 'simulator' && !mayUseSimulator(config))
      problems.push('LLM_PROVIDERS: the simulator needs LLM_ALLOW_SIMULATOR=true in production');
  }
  if (llmProviders(config).length === 0) {
    problems.push(
      'ANTHROPIC_API_KEY or OPENAI_API_KEY: without a model, LLM_ALLOW_SIMULATOR=true must say that the simulator may grade',
    );
  }
  return problems;
}

function mayUseSimulator(config: Config): boolean {
  return config.LYCEUM_ENVIRONMENT === 'local' || config.LLM_ALLOW_SIMULATOR;
}

/** Only where Azure says that it runs the application does its front end stand before it. */
export function trustedProxyHops(config: Config): number {
  return config.TRUSTED_PROXY_HOPS ?? (config.WEBSITE_SKU === undefined ? 0 : 1);
}

export type ProviderName = 'anthropic' | 'openai' | 'simulator';

/** The providers in the order in which they are asked. */
export function llmProviders(config: Config): ProviderName[] {
  const known: readonly ProviderName[] = ['anthropic', 'openai', 'simulator'];
  if (config.LLM_PROVIDERS.length > 0) return config.LLM_PROVIDERS.flatMap((name) => known.filter((k) => k === name));
  const withKey: ProviderName[] = [];
  if (config.ANTHROPIC_API_KEY !== undefined) withKey.push('anthropic');
  if (config.OPENAI_API_KEY !== undefined) withKey.push('openai');
  return withKey.length > 0 || !mayUseSimulator(config) ? withKey : ['simulator'];
}

/** What is wrong between the settings that are right by themselves, so that all is told at once. */
function problemsAmongOthers(given: Record<string, unknown>, error: z.ZodError): string[] {
  const wrong = error.issues.map((issue) => String(issue.path[0]));
  const others = Object.fromEntries(Object.entries(given).filter(([name]) => !wrong.includes(name)));
  // This secret is the only setting without which the others cannot be read; nobody keeps the one that stands in for it.
  const readable = settingsSchema.safeParse({ DATA_ENCRYPTION_KEY: '-'.repeat(32), ...others });
  const problems = readable.success ? problemsBetween(readable.data) : [];
  return problems.filter((problem) => !wrong.some((name) => problem.includes(name)));
}

/** What Functions hands over in place of a secret that it could not read: long enough to pass for one, and known to all. */
const unresolvedReference = /^@Microsoft\.KeyVault\(/i;

/** Parses the settings once; throws a `ConfigError` that lists everything that is wrong. Empty values count as absent. */
export function loadConfig(environment: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const unresolved = Object.keys(given).filter((name) => unresolvedReference.test(given[name] ?? ''));
  if (unresolved.length > 0) {
    throw new ConfigError(
      unresolved.map(
        (name) =>
          `${name}: its reference to Key Vault was not resolved; does the secret exist, and may this identity read it?`,
      ),
    );
  }
  const result = settingsSchema.safeParse(given);
  if (!result.success) {
    const single = result.error.issues.map((i) => `${i.path.join('.')}: ${i.message}`);
    throw new ConfigError([...single, ...problemsAmongOthers(given, result.error)]);
  }
  const problems = problemsBetween(result.data);
  if (problems.length > 0) throw new ConfigError(problems);
  return result.data;
}

/** The settings of this process: the only place that reads the environment. */
export function loadProcessConfig(): Config {
  return loadConfig(process.env);
}

/** Sets a switch that a library reads from the environment and takes in no other way. */
export function switchForLibraries(name: string): void {
  process.env[name] = 'true';
}
