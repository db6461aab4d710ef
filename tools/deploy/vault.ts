import { z } from 'zod';
import secretFile from '../../infra/secrets.json' with { type: 'json' };
import type { Run } from './run.ts';

const SecretTable = z.array(
  z.object({ setting: z.string(), name: z.string(), origin: z.enum(['key', 'password', 'brought']) }),
);

/** Every secret that there can be: the setting that refers to it, its name in the vault, and whether it is made here or brought. */
export const secretTable = SecretTable.parse(secretFile.secrets);
const broughtSecrets = secretTable.filter(({ origin }) => origin === 'brought');

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
export function halfProvider(run: Holdings): string | undefined {
  const held = settingsOfVault(run);
  return signInProviders.find((name) => {
    const [id, secret] = [`${name}_CLIENT_ID`, `${name}_CLIENT_SECRET`];
    return id in run.extraSettings ? !held.includes(secret) : Boolean(run.env[secret]?.trim());
  });
}

/** The environment without secrets: no process but the one that stores them needs them. */
export function withoutKeys(env: Run['env']): Record<string, string | undefined> {
  const hidden = new Set(['SMOKE_PASSWORD', ...broughtSecrets.map(({ setting }) => setting)]);
  return Object.fromEntries(Object.entries(env).filter(([name]) => !hidden.has(name)));
}

/** Keys that this shell brings, by the name of their secret. */
export function keysOfShell(env: Run['env']): Record<string, string> {
  const found = broughtSecrets.map(({ setting, name }) => [name, env[setting]?.trim() ?? ''] as const);
  return Object.fromEntries(found.filter(([, value]) => value !== ''));
}

type Holdings = Pick<Run, 'env' | 'secretNames' | 'extraSettings'>;

/** The secrets that the apps are to have: those in the vault, and those that will be in it after this run. */
function usedSecrets(run: Holdings) {
  const present = new Set([...run.secretNames, ...Object.keys(keysOfShell(run.env))]);
  // A vault that is brought back may hold the secret of a provider that nobody asks for any more.
  const isAskedFor = (setting: string) =>
    !setting.endsWith('_CLIENT_SECRET') || setting.replace(/SECRET$/, 'ID') in run.extraSettings;
  return broughtSecrets.filter(({ setting, name }) => present.has(name) && isAskedFor(setting));
}

/** What the parameter `secretNames` of main.bicep is to be. */
export const secretNamesFor = (run: Holdings): string[] => usedSecrets(run).map(({ name }) => name);

/** The settings that will refer to them. */
export const settingsOfVault = (run: Holdings): string[] => usedSecrets(run).map(({ setting }) => setting);

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
