import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../../tools/run-command.ts';
import { type DeployLab, startDeployLab, usual } from './deploy-lab.ts';
import { vaultName } from './fake-azure-shapes.ts';

/** What is wrong, how it is brought about, and what the person reads. */
const beforeAnything: [string, (lab: DeployLab) => void, string[], RegExp][] = [
  [
    'an option that does not exist',
    () => {},
    ['--evn', 'dev'],
    /^Unknown option '--evn'\. See `npm run deploy -- --help`\.$/m,
  ],
  ['no environment', () => {}, [], /Say which environment: npm run deploy -- --env dev/],
  ['a bad name of one', () => {}, ['--env', 'My-Env'], /--env must be 2 to 8 lower-case letters and digits.*'My-Env'/],
  [
    'a bad step',
    () => {},
    ['--env', 'dev', '--step', 'all'],
    /--step must be one of secrets, publish, smoke, not 'all'/,
  ],
  ['a bad address', () => {}, [...usual, '--alert-email', 'kim'], /--alert-email must be an e-mail address, not 'kim'/],
  ['a bad URL', () => {}, [...usual, '--app-url', 'learn'], /--app-url must be a web address/],
  [
    'nobody to ask',
    () => {},
    ['--env', 'dev', '--location', 'westeurope'],
    /There is no terminal to ask on: add --yes/,
  ],
  [
    'no az',
    (lab) => Object.assign(lab.azure.env, { PATH: lab.folder }),
    usual,
    /`az`\) is not on the PATH: install it from https:\/\/aka\.ms\/azure-cli/,
  ],
  [
    'an old az',
    (lab) => Object.assign(lab.azure.versions, { az: '2.59.1' }),
    usual,
    /az 2\.59\.1 is too old: 2\.60\.0 or later is needed; run `az upgrade`/,
  ],
  [
    'an old Bicep',
    (lab) => Object.assign(lab.azure.versions, { bicep: '0.30.3' }),
    usual,
    /Bicep 0\.30\.3 is too old.*`az bicep upgrade`/,
  ],
  [
    'no Bicep',
    (lab) =>
      lab.azure.when(/^bicep version/, {
        error: 'ERROR: Bicep CLI not found. Install it now by running "az bicep install".',
      }),
    usual,
    /Bicep is not installed: run `az bicep install`/,
  ],
  [
    'nobody logged in',
    (lab) => lab.azure.when(/^account show/, { error: "ERROR: Please run 'az login' to setup account." }),
    usual,
    /az is not logged in: run `az login`/,
  ],
  [
    'an expired login',
    (lab) =>
      lab.azure.when(/^account get-access-token/, {
        error:
          'ERROR: AADSTS700082: The refresh token has expired due to inactivity.\nTo re-authenticate, please run:\naz login',
      }),
    usual,
    /The login of az has expired or needs another factor: run `az login`/,
  ],
  [
    'a disabled subscription',
    (lab) => Object.assign(lab.azure.account, { state: 'Disabled' }),
    usual,
    /The subscription Teaching is disabled: choose another with --subscription/,
  ],
  [
    'another subscription',
    (lab) =>
      lab.azure.when(/^account show/, {
        error: "ERROR: The subscription of 'abc' doesn't exist in cloud 'AzureCloud'.",
      }),
    usual,
    /cannot see the subscription abc/,
  ],
  ['no region', () => {}, ['--env', 'dev', '--yes'], /Say where: npm run deploy -- --env dev --location westeurope/],
  [
    'a misspelt region',
    () => {},
    ['--env', 'dev', '--yes', '--location', 'westeurop'],
    /no region 'westeurop' for this subscription: did you mean westeurope/,
  ],
  [
    'a region without the apps',
    (lab) => Object.assign(lab.azure, { flexRegions: ['swedencentral'] }),
    usual,
    /westeurope has no Flex Consumption.*for example swedencentral/,
  ],
  [
    'a region without Node 24',
    (lab) => Object.assign(lab.azure, { flexVersions: ['20', '22'] }),
    usual,
    /has no Node 24 \(only 20, 22\)/,
  ],
  [
    'a region without a service',
    () => {},
    ['--env', 'dev', '--yes', '--location', 'northeurope'],
    /northeurope has no Microsoft\.SignalRService\/webPubSub: choose another region/,
  ],
  [
    'nobody to alert',
    (lab) => Object.assign(lab.azure.account, { user: '0b1f6471' }),
    usual,
    /add --alert-email you@example\.org/,
  ],
  [
    'production without a model',
    () => {},
    ['--env', 'prod', '--location', 'westeurope', '--yes', '--app-url', 'https://a.example'],
    /Production needs a model to grade with: set ANTHROPIC_API_KEY or OPENAI_API_KEY/,
  ],
  [
    'production without its front end',
    () => {},
    ['--env', 'prod', '--location', 'westeurope', '--yes'],
    /needs the address of its front end: add --app-url URL/,
  ],
  [
    'a name that is taken',
    (lab) => lab.azure.taken.add('cosmos-lyceum-dev-k7x2qa'),
    usual,
    /The name cosmos-lyceum-dev-k7x2qa .* is taken by somebody else/,
  ],
  [
    'another taken name',
    (lab) => lab.azure.taken.add('stlyceumdevk7x2qa'),
    usual,
    /stlyceumdevk7x2qa \(Microsoft\.Storage\/storageAccounts\) is taken/,
  ],
  [
    'a what-if without permission',
    (lab) =>
      lab.azure.when(/^deployment sub what-if/, {
        error:
          "ERROR: (AuthorizationFailed) The client 'kim' with object id 'x' does not have authorization to perform action 'Microsoft.Resources/deployments/whatIf/action' over scope '/subscriptions/1'.\nCode: AuthorizationFailed",
      }),
    usual,
    /This login may not do Microsoft\.Resources\/deployments\/whatIf\/action: have an owner give it the roles Contributor and Role Based/,
  ],
];

