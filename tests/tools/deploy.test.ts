import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { passwordProblem } from '../../shared/identity/password-rules.ts';
import { projectRoot } from '../../tools/run-command.ts';
import { admin, startApp } from '../app.ts';
import { type DeployLab, startDeployLab, usual } from './deploy-lab.ts';
import { vaultName } from './fake-azure-shapes.ts';

test('one command takes an empty subscription to a working system, step by step', async () => {
  const lab = await startDeployLab();
  lab.answers = ['y'];
  lab.azure.ready = [503, 503];
  const { status, output } = await lab.deploy('--env', 'dev', '--location', 'West Europe', '--no-smoke');
  expect(status, output).toBe(0);
  const steps = [...output.matchAll(/^ok {3}(\S+) +\d+\.\d s/gm)].map((match) => match[1]);
  expect(steps).toEqual(['preflight', 'package', 'what-if', 'provision', 'secrets', 'publish', 'ready']);
  expect(output).toContain('az 2.77.0, Bicep 0.38.33, Teaching, westeurope');
  expect(output).toContain('+ Microsoft.OperationalInsights/workspaces log-lyceum-dev-k7x2qa');
  expect(output).toContain(
    '+ Microsoft.OperationalInsights/workspaces/providers/Microsoft.Insights/diagnosticSettings (1)'.replace(
      'Microsoft.OperationalInsights/workspaces/providers/',
      '',
    ),
  );
  expect(output).toContain('[y/N]');
  expect(output).toContain('cosmos is there');
  expect(output).toMatch(/made jwt-secret, data-encryption-key, bootstrap-admin-password/);
  expect(output).toContain(`az keyvault secret show --vault-name ${vaultName} --name bootstrap-admin-password`);
  expect(lab.azure.uploads).toEqual(['func-lyceum-worker-dev-k7x2qa', 'func-lyceum-api-dev-k7x2qa']);
});

test('the deployment is told what the parameter files read', async () => {
  const lab = await startDeployLab();
  lab.shell = { OPENAI_API_KEY: 'sk-of-openai' };
  await lab.deploy(
    ...usual,
    '--alert-email',
    'a@example.org',
    '--alert-email',
    'b@example.org',
    '--app-url',
    'https://learn.example.org',
  );
  const create = lab.azure.calls.find((call) => call.line.startsWith('deployment sub create'));
  expect(create?.line).toContain(`--parameters ${join(projectRoot, 'infra/dev.bicepparam')}`);
  expect(create?.line).toContain('--no-wait');
  expect(create?.env).toMatchObject({
    AZURE_ENV_NAME: 'dev',
    AZURE_LOCATION: 'westeurope',
    ALERT_EMAILS: 'a@example.org,b@example.org',
    APP_URL: 'https://learn.example.org',
    SECRET_NAMES: '["openai-api-key"]',
    VAULT_CREATE_MODE: 'default',
    DEPLOYER_PRINCIPAL_TYPE: 'User',
  });
});

test('a provider of sign-in is set up with its id and secret, the id is remembered, and neither goes alone', async () => {
  const lab = await startDeployLab();
  const createdWith = (name: string) =>
    lab.azure.calls.findLast((call) => call.line.startsWith('deployment sub create'))?.env[name];
  const half = /GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET go together/;
  for (const shell of [{ GITHUB_CLIENT_ID: 'an-id' }, { GITHUB_CLIENT_SECRET: 'of-github' }]) {
    lab.shell = shell;
    expect((await lab.deploy(...usual)).output).toMatch(half);
  }
  expect(lab.azure.changes()).toEqual([]);

  lab.shell = { GITHUB_CLIENT_ID: 'an-id', GITHUB_CLIENT_SECRET: 'of-github' };
  await lab.deploy(...usual);
  expect(createdWith('EXTRA_SETTINGS')).toBe('{"GITHUB_CLIENT_ID":"an-id"}');
  expect(createdWith('SECRET_NAMES')).toBe('["github-client-secret"]');
  lab.shell = {};
  const again = await lab.deploy(...usual);
  expect(again.status, again.output).toBe(0);
  expect(createdWith('EXTRA_SETTINGS')).toBe('{"GITHUB_CLIENT_ID":"an-id"}');
  expect(createdWith('SECRET_NAMES')).toBe('["github-client-secret"]');
});

/** What the deployment of the secrets was told the last time. */
const storedWith = ({ azure }: DeployLab) =>
  azure.calls.findLast((call) => call.line.startsWith('deployment group create'))?.env ?? {};

test('each app is let in to its own secrets, also to those that a person put into the vault', async () => {
  const lab = await startDeployLab();
  lab.azure.install();
  lab.azure.secrets.set('jwt-keys', '[]').set('of-somebody-else', 'x');
  expect((await lab.deploy(...usual)).status).toBe(0);
  const { API_PRINCIPAL_ID, WORKER_PRINCIPAL_ID, SECRET_NAMES } = storedWith(lab);
  expect([API_PRINCIPAL_ID, WORKER_PRINCIPAL_ID]).toEqual(['principal-of-api', 'principal-of-worker']);
  expect(JSON.parse(SECRET_NAMES ?? '')).toEqual(expect.arrayContaining(['jwt-secret', 'jwt-keys']));
  const create = lab.azure.calls.find((call) => call.line.startsWith('deployment sub create'));
  expect(create?.env['SECRET_NAMES']).toBe('["jwt-keys"]');
});

