import { z } from 'zod';
import type { Run } from './run.ts';

/** Settings whose value is somebody's key, and the name of the secret that holds it. */
const vendorKeys: Readonly<Record<string, string>> = {
  ANTHROPIC_API_KEY: 'anthropic-api-key',
  OPENAI_API_KEY: 'openai-api-key',
  MICROSOFT_CLIENT_SECRET: 'microsoft-client-secret',
  GOOGLE_CLIENT_SECRET: 'google-client-secret',
  GITHUB_CLIENT_SECRET: 'github-client-secret',
};

/** Providers of sign-in, each an application with an id, which is no secret, and a secret. */
const signInProviders = ['MICROSOFT', 'GOOGLE', 'GITHUB'] as const;

/** Settings that are no secrets and differ from one installation to the next. */
const plainSettings = [...signInProviders.map((name) => `${name}_CLIENT_ID`), 'MICROSOFT_TENANT'];

/** Those that this shell brings, and those of the last deployment. */
export function extraSettings(env: Run['env'], before: unknown): Record<string, unknown> {
  const brought = plainSettings.flatMap((name) => (env[name]?.trim() ? [[name, env[name]?.trim()]] : []));
  return { ...(typeof before === 'object' ? before : {}), ...Object.fromEntries(brought) };
}

/** The provider of which this shell brings a secret without an id, or an id that no secret goes with: the apps would not start. */
export function halfProvider(run: Pick<Run, 'env' | 'secretNames' | 'extraSettings'>): string | undefined {
  const secrets = vendorSecrets(run);
  return signInProviders.find((name) => {
    const [id, secret] = [`${name}_CLIENT_ID`, `${name}_CLIENT_SECRET`];
    return id in run.extraSettings ? !(secret in secrets) : Boolean(run.env[secret]?.trim());
  });
}

/** The environment without secrets: no process but the one that stores them needs them. */
export function withoutKeys(env: Run['env']): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !(name in vendorKeys) && name !== 'SMOKE_PASSWORD'));
}

/** Keys that this shell brings, by the name of their secret. */
export function keysOfShell(env: Run['env']): Record<string, string> {
  const found = Object.entries(vendorKeys).map(([setting, secret]) => [secret, env[setting]?.trim() ?? ''] as const);
  return Object.fromEntries(found.filter(([, value]) => value !== ''));
}

/** Settings of the apps that refer to the vault: for the keys that are in it, and those that will be after this run. */
export function vendorSecrets(run: Pick<Run, 'env' | 'secretNames' | 'extraSettings'>): Record<string, string> {
  const present = new Set([...run.secretNames, ...Object.keys(keysOfShell(run.env))]);
  // A vault that is brought back may hold the secret of a provider that nobody asks for any more.
  const isAskedFor = (setting: string) =>
    !setting.endsWith('_CLIENT_SECRET') || setting.replace(/SECRET$/, 'ID') in run.extraSettings;
  const used = Object.entries(vendorKeys).filter(([setting, secret]) => present.has(secret) && isAskedFor(setting));
  return Object.fromEntries(used);
}

const Page = z.object({ value: z.array(z.object({ name: z.string() })), nextLink: z.string().nullish() });

/** Names through the control plane, which needs no role in the vault and no way into its network; it shows no values. */
export async function listSecrets(
  run: Pick<Run, 'az' | 'subscriptionId'>,
  group: string,
  vault: string,
): Promise<string[]> {
  const names: string[] = [];
  const base = `/subscriptions/${run.subscriptionId}/resourceGroups/${group}/providers/Microsoft.KeyVault/vaults/${vault}`;
  let next: string | null | undefined = `${base}/secrets?api-version=2024-11-01`;
  while (next) {
    const page: z.infer<typeof Page> = await run.az.rest(Page, 'get', next, undefined, { retries: 3 });
    names.push(...page.value.map(({ name }) => name.slice(name.lastIndexOf('/') + 1)));
    next = page.nextLink;
  }
  return names;
}
