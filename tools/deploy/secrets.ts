import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { outputsOf, type Run } from './run.ts';
import { keysOfShell, listSecrets } from './vault.ts';

export const adminPasswordSecret = 'bootstrap-admin-password';

const key = () => randomBytes(48).toString('base64');
/** 144 bits in characters that survive any shell; long and random enough for every rule of passwords. */
const password = () => randomBytes(18).toString('base64url');

/** Secrets that every installation has, and how they are made. One that exists is never made again: tokens would end, and second factors be lost. */
const own: Readonly<Record<string, () => string>> = {
  'jwt-secret': key,
  'data-encryption-key': key,
  [adminPasswordSecret]: password,
};

function describe(made: readonly string[], brought: readonly string[]): string {
  const parts = [
    made.length > 0 ? `made ${made.join(', ')}` : '',
    brought.length > 0 ? `stored ${brought.join(', ')} of this shell` : '',
  ].filter(Boolean);
  return parts.length > 0 ? parts.join('; ') : 'all there';
}

/**
 * Makes what the vault lacks, and stores the keys that this shell brings. Values are seen by one process, in its
 * environment: never in arguments, which others on the machine can read, in a file, or on the screen.
 */
export async function storeSecrets(run: Run): Promise<string> {
  const { group, vaultName } = outputsOf(run);
  run.secretNames = await listSecrets(run, group, vaultName);
  const missing = Object.entries(own).filter(([name]) => !run.secretNames.includes(name));
  const made = Object.fromEntries(missing.map(([name, make]) => [name, make()]));
  const brought = keysOfShell(run.env);
  const values = { ...made, ...brought };
  if (Object.keys(values).length === 0) return describe([], []);
  const args = ['deployment', 'group', 'create', '--resource-group', group, '--name', 'lyceum-secrets'];
  const parameters = ['--parameters', join(run.files.infra, 'secrets.bicepparam'), '--no-prompt', 'true'];
  await run.az.run([...args, ...parameters, '--query', 'properties.provisioningState'], {
    env: { VAULT_NAME: vaultName, LYCEUM_NEW_SECRETS: JSON.stringify(values) },
    hidden: Object.values(values),
    timeoutMs: 10 * 60_000,
  });
  run.adminPassword = made[adminPasswordSecret];
  return describe(Object.keys(made), Object.keys(brought));
}
