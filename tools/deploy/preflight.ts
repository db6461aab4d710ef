import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { DeployError } from './failure.ts';
import { isEmail } from './options.ts';
import { checkRegion } from './regions.ts';
import {
  deploymentName,
  groupName,
  isUnderWay,
  previousParameter,
  type Run,
  readOutputs,
  showDeployment,
} from './run.ts';
import { extraSettings, halfProvider, listSecrets, secretNamesFor, settingsOfVault } from './vault.ts';

const minAz = '2.60.0';
/** `@onlyIfNotExists()`, which the template uses, needs no feature flag since then; `deployer()` is older. */
const minBicep = '0.38.3';

/** Whether a version is that old; numbers are compared part by part. */
function isOlder(version: string, than: string): boolean {
  const numbers = (text: string) => text.split('.').map(Number);
  const [a, b] = [numbers(version), numbers(than)];
  const at = b.findIndex((part, index) => (a[index] ?? 0) !== part);
  return at >= 0 && (a[at] ?? 0) < (b[at] ?? 0);
}

const Account = z.object({
  id: z.string(),
  name: z.string(),
  state: z.string(),
  user: z.object({ name: z.string(), type: z.string() }),
});

/** az is there and new enough. @returns its version. */
async function checkAz(run: Run): Promise<string> {
  const versions = await run.az.json(z.looseObject({ 'azure-cli': z.string() }), ['version'], {
    hasSubscription: false,
  });
  const version = versions['azure-cli'];
  if (isOlder(version, minAz)) {
    throw new DeployError(`az ${version} is too old: ${minAz} or later is needed; run \`az upgrade\`.`);
  }
  return version;
}

async function checkBicep(run: Run): Promise<string> {
  const said = await run.az.run(['bicep', 'version'], { hasSubscription: false }).catch((error: unknown) => {
    throw error instanceof DeployError && /not found|Could not find/i.test(error.message)
      ? new DeployError('Bicep is not installed: run `az bicep install`, then the same command again.')
      : error;
  });
  const version = /version (\d+\.\d+\.\d+)/.exec(String(said))?.[1];
  if (version === undefined || isOlder(version, minBicep)) {
    throw new DeployError(
      `Bicep ${version ?? '(unknown version)'} is too old: ${minBicep} or later is needed; run \`az bicep upgrade\`.`,
    );
  }
  return version;
}

/** Somebody is logged in, to a subscription that can be used, with a token that is good now. */
async function checkLogin(run: Run): Promise<z.infer<typeof Account>> {
  run.az.subscription = run.options.subscription;
  const account = await run.az.json(Account, ['account', 'show']);
  if (account.state !== 'Enabled') {
    throw new DeployError(
      `The subscription ${account.name} is ${account.state.toLowerCase()}: choose another with --subscription (\`az account list -o table\`).`,
    );
  }
  // An expired log-in still shows the account; asking for a token finds it out. The token itself is not printed.
  await run.az.run(['account', 'get-access-token', '--query', 'expiresOn']);
  run.subscriptionId = account.id;
  run.az.subscription = account.id;
  run.user = account.user;
  return account;
}

/** What an earlier run left: its deployment, and what is in the group. */
async function lookAround(run: Run): Promise<void> {
  const group = groupName(run.options.environment);
  const [previous, hasGroup] = await Promise.all([
    showDeployment(run),
    run.az.json(z.boolean(), ['group', 'exists', '--name', group]),
  ]);
  run.previous = previous;
  run.hasGroup = hasGroup;
  run.outputs = hasGroup ? readOutputs(previous) : undefined;
  if (!hasGroup) return;
  const query = '[].{type: type, name: name}';
  const Resources = z.array(z.object({ type: z.string(), name: z.string() }));
  run.existing = await run.az.json(Resources, ['resource', 'list', '--resource-group', group, '--query', query]);
  const vault = run.existing.find((one) => one.type.toLowerCase() === 'microsoft.keyvault/vaults');
  if (vault !== undefined) run.secretNames = await listSecrets(run, group, vault.name);
}

