import { existsSync } from 'node:fs';
import { z } from 'zod';
import { AzError, DeployError } from './failure.ts';
import { preflight, shortPreflight } from './preflight.ts';
import { provision } from './provision.ts';
import { publish, resolveAllReferences } from './publish.ts';
import { waitUntilReady } from './ready.ts';
import { adminUsername, outputsOf, outputsOfHook, type Run, readOutputs, showDeployment } from './run.ts';
import { adminPasswordSecret, storeSecrets } from './secrets.ts';
import { smokeTest } from './smoke-test.ts';
import { whatIf } from './what-if.ts';

export const readPasswordCommand = (vault: string) =>
  `az keyvault secret show --vault-name ${vault} --name ${adminPasswordSecret} --query value -o tsv`;

async function buildPackage(run: Run): Promise<string> {
  const said = await run.buildPackage();
  if (!existsSync(run.files.archive)) throw new DeployError(`\`npm run package\` made no ${run.files.archive}.`);
  return said;
}

/** Who the smoke test is: whom the shell names, else the first administrator, whose password only the vault knows. */
async function smokeAccount(run: Run): Promise<{ username: string; password: string }> {
  const { SMOKE_USERNAME: username, SMOKE_PASSWORD: password } = run.env;
  if (username && password) return { username, password };
  if (run.adminPassword !== undefined) return { username: adminUsername, password: run.adminPassword };
  const args = ['keyvault', 'secret', 'show', '--vault-name', outputsOf(run).vaultName, '--name', adminPasswordSecret];
  try {
    return { username: adminUsername, password: await run.az.json(z.string(), [...args, '--query', 'value']) };
  } catch (error) {
    if (!(error instanceof AzError)) throw error;
    throw new DeployError(
      `The administrator's password cannot be read from the vault: set SMOKE_USERNAME and SMOKE_PASSWORD to a teacher's account, or add --no-smoke.\n${error.message}`,
    );
  }
}

async function smoke(run: Run): Promise<string> {
  const account = await smokeAccount(run);
  const { pollMs, gradingLimitMs: limitMs } = run.pace;
  const say = (text: string) => run.screen.note(text);
  return smokeTest({
    url: outputsOf(run).apiUrl,
    ...account,
    say,
    pollMs: Math.min(pollMs, 1000),
    limitMs,
    signal: run.signal,
  });
}

function summarise(run: Run): void {
  const { apiUrl, group, vaultName } = outputsOf(run);
  run.screen.say(`
  Address         ${apiUrl}        documentation: ${apiUrl}/docs
  Resource group  ${group}
  Administrator   ${adminUsername}; the password is in the vault:
                  ${readPasswordCommand(vaultName)}

  Next: log in as ${adminUsername}, set up a second factor, and make accounts. What each part is, and what it costs: docs/how-to/deploy.md.
  To publish new code, run the same command again. To take it all down: npm run destroy -- --env ${run.options.environment}`);
}

const hasVault = ({ outputs, existing }: Run) => existing.some(({ name }) => name === outputs?.vaultName);

/** The whole way, each step safe to take again. */
async function deployAll(run: Run): Promise<void> {
  const { screen, options } = run;
  await screen.step('preflight', () => preflight(run));
  if (!options.isDryRun) await screen.step('package', () => buildPackage(run));
  await screen.step('what-if', () => whatIf(run));
  if (options.isDryRun) return;
  const storing = () => screen.step('secrets', () => storeSecrets(run));
  // An app that refers to a secret does not run until it can read it, so where there is a vault the secret comes first.
  const isFirst = !hasVault(run);
  if (!isFirst) await storing();
  await screen.step('provision', () => provision(run));
  if (isFirst) await storing();
  await screen.step('publish', () => publish(run));
  await screen.step('ready', () => waitUntilReady(run));
  try {
    if (options.hasSmokeTest) await screen.step('smoke', () => smoke(run));
  } finally {
    // The system is there, whatever its test says.
    if (!run.signal.aborted) summarise(run);
  }
}

async function findOutputs(run: Run): Promise<void> {
  run.outputs = outputsOfHook(run.env) ?? readOutputs(await showDeployment(run));
  outputsOf(run);
}

async function deployStep(run: Run): Promise<void> {
  const { screen, options } = run;
  await screen.step('preflight', async () => {
    const result = await shortPreflight(run);
    await findOutputs(run);
    return result;
  });
  if (options.step === 'secrets') {
    await screen.step('secrets', () => storeSecrets(run));
    await screen.step('references', () => resolveAllReferences(run));
  }
  if (options.step === 'publish') {
    await screen.step('package', () => buildPackage(run));
    await screen.step('publish', () => publish(run));
  }
  if (options.step === 'smoke') {
    await screen.step('ready', () => waitUntilReady(run));
    await screen.step('smoke', () => smoke(run));
  }
}

export const deploy = (run: Run): Promise<void> => (run.options.step === undefined ? deployAll(run) : deployStep(run));