describe('what is wrong is said in a sentence, before anything changes:', () => {
  test.each(beforeAnything)('%s', async (_, arrange, args, said) => {
    const lab = await startDeployLab();
    arrange(lab);
    const { status, output } = await lab.deploy(...args);
    expect(status, output).toBe(1);
    expect(output).toMatch(said);
    expect(output).not.toMatch(/\n\s+at |should not happen/);
    expect(lab.azure.changes()).toEqual([]);
  });
});

const quota = {
  code: 'DeploymentFailed',
  message: 'At least one resource deployment operation failed.',
  details: [
    {
      code: 'Conflict',
      message: JSON.stringify({
        error: {
          code: 'ResourceDeploymentFailure',
          message: 'failed',
          details: [{ code: 'SubscriptionIsOverQuotaForSku', message: 'Current Limit (FC1): 0.' }],
        },
      }),
    },
  ],
};

/** Each step, how it is made to fail, and what the person reads. */
const steps: [string, (lab: DeployLab) => void, RegExp][] = [
  [
    'registering a provider',
    (lab) => {
      lab.azure.unregistered.add('Microsoft.App');
      lab.azure.when(/^provider register/, {
        error:
          "ERROR: (AuthorizationFailed) does not have authorization to perform action 'Microsoft.App/register/action'",
      });
    },
    /may not do Microsoft\.App\/register\/action/,
  ],
  [
    'beginning the deployment',
    (lab) =>
      lab.azure.when(/^deployment sub create/, {
        error:
          'ERROR: {"code": "InvalidTemplateDeployment", "details": [{"code": "RequestDisallowedByPolicy", "message": "disallowed"}]}',
      }),
    /A policy of the subscription forbids it/,
  ],
  [
    'a deployment that fails',
    (lab) => Object.assign(lab.azure, { nextError: quota }),
    /A quota of the subscription is used up.*\n\(SubscriptionIsOverQuotaForSku: Current Limit \(FC1\): 0\. in cosmos\)/,
  ],
  [
    'storing secrets',
    (lab) =>
      lab.azure.when(/^deployment group create/, {
        error: 'ERROR: (Conflict) Secret jwt-secret is currently in a deleted but recoverable state.',
      }),
    /az keyvault secret recover/,
  ],
  [
    'a reference that does not resolve',
    (lab) => Object.assign(lab.azure, { unresolved: { times: 3, status: 'AccessToKeyVaultDenied' } }),
    /func-lyceum-worker-dev-k7x2qa cannot read from the vault: JWT_SECRET \(jwt-secret: AccessToKeyVaultDenied\)/,
  ],
  [
    'an upload',
    (lab) =>
      lab.azure.when(/config-zip/, {
        error: 'ERROR: There may be an ongoing deployment. Please track your deployment in https://x',
      }),
    /Another upload to this app is under way/,
  ],
  [
    'functions that are not listed',
    (lab) => Object.assign(lab.azure, { shortLists: 3 }),
    /func-lyceum-worker-dev-k7x2qa does not list the \d+ functions of this version: it lacks /,
  ],
  [
    'a product that is not ready',
    (lab) => {
      lab.azure.ready = Array.from({ length: 5000 }, () => 503);
      lab.pace.readyLimitMs = 1000;
    },
    /health\/ready is not ready \(503 \{"status":"starting"\}\)/,
  ],
];

describe('a step that fails says why, and the same command goes on from there:', () => {
  test.each(steps)('%s', async (_, arrange, said) => {
    const lab = await startDeployLab();
    arrange(lab);
    const first = await lab.deploy(...usual);
    expect(first.status, first.output).toBe(1);
    expect(first.output).toMatch(said);
    expect(first.output).toMatch(/^FAIL /m);
    expect(first.output).not.toMatch(/\n\s+at |should not happen/);
    const made = new Map(lab.azure.secrets);
    lab.azure.ready = [];
    lab.pace.readyLimitMs = 60_000;

    const second = await lab.deploy(...usual);
    expect(second.status, second.output).toBe(0);
    expect(lab.azure.secrets.size).toBe(3);
    for (const [name, value] of made) expect(lab.azure.secrets.get(name)).toBe(value);
  });
});

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
    .map((call) => [call.env['VAULT_CREATE_MODE'], call.env['VENDOR_SECRETS']]);
  expect(modes).toEqual([
    ['recover', '{}'],
    ['default', '{"OPENAI_API_KEY":"openai-api-key"}'],
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
