import { z } from 'zod';
import { namesOf } from './bicep.ts';
import { DeployError } from './failure.ts';
import type { Run } from './run.ts';

interface Resource {
  type: string;
  name: string;
}

/** Kinds whose names nobody else in the world may have, and where Azure is asked about them. */
const globalNames: Readonly<Record<string, { path: string; type?: string }>> = {
  'Microsoft.Storage/storageAccounts': { path: 'Microsoft.Storage/checkNameAvailability?api-version=2023-05-01' },
  'Microsoft.KeyVault/vaults': { path: 'Microsoft.KeyVault/checkNameAvailability?api-version=2023-07-01' },
  'Microsoft.ServiceBus/namespaces': { path: 'Microsoft.ServiceBus/CheckNameAvailability?api-version=2021-11-01' },
  'Microsoft.Web/sites': { path: 'Microsoft.Web/checknameavailability?api-version=2023-12-01' },
  'Microsoft.SignalRService/webPubSub': {
    path: 'Microsoft.SignalRService/locations/{location}/checkNameAvailability?api-version=2024-03-01',
  },
  'Microsoft.Communication/communicationServices': {
    path: 'Microsoft.Communication/checkNameAvailability?api-version=2023-04-01',
    type: 'Microsoft.Communication/CommunicationServices',
  },
};
const cosmos = 'Microsoft.DocumentDB/databaseAccounts';

const sameType = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();

/**
 * The end that all names of this environment share. Azure computes it, and shows it in the name of any resource of the
 * what-if whose form the Bicep files tell; the others can be named from it, although the what-if may not show them.
 */
export function findSuffix(
  run: Pick<Run, 'template' | 'options' | 'existing'>,
  shown: readonly Resource[],
): string | undefined {
  const form = new RegExp(`${run.options.environment}-[a-z0-9]{6}$`);
  for (const { type, name } of [...run.existing, ...shown]) {
    const suffix = form.exec(name)?.[0];
    if (suffix === undefined) continue;
    const declared = run.template.resources.filter((one) => sameType(one.type, type));
    if (declared.some((one) => namesOf(one, { suffix }).includes(name))) return suffix;
  }
  return undefined;
}

const Availability = z.object({
  nameAvailable: z.boolean(),
  reason: z.string().nullish(),
  message: z.string().nullish(),
});

async function isFree(run: Run, { type, name }: Resource): Promise<boolean> {
  if (sameType(type, cosmos)) {
    return !(await run.az.json(z.boolean(), ['cosmosdb', 'check-name-exists', '--name', name], { retries: 2 }));
  }
  const check = globalNames[type];
  if (check === undefined) return true;
  const path = `/subscriptions/${run.subscriptionId}/providers/${check.path.replace('{location}', run.location)}`;
  const body = { name, type: check.type ?? type };
  return (await run.az.rest(Availability, 'post', path, body, { retries: 2 })).nameAvailable;
}

const DeletedVaults = z.array(z.object({ name: z.string() }));

/** A vault outlives its environment by 90 days, and its name with it; it is brought back with what is in it. */
async function recoverVault(run: Run, name: string): Promise<boolean> {
  const deleted = await run.az.json(DeletedVaults, [
    'keyvault',
    'list-deleted',
    '--resource-type',
    'vault',
    '--query',
    '[].{name: name}',
  ]);
  if (!deleted.some((vault) => vault.name.toLowerCase() === name.toLowerCase())) return false;
  run.az.setVariables({ VAULT_CREATE_MODE: 'recover' });
  run.screen.note(`The vault ${name} of an earlier ${run.options.environment} is brought back with its secrets.`);
  return true;
}

/** @throws DeployError for a name that somebody else has. */
export async function checkNames(run: Run, suffix: string | undefined): Promise<void> {
  if (suffix === undefined) {
    run.screen.note('? names could not be checked, because the what-if shows none');
    return;
  }
  const types = [...Object.keys(globalNames), cosmos];
  const isOurs = ({ type, name }: Resource) =>
    run.existing.some((one) => sameType(one.type, type) && one.name.toLowerCase() === name.toLowerCase());
  const wanted = run.template.resources
    .filter((one) => types.includes(one.type))
    .flatMap((one) => namesOf(one, { suffix }).map((name) => ({ type: one.type, name })))
    .filter((one) => !isOurs(one));
  for (const one of wanted) {
    if (one.type === 'Microsoft.KeyVault/vaults' && (await recoverVault(run, one.name))) continue;
    if (!(await isFree(run, one))) {
      throw new DeployError(
        `The name ${one.name} (${one.type}) is taken by somebody else, or still held by what was deleted: choose another --env.`,
      );
    }
  }
}
