import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { outputsOf, type Run } from './run.ts';
import { keysOfShell, listSecrets, secretTable } from './vault.ts';

export const adminPasswordSecret = 'bootstrap-admin-password';

/** How the secrets are made that every installation has. A password survives any shell; its 144 bits are enough for every rule of passwords. */
const makers: Readonly<Record<string, () => string>> = {
  key: () => randomBytes(48).toString('base64'),
  password: () => randomBytes(18).toString('base64url'),
};

/** What the vault lacks. A secret that exists is never made again: tokens would end, and second factors be lost. */
function makeMissing(present: readonly string[]): Record<string, string> {
  const missing = secretTable.filter(({ name }) => !present.includes(name));
  return Object.fromEntries(
    missing.flatMap(({ name, origin }) => {
      const make = makers[origin];
      return make === undefined ? [] : [[name, make()]];
    }),
  );
}

function describe(made: readonly string[], brought: readonly string[]): string {
  const parts = [
    made.length > 0 ? `made ${made.join(', ')}` : '',
    brought.length > 0 ? `stored ${brought.join(', ')} of this shell` : '',
  ].filter(Boolean);
  return parts.length > 0 ? parts.join('; ') : 'all there';
}

/**
 * Makes what the vault lacks, stores the keys that this shell brings, and lets each app read its own. Values are seen by one
 * process, in its environment: never in arguments, which others on the machine can read, in a file, or on the screen.
 */
export async function storeSecrets(run: Run): Promise<string> {
  const { group, vaultName, apiPrincipalId, workerPrincipalId } = outputsOf(run);
  const present = await listSecrets(run, group, vaultName);
  const made = makeMissing(present);
  const brought = keysOfShell(run.env);
  const values = { ...made, ...brought };
  run.secretNames = [...new Set([...present, ...Object.keys(values)])];
  const args = ['deployment', 'group', 'create', '--resource-group', group, '--name', 'lyceum-secrets'];
  const parameters = ['--parameters', join(run.files.infra, 'secrets.bicepparam'), '--no-prompt', 'true'];
  await run.az.run([...args, ...parameters, '--query', 'properties.provisioningState'], {
    env: {
      VAULT_NAME: vaultName,
      API_PRINCIPAL_ID: apiPrincipalId,
      WORKER_PRINCIPAL_ID: workerPrincipalId,
      SECRET_NAMES: JSON.stringify(run.secretNames),
      LYCEUM_NEW_SECRETS: JSON.stringify(values),
    },
    hidden: Object.values(values),
    timeoutMs: 10 * 60_000,
  });
  run.adminPassword = made[adminPasswordSecret];
  return describe(Object.keys(made), Object.keys(brought));
}
