import { z } from 'zod';
import { explainText } from './az-errors.ts';
import { DeployError } from './failure.ts';
import {
  deploymentName,
  groupName,
  isUnderWay,
  pause,
  previousParameter,
  type Run,
  readOutputs,
  showDeployment,
} from './run.ts';
import { listSecrets, secretNamesFor } from './vault.ts';

interface Cause {
  code: string;
  message: string;
}

/** Codes that only say that something within failed. */
const hollow =
  /^(DeploymentFailed|ResourceDeploymentFailure|DeploymentOperationFailed|InvalidTemplateDeployment|MultipleErrorsOccurred)$/;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The error at the bottom: Azure wraps one in another, and sometimes as text within a message. */
export function innermostError(error: unknown): Cause | undefined {
  const Shape = z.looseObject({
    code: z.string().nullish(),
    message: z.string().nullish(),
    details: z.array(z.unknown()).nullish(),
    error: z.unknown().optional(),
  });
  const { data } = Shape.safeParse(error);
  if (data === undefined) return undefined;
  const within = [data.error, ...(data.details ?? []), data.message ? parseJson(data.message) : undefined];
  const causes = within.map(innermostError).filter((cause) => cause !== undefined);
  const telling = causes.find((cause) => !hollow.test(cause.code));
  if (telling !== undefined) return telling;
  const own = data.code ? { code: data.code, message: data.message ?? '' } : undefined;
  return own !== undefined && !hollow.test(own.code) ? own : (causes[0] ?? own);
}

const Operations = z.array(
  z.object({ type: z.string().nullish(), name: z.string().nullish(), state: z.string(), status: z.unknown() }),
);
const query =
  '[].{type: properties.targetResource.resourceType, name: properties.targetResource.resourceName, state: properties.provisioningState, status: properties.statusMessage}';

const operationsOf = (run: Run) =>
  run.az.json(
    Operations,
    ['deployment', 'operation', 'sub', 'list', '--name', deploymentName(run.options.environment), '--query', query],
    { retries: 5 },
  );

/** What failed, asked for where it happened: the deployment itself often says only that something did. */
async function findCause(run: Run, error: unknown): Promise<{ cause: Cause | undefined; where: string | undefined }> {
  const failed = (await operationsOf(run)).filter((one) => one.state === 'Failed');
  const where = failed[0]?.name ?? undefined;
  const causes = [innermostError(error), ...failed.map((one) => innermostError(one.status))];
  const telling = causes.find((cause) => cause !== undefined && !hollow.test(cause.code));
  if (telling !== undefined || where === undefined || failed[0]?.type !== 'Microsoft.Resources/deployments') {
    return { cause: telling ?? causes.find((cause) => cause !== undefined), where };
  }
  const group = groupName(run.options.environment);
  const args = [
    'deployment',
    'operation',
    'group',
    'list',
    '--resource-group',
    group,
    '--name',
    where,
    '--query',
    query,
  ];
  const inner = (await run.az.json(Operations, args)).find((one) => one.state === 'Failed');
  return { cause: innermostError(inner?.status) ?? causes[0], where: inner?.name ? `${where}/${inner.name}` : where };
}

async function failure(run: Run, state: string, error: unknown): Promise<DeployError> {
  if (state === 'Canceled') {
    return new DeployError('The deployment was cancelled by somebody: run the same command again.');
  }
  const { cause, where } = await findCause(run, error);
  if (cause === undefined) {
    return new DeployError(
      `The deployment failed without a reason: see \`az deployment operation sub list --name ${deploymentName(run.options.environment)}\`.`,
    );
  }
  const advice = explainText(`${cause.code} ${cause.message}`)?.message;
  const text = `${cause.code}: ${cause.message.trim().replace(/\s+/g, ' ').slice(0, 600)}`;
  const place = where === undefined ? '' : ` in ${where}`;
  return new DeployError(
    advice === undefined ? `Azure refused something${place}. ${text}` : `${advice}\n(${text}${place})`,
  );
}

/** Says which module has finished, until the deployment has ended. */
async function follow(run: Run): Promise<void> {
  const startedMs = performance.now();
  const told = new Set<string>();
  while (performance.now() - startedMs < run.pace.deploymentLimitMs) {
    const deployment = await showDeployment(run);
    if (deployment !== undefined) {
      for (const { type, name, state } of await operationsOf(run)) {
        const isNews = type === 'Microsoft.Resources/deployments' && state === 'Succeeded' && name && !told.has(name);
        if (!isNews) continue;
        told.add(name);
        run.screen.note(`${name} is there`);
      }
      run.previous = deployment;
      if (deployment.state === 'Succeeded') return;
      if (!isUnderWay(deployment)) throw await failure(run, deployment.state, deployment.error);
    }
    await pause(run, run.pace.pollMs);
  }
  throw new DeployError(
    'The deployment is still under way in Azure: run the same command again, which goes on waiting for it.',
  );
}

async function start(run: Run): Promise<void> {
  const name = deploymentName(run.options.environment);
  const isElsewhere = run.previous?.location != null && run.previous.location !== run.location;
  // Only its record is left of a deployment to another region, and Azure would insist on that region.
  if (isElsewhere) await run.az.run(['deployment', 'sub', 'delete', '--name', name], { timeoutMs: 10 * 60_000 });
  const args = [
    'deployment',
    'sub',
    'create',
    '--name',
    name,
    '--location',
    run.location,
    '--parameters',
    run.parameterFile,
  ];
  await run.az.run([...args, '--no-wait', '--no-prompt', 'true'], { timeoutMs: 15 * 60_000 });
  run.previous = undefined;
}

/** The settings that refer to keys are those that the vault can serve. */
function refersToAllKeys(run: Run): boolean {
  const deployed = previousParameter(run, 'secretNames');
  const wanted = secretNamesFor(run);
  return !Array.isArray(deployed) || JSON.stringify(deployed.toSorted()) === JSON.stringify(wanted.toSorted());
}

async function takeOutputs(run: Run): Promise<void> {
  run.outputs = readOutputs(run.previous);
  if (run.outputs === undefined) {
    throw new DeployError(
      'The deployment says neither its apps nor its vault: infra/main.bicep has other outputs than this version knows.',
    );
  }
  run.secretNames = await listSecrets(run, run.outputs.group, run.outputs.vaultName);
}

/** Brings the cloud to what the Bicep files say; a deployment that an earlier run began is waited for. */
export async function provision(run: Run): Promise<string> {
  const isResumed = isUnderWay(run.previous);
  if (!isResumed) await start(run);
  await follow(run);
  await takeOutputs(run);
  if (!refersToAllKeys(run)) {
    run.screen.note('The vault holds other keys than that deployment knew: once more, with all of them.');
    run.az.setVariables({ SECRET_NAMES: JSON.stringify(secretNamesFor(run)), VAULT_CREATE_MODE: 'default' });
    await start(run);
    await follow(run);
  }
  return isResumed ? 'waited for the deployment of an earlier run' : groupName(run.options.environment);
}