test('a system that runs has a new secret before its apps refer to it', async () => {
  const lab = await startDeployLab();
  lab.azure.install();
  lab.shell = { OPENAI_API_KEY: 'sk-of-openai' };
  expect((await lab.deploy(...usual)).status).toBe(0);
  const changes = lab.azure.changes().filter((line) => /^deployment/.test(line));
  expect(changes).toEqual([
    expect.stringContaining('deployment group create'),
    expect.stringContaining('deployment sub create'),
  ]);
});

test('a second run of the same makes no secret again and keeps what was said before', async () => {
  const lab = await startDeployLab();
  await lab.deploy(...usual, '--alert-email', 'a@example.org', '--app-url', 'https://learn.example.org');
  const before = new Map(lab.azure.secrets);
  expect(before.size).toBe(3);
  lab.azure.calls.length = 0;
  const { status, output } = await lab.deploy('--env', 'dev', '--yes', '--no-smoke');
  expect(status, output).toBe(0);
  expect(output).toContain('= 4 unchanged');
  expect(output).toMatch(/^ok {3}secrets .* all there$/m);
  expect(lab.azure.secrets).toEqual(before);
  expect(storedWith(lab)['LYCEUM_NEW_SECRETS']).toBe('{}');
  const create = lab.azure.calls.find((call) => call.line.startsWith('deployment sub create'));
  expect(create?.env).toMatchObject({
    ALERT_EMAILS: 'a@example.org',
    APP_URL: 'https://learn.example.org',
    AZURE_LOCATION: 'westeurope',
  });
});

test('a key that exists is never overwritten: tokens would end and second factors be lost', async () => {
  const lab = await startDeployLab();
  lab.azure.install();
  lab.azure.secrets.delete('data-encryption-key');
  lab.shell = { ANTHROPIC_API_KEY: 'sk-of-anthropic' };
  expect((await lab.deploy(...usual)).status).toBe(0);
  expect(lab.azure.secrets.get('jwt-secret')).toBe('old jwt-secret');
  expect(lab.azure.secrets.get('bootstrap-admin-password')).toBe('old bootstrap-admin-password');
  expect(lab.azure.secrets.get('data-encryption-key')).toMatch(/^[A-Za-z0-9+/]{64}$/);
  expect(lab.azure.secrets.get('anthropic-api-key')).toBe('sk-of-anthropic');
  const told = storedWith(lab);
  expect(Object.keys(JSON.parse(told['LYCEUM_NEW_SECRETS'] ?? '{}')).sort()).toEqual([
    'anthropic-api-key',
    'data-encryption-key',
  ]);
  expect(told['VAULT_NAME']).toBe(vaultName);
});

test('a key of a vendor is replaced only when this shell brings one', async () => {
  const lab = await startDeployLab();
  lab.azure.install();
  lab.azure.secrets.set('openai-api-key', 'kept');
  lab.shell = { OPENAI_API_KEY: '  ' };
  expect((await lab.deploy(...usual)).status).toBe(0);
  expect(lab.azure.secrets.get('openai-api-key')).toBe('kept');
  lab.shell = { OPENAI_API_KEY: 'new' };
  await lab.deploy(...usual);
  expect(lab.azure.secrets.get('openai-api-key')).toBe('new');
});

test('the password of the administrator that is made passes our own rules', async () => {
  const lab = await startDeployLab();
  await lab.deploy(...usual);
  const password = lab.azure.secrets.get('bootstrap-admin-password') ?? '';
  expect(password.length).toBeGreaterThanOrEqual(20);
  expect(passwordProblem(password, { username: 'admin', email: null })).toBeUndefined();
});

test('a secret is seen by one process, in its environment: never in arguments, on the screen, or in a file', async () => {
  const lab = await startDeployLab();
  lab.shell = {
    ANTHROPIC_API_KEY: 'sk-of-anthropic',
    GITHUB_CLIENT_ID: 'an-id',
    GITHUB_CLIENT_SECRET: 'of-github',
    SMOKE_PASSWORD: 'of-a-teacher',
  };
  const { output } = await lab.deploy(...usual);
  const values = [...lab.azure.secrets.values()];
  expect(values).toHaveLength(5);
  const files = readdirSync(lab.folder).map((name) => readFileSync(join(lab.folder, name), 'utf8'));
  for (const value of [...values, 'of-a-teacher']) {
    for (const call of lab.azure.calls) {
      expect(call.line).not.toContain(value);
      const seenIn = Object.entries(call.env).filter(([, text]) => text.includes(value));
      const isTheOne = call.line.startsWith('deployment group create') && values.includes(value);
      expect(seenIn.map(([name]) => name)).toEqual(isTheOne ? ['LYCEUM_NEW_SECRETS'] : []);
    }
    expect(output).not.toContain(value);
    expect(files.join()).not.toContain(value);
  }
});

