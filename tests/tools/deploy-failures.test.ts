import { describe, expect, test } from 'vitest';
import { type DeployLab, startDeployLab, usual } from './deploy-lab.ts';

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
