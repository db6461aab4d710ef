import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../../tools/run-command.ts';
import { startDeployLab, usual } from './deploy-lab.ts';
import { vaultName } from './fake-azure-shapes.ts';

test('a deployment that an interrupted run began is waited for, and no other is begun', async () => {
  const lab = await startDeployLab();
  lab.azure.install();
  Object.assign(lab.azure.deployment ?? {}, { state: 'Running', looks: 4 });
  const { status, output } = await lab.deploy('--env', 'dev', '--yes', '--no-smoke');
  expect(status, output).toBe(0);
  expect(output).toContain('is still under way');
  expect(output).toContain('waited for the deployment of an earlier run');
  expect(lab.azure.lines(/^deployment sub (create|what-if)/)).toEqual([]);
  expect(lab.azure.uploads).toHaveLength(2);
});

test('an environment does not end up in two regions; the record of one that is gone does not stand in the way', async () => {
  const lab = await startDeployLab();
  lab.azure.install();
  const refused = await lab.deploy('--env', 'dev', '--location', 'swedencentral', '--yes');
  expect(refused.output).toMatch(/dev is in westeurope already: leave --location out/);
  expect(lab.azure.changes()).toEqual([]);
  lab.azure.hasGroup = false;
  lab.azure.secrets.clear();
  lab.azure.flexRegions = ['swedencentral'];
  const moved = await lab.deploy('--env', 'dev', '--location', 'swedencentral', '--yes', '--no-smoke');
  expect(moved.status, moved.output).toBe(0);
  expect(lab.azure.changes().slice(0, 2)).toEqual([
    expect.stringContaining('deployment sub delete'),
    expect.stringContaining('deployment sub create'),
  ]);
});

test('the vault of a destroyed environment is brought back, and its keys are referred to again', async () => {
  const lab = await startDeployLab();
  lab.azure.deletedVaults.set(
    vaultName,
    new Map([
      ['jwt-secret', 'old'],
      ['openai-api-key', 'of before'],
    ]),
  );
  const { status, output } = await lab.deploy(...usual);
  expect(status, output).toBe(0);
  expect(output).toContain(`The vault ${vaultName} of an earlier dev is brought back with its secrets.`);
  const modes = lab.azure.calls
    .filter((call) => call.line.startsWith('deployment sub create'))
    .map((call) => [call.env['VAULT_CREATE_MODE'], call.env['SECRET_NAMES']]);
  expect(modes).toEqual([
    ['recover', '[]'],
    ['default', '["openai-api-key"]'],
  ]);
  expect(lab.azure.secrets.get('jwt-secret')).toBe('old');
});

test('a network that fails for a moment does not end the wait for a deployment', async () => {
  const lab = await startDeployLab();
  lab.azure.when(
    /^deployment operation sub list/,
    { error: 'ERROR: HTTPSConnectionPool: Max retries exceeded with url' },
    3,
  );
  expect((await lab.deploy(...usual)).status).toBe(0);
  lab.azure.when(/^deployment sub what-if/, { error: 'ERROR: HTTPSConnectionPool: Max retries exceeded with url' }, 9);
  const { status, output } = await lab.deploy(...usual);
  expect(status).toBe(1);
  expect(output).toMatch(/Azure cannot be reached from here: check the network/);
});

test('a short list of functions and roles that are not known yet are asked about again', async () => {
  const lab = await startDeployLab();
  lab.azure.shortLists = 1;
  lab.azure.unresolved.times = 2;
  const { status, output } = await lab.deploy(...usual);
  expect(status, output).toBe(0);
  expect(lab.azure.lines(/\/sync\?/)).toHaveLength(3);
});

test('an empty list of references is asked for again, and in the end left to the health check', async () => {
  const lab = await startDeployLab();
  lab.azure.unresolved = { times: 2, status: 'nothing' };
  const soon = await lab.deploy(...usual);
  expect(soon.status, soon.output).toBe(0);
  expect(soon.output).not.toContain('lists no references');
  lab.azure.unresolved = { times: 6, status: 'nothing' };
  const never = await lab.deploy(...usual);
  expect(never.status, never.output).toBe(0);
  expect(never.output).toContain('Azure lists no references of func-lyceum-worker-dev-k7x2qa');
});

test('a secret that is not there is not waited for', async () => {
  const lab = await startDeployLab();
  lab.pace.referenceTries = 500;
  lab.azure.unresolved = { times: 500, status: 'SecretNotFound' };
  const { status, output } = await lab.deploy(...usual);
  expect(status).toBe(1);
  expect(output).toContain('JWT_SECRET (jwt-secret: SecretNotFound)');
  expect(lab.azure.lines(/configreferences\/appsettings\?/).length).toBeLessThan(10);
});

test('Ctrl-C ends it at once with a sentence, whatever az is doing', async () => {
  const lab = await startDeployLab();
  lab.azure.when(/^provider list/, 'hang');
  const child = spawn(process.execPath, [join(projectRoot, 'tools/deploy.ts'), ...usual], {
    env: { ...lab.azure.env, AZURE_CONFIG_DIR: lab.folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
    });
  }
  await expect.poll(() => lab.azure.lines(/^provider list/), { timeout: 20_000 }).toHaveLength(1);
  child.kill('SIGINT');
  const [status] = await once(child, 'close');
  expect(status, output).toBe(130);
  expect(output).toMatch(/^STOP preflight/m);
  expect(output).toMatch(/Stopped\. Run the same command again and it goes on from here/);
});