test('a secret is blanked out of what az says when it fails to store it', async () => {
  const lab = await startDeployLab();
  lab.shell = { OPENAI_API_KEY: 'sk-of-openai' };
  lab.azure.when(/^deployment group create/, { error: 'ERROR: (BadParameter) The value sk-of-openai is odd.' });
  const { status, output } = await lab.deploy(...usual);
  expect(status).toBe(1);
  expect(output).toContain('The value *** is odd.');
  expect(output).not.toContain('sk-of-openai');
});

test('--dry-run checks and shows everything, and changes nothing at all', async () => {
  const lab = await startDeployLab();
  lab.azure.unregistered = new Set(['Microsoft.App']);
  const { status, output } = await lab.deploy('--env', 'dev', '--location', 'westeurope', '--dry-run');
  expect(status, output).toBe(0);
  expect(output).toContain('Would register Microsoft.App.');
  expect(output).toContain('+ Microsoft.Resources/resourceGroups rg-lyceum-dev');
  expect(lab.azure.changes()).toEqual([]);
  expect(lab.packages).toBe(0);
});

test('anything but yes to the question changes nothing', async () => {
  for (const answer of ['', 'n', 'maybe']) {
    const lab = await startDeployLab();
    lab.answers = [answer];
    const { status, output } = await lab.deploy('--env', 'dev', '--location', 'westeurope');
    expect(status).toBe(1);
    expect(output).toContain('Nothing was deployed.');
    expect(lab.azure.changes()).toEqual([]);
  }
});

test('what the subscription lacks is registered once, Microsoft.App for the network of the apps among it', async () => {
  const lab = await startDeployLab();
  lab.azure.unregistered = new Set(['Microsoft.App', 'microsoft.insights']);
  expect((await lab.deploy(...usual)).status).toBe(0);
  expect(lab.azure.lines(/^provider register/)).toEqual([
    expect.stringMatching(/--namespace Microsoft\.App --wait/),
    expect.stringMatching(/--namespace Microsoft\.Insights --wait/),
  ]);
});

test('the smoke test logs in as the administrator with the password of the vault', { timeout: 60_000 }, async () => {
  const app = await startApp({
    settings: { BOOTSTRAP_ADMIN_USERNAME: 'admin', BOOTSTRAP_ADMIN_PASSWORD: admin.password },
  });
  onTestFinished(() => app.close());
  const lab = await startDeployLab();
  lab.azure.install();
  lab.azure.product = app.url;
  lab.azure.secrets.set('bootstrap-admin-password', admin.password);
  const { status, output } = await lab.deploy('--env', 'dev', '--yes');
  expect(status, output).toBe(0);
  expect(output).toMatch(/^ok {3}smoke .* handed in and graded in .* by simulator/m);
  expect(output).not.toContain(admin.password);
});

test('a smoke test that fails leaves the summary, because the system is there', async () => {
  const lab = await startDeployLab();
  const { status, output } = await lab.deploy('--env', 'dev', '--location', 'westeurope', '--yes');
  expect(status).toBe(1);
  expect(output).toMatch(/^FAIL smoke/m);
  expect(output).toContain('Administrator   admin');
  // The password was made in this run, so nobody had to be asked for it.
  expect(lab.azure.lines(/^keyvault secret show/)).toEqual([]);
});

test('a step can be done alone, with what azd says or what was deployed', async () => {
  const lab = await startDeployLab();
  lab.azure.install();
  lab.shell = { OPENAI_API_KEY: 'new' };
  expect((await lab.deploy('--env', 'dev', '--step', 'secrets')).status).toBe(0);
  expect(lab.azure.secrets.get('openai-api-key')).toBe('new');
  expect(lab.azure.lines(/\/refresh\?/)).toEqual([
    expect.stringContaining('func-lyceum-worker-dev-k7x2qa'),
    expect.stringContaining('func-lyceum-api-dev-k7x2qa'),
  ]);
  lab.azure.deployment = undefined;
  lab.shell = {
    AZURE_ENV_NAME: 'dev',
    AZURE_RESOURCE_GROUP: 'rg-lyceum-dev',
    API_NAME: 'func-lyceum-api-dev-k7x2qa',
    WORKER_NAME: 'func-lyceum-worker-dev-k7x2qa',
    API_URL: lab.azure.apiUrl,
    VAULT_NAME: vaultName,
    API_PRINCIPAL_ID: 'principal-of-api',
    WORKER_PRINCIPAL_ID: 'principal-of-worker',
  };
  const { status, output } = await lab.deploy('--step', 'publish');
  expect(status, output).toBe(0);
  expect(lab.azure.uploads).toHaveLength(2);
  expect(lab.azure.lines(/^deployment sub create/)).toEqual([]);
});
