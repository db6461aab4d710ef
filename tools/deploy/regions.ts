import { z } from 'zod';
import { DeployError } from './failure.ts';
import type { Run } from './run.ts';

const Locations = z.object({ value: z.array(z.object({ name: z.string() })) });
const Providers = z.array(
  z.object({
    namespace: z.string(),
    state: z.string(),
    policy: z.string().nullish(),
    types: z.array(z.object({ type: z.string(), locations: z.array(z.string()).nullish() })),
  }),
);
type Providers = z.infer<typeof Providers>;

/** `West Europe` and `westeurope` are one region. */
const plain = (region: string) => region.toLowerCase().replaceAll(' ', '');

/** How many letters have to change to make one word of the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      next.push(Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, (row[j] ?? 0) + (letter === other ? 0 : 1)));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** Up to three names that somebody who typed this may have meant. */
export function nearNames(typed: string, names: readonly string[]): string[] {
  const scored = names.map((name) => ({
    name,
    score: name.includes(typed) || typed.includes(name) ? 1 : distance(typed, name),
  }));
  return scored
    .filter(({ score }) => score <= Math.max(2, typed.length / 3))
    .sort((a, b) => a.score - b.score || a.name.localeCompare(b.name))
    .slice(0, 3)
    .map(({ name }) => name);
}

async function checkLocation(run: Run): Promise<void> {
  // `az account list-locations` knows only the subscription that az is set to, which may be another.
  const path = `/subscriptions/${run.subscriptionId}/locations?api-version=2022-12-01`;
  const { value: locations } = await run.az.rest(Locations, 'get', path, undefined, { retries: 2 });
  if (locations.some(({ name }) => name === run.location)) return;
  const near = nearNames(
    run.location,
    locations.map(({ name }) => name),
  );
  const hint =
    near.length > 0 ? `did you mean ${near.join(' or ')}?` : '`az account list-locations -o table` lists them';
  throw new DeployError(`There is no region '${run.location}' for this subscription: ${hint}`);
}

/** One question for all providers: az takes a second for each, and Azure answers them at once. */
function listProviders(run: Run): Promise<Providers> {
  const query =
    '[].{namespace: namespace, state: registrationState, policy: registrationPolicy, types: resourceTypes[].{type: resourceType, locations: locations}}';
  return run.az.json(Providers, ['provider', 'list', '--query', query], { retries: 2 });
}

/** Registers what is missing. @returns what to tell. */
async function register(run: Run, providers: Providers): Promise<string[]> {
  const isMissing = (namespace: string) => {
    const found = providers.find((one) => one.namespace.toLowerCase() === namespace.toLowerCase());
    return found?.state !== 'Registered' && found?.policy !== 'RegistrationFree';
  };
  const missing = run.template.providers.filter(isMissing);
  if (missing.length === 0) return [];
  if (run.options.isDryRun) return [`Would register ${missing.join(', ')}.`];
  run.screen.note(`Registering ${missing.join(', ')} (once for each subscription; takes a minute or two) ...`);
  for (const namespace of missing) {
    await run.az.run(['provider', 'register', '--namespace', namespace, '--wait'], { timeoutMs: 15 * 60_000 });
  }
  return [];
}

function checkTypes(run: Run, providers: Providers): void {
  const regions = new Map<string, string[]>();
  for (const provider of providers) {
    for (const { type, locations } of provider.types) {
      regions.set(`${provider.namespace}/${type}`.toLowerCase(), (locations ?? []).map(plain));
    }
  }
  const types = run.template.resources.filter((one) => one.isRegional).map((one) => one.type);
  const lacking = [...new Set(types)].filter((type) => {
    const known = regions.get(type.toLowerCase());
    // A type without a list of regions is everywhere.
    return known !== undefined && known.length > 0 && !known.includes(run.location) && !known.includes('global');
  });
  if (lacking.length > 0) {
    throw new DeployError(`${run.location} has no ${lacking.join(', ')}: choose another region with --location.`);
  }
}

const Names = z.array(z.object({ name: z.string() }));
const Versions = z.array(z.object({ version: z.string() }));
/** What infra/modules/functions.bicep asks for. */
const runtime = { name: 'node', version: '24' };

async function checkFlexConsumption(run: Run, isZoneRedundant: boolean): Promise<void> {
  const listLocations = [
    'functionapp',
    'list-flexconsumption-locations',
    ...(isZoneRedundant ? ['--zone-redundant'] : []),
  ];
  const listRuntimes = [
    'functionapp',
    'list-flexconsumption-runtimes',
    '--location',
    run.location,
    '--runtime',
    runtime.name,
  ];
  const regions = (await run.az.json(Names, listLocations)).map(({ name }) => plain(name));
  if (!regions.includes(run.location)) {
    throw new DeployError(
      `${run.location} has no Flex Consumption${isZoneRedundant ? ' in several zones' : ''}, which the apps run on: choose another --location, for example ${regions.slice(0, 5).join(', ')} (\`az functionapp list-flexconsumption-locations -o table\` lists all).`,
    );
  }
  const versions = await run.az.json(Versions, [...listRuntimes, '--query', '[].{version: version}']);
  if (!versions.some(({ version }) => version.split('.')[0] === runtime.version)) {
    throw new DeployError(
      `Flex Consumption in ${run.location} has no Node ${runtime.version} (only ${versions.map(({ version }) => version).join(', ')}): choose another --location.`,
    );
  }
}

/** The region exists and has everything that the Bicep files ask for. @returns what to tell. */
export async function checkRegion(run: Run, isZoneRedundant: boolean): Promise<string[]> {
  await checkLocation(run);
  const providers = await listProviders(run);
  checkTypes(run, providers);
  await checkFlexConsumption(run, isZoneRedundant);
  return register(run, providers);
}
