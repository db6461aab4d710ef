import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { DeployError, messageOf } from './failure.ts';
import { outputsOf, pause, type Run } from './run.ts';

interface App {
  part: 'api' | 'worker';
  name: string;
  path: string;
}

const apiVersion = 'api-version=2024-11-01';

/** The worker first: it understands what the new API will send, while nothing understands the reverse for sure. */
function appsOf(run: Run): App[] {
  const { group, apiName, workerName } = outputsOf(run);
  const path = (name: string) =>
    `/subscriptions/${run.subscriptionId}/resourceGroups/${group}/providers/Microsoft.Web/sites/${name}`;
  return [
    { part: 'worker', name: workerName, path: path(workerName) },
    { part: 'api', name: apiName, path: path(apiName) },
  ];
}

const References = z.object({
  value: z.array(
    z.object({
      // Its last part is the name of the setting.
      id: z.string(),
      properties: z.object({
        status: z.string().nullish(),
        secretName: z.string().nullish(),
        details: z.string().nullish(),
      }),
    }),
  ),
});
type Reference = z.infer<typeof References>['value'][number];

/** Waiting does not bring a secret that is not there, or a right text of a setting. */
const isHopeless = ({ properties }: Reference) =>
  /SecretNotFound|SecretVersionNotFound|InvalidSyntax/i.test(properties.status ?? '');

const settingOf = ({ id }: Reference) => id.slice(id.lastIndexOf('/') + 1);

function referenceError(app: App, open: readonly Reference[]): DeployError {
  const list = open.map(
    (one) => `${settingOf(one)} (${one.properties.secretName ?? 'no secret'}: ${one.properties.status ?? 'no answer'})`,
  );
  return new DeployError(
    `${app.name} cannot read from the vault: ${list.join(', ')}. See that the secret exists and the app's identity may read it, then run the same command again.`,
  );
}

/** So often the list may be empty, which it is for a moment after the settings were written. */
const emptyTries = 6;

/** Has the app read its secrets now, not within a day, and sees that it could. */
async function resolveReferences(run: Run, app: App): Promise<void> {
  const base = `${app.path}/config/configreferences/appsettings`;
  for (let attempt = 1; ; attempt += 1) {
    // A role that was given a minute ago may not be known everywhere yet, so it is told to look again.
    if (attempt % 6 === 1)
      await run.az.rest(z.unknown(), 'post', `${base}/refresh?${apiVersion}`, undefined, { retries: 3 });
    const { value } = await run.az.rest(References, 'get', `${base}?${apiVersion}`, undefined, { retries: 3 });
    const open = value.filter(({ properties }) => properties.status !== 'Resolved');
    if (open.length === 0 && value.length > 0) return;
    if (value.length === 0 && attempt >= Math.min(emptyTries, run.pace.referenceTries)) {
      // The app does not start with a reference that it cannot read, so the health check would tell.
      run.screen.note(
        `Azure lists no references of ${app.name} to the vault; its health will show whether it can read them`,
      );
      return;
    }
    const isLast = attempt >= run.pace.referenceTries || (attempt > 6 && open.some(isHopeless));
    if (isLast && open.length > 0) throw referenceError(app, open);
    await pause(run, run.pace.pollMs);
  }
}

/** Both apps can read their secrets, and have the newest versions of them. */
export async function resolveAllReferences(run: Run): Promise<string> {
  for (const app of appsOf(run)) await resolveReferences(run, app);
  return 'both apps can read their secrets';
}

async function upload(run: Run, app: App): Promise<void> {
  const args = ['functionapp', 'deployment', 'source', 'config-zip', '--resource-group', outputsOf(run).group];
  await run.az.run([...args, '--name', app.name, '--src', run.files.archive, '--timeout', '900'], {
    timeoutMs: 20 * 60_000,
  });
}

const Manifest = z.array(z.object({ name: z.string(), part: z.string() }));

function expectedFunctions(run: Run, part: string): string[] {
  const manifest = Manifest.parse(JSON.parse(readFileSync(run.files.manifest, 'utf8')));
  return manifest.filter((one) => one.part === part).map((one) => one.name);
}

async function listFunctions(run: Run, app: App): Promise<string[]> {
  const args = ['functionapp', 'function', 'list', '--resource-group', outputsOf(run).group, '--name', app.name];
  const found = await run.az.json(z.array(z.object({ name: z.string() })), [...args, '--query', '[].{name: name}'], {
    retries: 3,
  });
  return found.map(({ name }) => name.slice(name.lastIndexOf('/') + 1));
}

const some = (names: readonly string[]) =>
  `${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`;

/** Azure scales and triggers by its own list of functions, which sometimes lacks some after an upload until it is asked again. */
async function syncFunctions(run: Run, app: App): Promise<number> {
  const expected = expectedFunctions(run, app.part);
  let problem = '';
  for (let attempt = 1; attempt <= run.pace.syncTries; attempt += 1) {
    try {
      await run.az.rest(z.unknown(), 'post', `${app.path}/host/default/sync?${apiVersion}`);
      const present = await listFunctions(run, app);
      const missing = expected.filter((name) => !present.includes(name));
      const foreign = present.filter((name) => !expected.includes(name));
      if (missing.length === 0 && foreign.length === 0) return expected.length;
      problem = missing.length > 0 ? `it lacks ${some(missing)}` : `it still has ${some(foreign)}`;
    } catch (error) {
      if (run.signal.aborted) throw error;
      // The host answers errors while it starts.
      problem = messageOf(error);
    }
    await pause(run, run.pace.pollMs);
  }
  throw new DeployError(
    `${app.name} does not list the ${expected.length} functions of this version: ${problem}. Look at its log in the portal (Log stream), then run the same command again.`,
  );
}

/** The same archive for both apps, each with its secrets and all its functions. */
export async function publish(run: Run): Promise<string> {
  const counts: string[] = [];
  for (const app of appsOf(run)) {
    await resolveReferences(run, app);
    await upload(run, app);
    counts.push(`${app.part} ${await syncFunctions(run, app)} functions`);
    run.screen.note(`${app.name} is published`);
  }
  return counts.join(', ');
}