/** @throws DeployError when an environment would end up in two regions. */
function chooseLocation(run: Run): void {
  const { environment, location } = run.options;
  const before = run.previous?.location ?? undefined;
  if (location === undefined && before === undefined) {
    throw new DeployError(`Say where: npm run deploy -- --env ${environment} --location westeurope`);
  }
  if (
    location !== undefined &&
    before !== undefined &&
    location !== before &&
    (run.hasGroup || isUnderWay(run.previous))
  ) {
    throw new DeployError(
      `${environment} is in ${before} already: leave --location out, choose another --env for ${location}, or \`npm run destroy -- --env ${environment}\` first.`,
    );
  }
  run.location = location ?? before ?? '';
}

const texts = (value: unknown) => (Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []);

/** What the parameter files read; said this time, else as the last time. */
function setVariables(run: Run): void {
  const { options } = run;
  const asBefore = texts(previousParameter(run, 'alertEmails'));
  const own = isEmail(run.user.name) ? [run.user.name] : [];
  const emails = [options.alertEmails, asBefore, own].find((list) => list.length > 0);
  if (emails === undefined) {
    throw new DeployError('Say who is told of alerts: add --alert-email you@example.org');
  }
  const urlBefore = previousParameter(run, 'appUrl');
  run.extraSettings = extraSettings(run.env, previousParameter(run, 'extraSettings'));
  const half = halfProvider(run);
  if (half !== undefined) {
    throw new DeployError(
      `${half}_CLIENT_ID and ${half}_CLIENT_SECRET go together: set both in this shell, then run the same command again.`,
    );
  }
  run.az.setVariables({
    AZURE_ENV_NAME: options.environment,
    AZURE_LOCATION: run.location,
    ALERT_EMAILS: emails.join(','),
    APP_URL: options.appUrl ?? (typeof urlBefore === 'string' ? urlBefore : undefined),
    // Azure wants to know it of a principal that was made a moment ago, as those of pipelines are.
    DEPLOYER_PRINCIPAL_TYPE: run.user.type === 'servicePrincipal' ? 'ServicePrincipal' : 'User',
    SECRET_NAMES: JSON.stringify(secretNamesFor(run)),
    EXTRA_SETTINGS: JSON.stringify(run.extraSettings),
    VAULT_CREATE_MODE: 'default',
  });
}

const Built = z.object({ parametersJson: z.string() });
const Parameters = z.object({ parameters: z.record(z.string(), z.object({ value: z.unknown().optional() })) });

/** Compiles the parameters, which also shows what they lack, and finds out what kind of environment it is. */
async function readParameters(run: Run): Promise<Record<string, unknown>> {
  const own = join(run.files.infra, `${run.options.environment}.bicepparam`);
  run.parameterFile = existsSync(own) ? own : join(run.files.infra, 'main.bicepparam');
  const args = ['bicep', 'build-params', '--file', run.parameterFile, '--stdout'];
  const { parametersJson } = await run.az.json(Built, args, { hasSubscription: false });
  const { parameters } = Parameters.parse(JSON.parse(parametersJson));
  const values = Object.fromEntries(Object.entries(parameters).map(([name, { value }]) => [name, value]));
  run.isProduction = values['kind'] === 'production';
  const hasModel = settingsOfVault(run).some((setting) => /^(ANTHROPIC|OPENAI)_API_KEY$/.test(setting));
  if (run.isProduction && !hasModel) {
    throw new DeployError(
      'Production needs a model to grade with: set ANTHROPIC_API_KEY or OPENAI_API_KEY in this shell, then run the same command again.',
    );
  }
  return values;
}

/** Everything that can be known before anything changes. */
export async function preflight(run: Run): Promise<string> {
  const az = await checkAz(run);
  const [bicep, account] = [await checkBicep(run), await checkLogin(run)];
  await lookAround(run);
  chooseLocation(run);
  setVariables(run);
  const parameters = await readParameters(run);
  const notes = await checkRegion(run, parameters['isZoneRedundant'] === true);
  for (const note of notes) run.screen.note(note);
  if (isUnderWay(run.previous))
    run.screen.note(`An earlier run's deployment ${deploymentName(run.options.environment)} is still under way.`);
  return `az ${az}, Bicep ${bicep}, ${account.name}, ${run.location}`;
}

/** What a single step of an environment needs. */
export async function shortPreflight(run: Run): Promise<string> {
  const version = await checkAz(run);
  const account = await checkLogin(run);
  return `az ${version}, ${account.name}`;
}
