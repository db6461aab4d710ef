import { z } from 'zod';
import type { Az } from './az.ts';
import { DeployError } from './failure.ts';
import { checkEnvironment, parse } from './options.ts';
import { deploymentName, groupName, pause } from './run.ts';
import type { Screen } from './screen.ts';

export interface DestroyOptions {
  environment: string;
  subscription: string | undefined;
  confirmed: string | undefined;
  isWaiting: boolean;
}

export const destroyUsage = `Usage: npm run destroy -- --env NAME [options]

  --env NAME          the environment to take down, with everything in it
  --subscription ID   the subscription (the one that az uses)
  --confirm NAME      the name once more; needed where there is no terminal
  --no-wait           do not wait until everything is gone
  --help              this text`;

export function readDestroyOptions(args: readonly string[]): DestroyOptions | { help: string } {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const options = {
    env: text,
    subscription: text,
    confirm: text,
    'no-wait': flag,
    help: { ...flag, short: 'h' },
  } as const;
  const values = parse(args, options, 'destroy');
  if (values.help) return { help: destroyUsage };
  return {
    environment: checkEnvironment(values.env, 'destroy'),
    subscription: values.subscription,
    confirmed: values.confirm,
    isWaiting: values['no-wait'] !== true,
  };
}

export interface Removal {
  options: DestroyOptions;
  az: Az;
  screen: Screen;
  signal: AbortSignal;
  canAsk: boolean;
  pollMs: number;
}

const Group = z.object({ tags: z.record(z.string(), z.string()).nullish(), state: z.string().nullish() });
const Resources = z.array(z.object({ type: z.string(), name: z.string() }));
type Resources = z.infer<typeof Resources>;

const listResources = (run: Removal, group: string) =>
  run.az.json(Resources, ['resource', 'list', '--resource-group', group, '--query', '[].{type: type, name: name}'], {
    retries: 3,
  });

/** A group of that name that this product did not make is none of its business. */
async function findGroup(run: Removal, name: string): Promise<z.infer<typeof Group> | undefined> {
  const query = '{tags: tags, state: properties.provisioningState}';
  const group = await run.az.find(Group, ['group', 'show', '--name', name, '--query', query]);
  const { application, environment } = group?.tags ?? {};
  if (group !== undefined && (application !== 'lyceum' || environment !== run.options.environment)) {
    throw new DeployError(
      `The resource group ${name} was not made by this product (its tags say otherwise), so it is left alone.`,
    );
  }
  return group;
}

function list(run: Removal, group: string, resources: Resources): void {
  run.screen.say(`These go, and the data in them:\n\n  - Microsoft.Resources/resourceGroups ${group}`);
  const lines = resources.map(({ type, name }) => `  - ${type} ${name}`);
  for (const line of lines.sort()) run.screen.say(line);
  run.screen.say('');
}

async function confirm(run: Removal): Promise<void> {
  const { environment, confirmed } = run.options;
  if (confirmed === undefined && !run.canAsk) {
    throw new DeployError(`There is no terminal to ask on: add --confirm ${environment}.`);
  }
  const typed = confirmed ?? (await run.screen.ask(`Type the name of the environment to destroy it: `));
  if (typed.trim() !== environment) {
    throw new DeployError(`'${typed.trim()}' is not ${environment}: nothing was changed.`);
  }
}

async function removeLocks(run: Removal, group: string): Promise<string> {
  const locks = await run.az.json(z.array(z.string()), ['lock', 'list', '--resource-group', group, '--query', '[].id']);
  if (locks.length > 0) await run.az.run(['lock', 'delete', '--ids', ...locks]);
  return `${locks.length} removed`;
}

async function waitUntilGone(run: Removal, group: string): Promise<string> {
  let told = -1;
  while (await run.az.json(z.boolean(), ['group', 'exists', '--name', group], { retries: 5 })) {
    // The group may vanish between the two questions.
    const left =
      (
        await run.az.find(Resources, [
          'resource',
          'list',
          '--resource-group',
          group,
          '--query',
          '[].{type: type, name: name}',
        ])
      )?.length ?? 0;
    if (left !== told) run.screen.note(`${left} resources left`);
    told = left;
    await pause(run, run.pollMs);
  }
  return group;
}

async function forgetDeployment(run: Removal): Promise<string> {
  const name = deploymentName(run.options.environment);
  const found = await run.az.find(z.string(), ['deployment', 'sub', 'show', '--name', name, '--query', 'name']);
  if (found === undefined) return 'none';
  await run.az.run(['deployment', 'sub', 'delete', '--name', name], { timeoutMs: 10 * 60_000 });
  return name;
}

/** Takes an environment down. @throws DeployError before anything changed where the name was not said again. */
export async function destroy(run: Removal): Promise<void> {
  const { environment, isWaiting } = run.options;
  run.az.subscription = run.options.subscription;
  run.az.subscription = await run.az.json(z.string(), ['account', 'show', '--query', 'id']);
  const name = groupName(environment);
  const group = await findGroup(run, name);
  if (group === undefined) run.screen.say(`There is no resource group ${name}.`);
  else if (group.state === 'Deleting') run.screen.say(`${name} is being deleted already.`);
  else {
    list(run, name, await listResources(run, name));
    await confirm(run);
    await run.screen.step('locks', () => removeLocks(run, name));
    await run.az.run(['group', 'delete', '--name', name, '--yes', '--no-wait']);
  }
  if (group !== undefined && !isWaiting) {
    run.screen.say(`Azure deletes ${name} now; run the same command again later to see that it is gone.`);
    return;
  }
  if (group !== undefined) await run.screen.step('delete', () => waitUntilGone(run, name));
  await run.screen.step('record', () => forgetDeployment(run));
  run.screen.say(
    '\nWhat stays: the Key Vault, as a deleted one, for 90 days. A new deployment of the same name to the same region brings it back, with its secrets.',
  );
}
