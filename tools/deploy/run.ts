import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Az } from './az.ts';
import type { Template } from './bicep.ts';
import { DeployError, Interrupted } from './failure.ts';
import type { DeployOptions } from './options.ts';
import type { Screen } from './screen.ts';

/** How long to wait between two looks, and how long altogether. Tests wait less. */
export interface Pace {
  pollMs: number;
  deploymentLimitMs: number;
  /** Roles that were just given take minutes to be known everywhere. */
  referenceTries: number;
  syncTries: number;
  readyLimitMs: number;
  gradingLimitMs: number;
}

export const usualPace: Pace = {
  pollMs: 5_000,
  deploymentLimitMs: 90 * 60_000,
  referenceTries: 120,
  syncTries: 24,
  readyLimitMs: 5 * 60_000,
  gradingLimitMs: 3 * 60_000,
};

/** Files of the project that a deployment reads. */
export interface Files {
  infra: string;
  archive: string;
  manifest: string;
}

export interface Outputs {
  group: string;
  apiName: string;
  workerName: string;
  apiUrl: string;
  vaultName: string;
  /** Ids of the identities, which roles are given to. */
  apiPrincipalId: string;
  workerPrincipalId: string;
}

const Value = z.object({ value: z.unknown() });
export const Deployment = z.object({
  state: z.string(),
  location: z.string().nullish(),
  outputs: z.record(z.string(), Value).nullish(),
  parameters: z.record(z.string(), Value).nullish(),
  error: z.unknown(),
});
export type Deployment = z.infer<typeof Deployment>;

/** What is known by now of one run; each step adds what it finds out. */
export interface Run {
  readonly options: DeployOptions;
  readonly az: Az;
  readonly screen: Screen;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly files: Files;
  readonly template: Template;
  readonly pace: Pace;
  readonly signal: AbortSignal;
  /** Builds the archive; answers what it said. */
  readonly buildPackage: () => Promise<string>;
  subscriptionId: string;
  user: { name: string; type: string };
  location: string;
  parameterFile: string;
  isProduction: boolean;
  /** The last deployment of this environment, however it ended. */
  previous: Deployment | undefined;
  hasGroup: boolean;
  /** Resources that are in the group already. */
  existing: { type: string; name: string }[];
  /** Names of secrets that are in the vault. */
  secretNames: string[];
  /** Settings of the apps that this installation has beside those of the parameter file. */
  extraSettings: Record<string, unknown>;
  outputs: Outputs | undefined;
  /** Known only in the run that makes it. */
  adminPassword: string | undefined;
}

export const deploymentName = (environment: string) => `lyceum-${environment}`;
export const groupName = (environment: string) => `rg-lyceum-${environment}`;
/** The account that infra/main.bicep names as the first administrator. */
export const adminUsername = 'admin';

const underWay = /^(accepted|running|creating|updating|validating|canceling|deleting)$/i;
export const isUnderWay = (deployment: Deployment | undefined) => underWay.test(deployment?.state ?? '');

export function pause(run: Pick<Run, 'signal'>, ms: number): Promise<void> {
  return sleep(ms, undefined, { signal: run.signal }).catch(() => {
    throw new Interrupted();
  });
}

const names = {
  group: 'AZURE_RESOURCE_GROUP',
  apiName: 'API_NAME',
  workerName: 'WORKER_NAME',
  apiUrl: 'API_URL',
  vaultName: 'VAULT_NAME',
  apiPrincipalId: 'API_PRINCIPAL_ID',
  workerPrincipalId: 'WORKER_PRINCIPAL_ID',
} as const;

/** Azure changes capitals in the names of outputs, so they are compared without. */
export function readOutputs(deployment: Deployment | undefined): Outputs | undefined {
  const values = new Map(
    Object.entries(deployment?.outputs ?? {}).map(([name, { value }]) => [name.toUpperCase(), value]),
  );
  const found = Object.entries(names).map(([key, name]) => [key, values.get(name)]);
  return found.every(([, value]) => typeof value === 'string' && value !== '') ? Object.fromEntries(found) : undefined;
}

/** azd hands the outputs to its hooks as variables. */
export function outputsOfHook(env: Run['env']): Outputs | undefined {
  const found = Object.entries(names).map(([key, name]) => [key, env[name]]);
  return found.every(([, value]) => value) ? Object.fromEntries(found) : undefined;
}

/** @throws DeployError when nothing was provisioned yet. */
export function outputsOf(run: Run): Outputs {
  if (run.outputs !== undefined) return run.outputs;
  const { environment } = run.options;
  throw new DeployError(
    `Nothing is deployed as ${environment} yet: run \`npm run deploy -- --env ${environment} --location REGION\`.`,
  );
}

/** What the last deployment was told, for what is left out this time. */
export function previousParameter(run: Run, name: string): unknown {
  const entry = Object.entries(run.previous?.parameters ?? {}).find(
    ([key]) => key.toLowerCase() === name.toLowerCase(),
  );
  return entry?.[1].value;
}

export async function showDeployment(run: Pick<Run, 'az' | 'options'>): Promise<Deployment | undefined> {
  const query =
    '{state: properties.provisioningState, location: location, outputs: properties.outputs, parameters: properties.parameters, error: properties.error}';
  const name = deploymentName(run.options.environment);
  return run.az.find(Deployment, ['deployment', 'sub', 'show', '--name', name, '--query', query], { retries: 5 });
}
