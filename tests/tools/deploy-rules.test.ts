import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { explainFailure } from '../../tools/deploy/az-errors.ts';
import { namesOf, readTemplate } from '../../tools/deploy/bicep.ts';
import { findSuffix } from '../../tools/deploy/names.ts';
import { innermostError } from '../../tools/deploy/provision.ts';
import { nearNames } from '../../tools/deploy/regions.ts';
import { listChanges, parseResourceId } from '../../tools/deploy/what-if.ts';
import { projectRoot } from '../../tools/run-command.ts';

const infra = join(projectRoot, 'infra');
const template = readTemplate(infra);

describe('what the Bicep files say', () => {
  test('every kind whose names the world shares has a name that is known before it is made', () => {
    const names = (type: string) =>
      template.resources.filter((one) => one.type === type).flatMap((one) => namesOf(one, { suffix: 'dev-k7x2qa' }));
    expect(names('Microsoft.Storage/storageAccounts')).toEqual(['stlyceumdevk7x2qa']);
    expect(names('Microsoft.KeyVault/vaults')).toEqual(['kv-lyceum-dev-k7x2qa']);
    expect(names('Microsoft.DocumentDB/databaseAccounts')).toEqual(['cosmos-lyceum-dev-k7x2qa']);
    expect(names('Microsoft.ServiceBus/namespaces')).toEqual(['sb-lyceum-dev-k7x2qa']);
    expect(names('Microsoft.SignalRService/webPubSub')).toEqual(['wps-lyceum-dev-k7x2qa']);
    expect(names('Microsoft.Communication/communicationServices')).toEqual(['acs-lyceum-dev-k7x2qa']);
    expect(names('Microsoft.Web/sites')).toEqual(['func-lyceum-api-dev-k7x2qa', 'func-lyceum-worker-dev-k7x2qa']);
  });

  test('a name is cut as Azure cuts it, and one that needs more than is known is none', () => {
    const of = (name: string) =>
      namesOf({ type: 'T', name, isRegional: true, allowed: {} }, { suffix: 'eightlet-k7x2qa' });
    expect(of(`take('kv-lyceum-\${suffix}', 24)`)).toEqual(['kv-lyceum-eightlet-k7x2q']);
    expect(of(`'pe-\${target.name}-\${suffix}'`)).toEqual([]);
    expect(of('guid(vault.id, principalId)')).toEqual([]);
  });

  test('the providers are those of the resources, and that of the network of the apps', () => {
    expect(template.providers).toEqual(
      expect.arrayContaining(['Microsoft.App', 'Microsoft.Web', 'Microsoft.KeyVault']),
    );
    expect(template.providers.every((name) => /^Microsoft\.\w+$/.test(name))).toBe(true);
  });

  test('the runtime that is looked for is the one that the apps ask for', () => {
    const text = readFileSync(join(infra, 'modules/functions.bicep'), 'utf8');
    expect(text).toContain("runtime: { name: 'node', version: '24' }");
  });

  test('the suffix is read from any resource whose form is known, and from nothing else', () => {
    const run = { template, options: { environment: 'dev' }, existing: [] } as unknown as Parameters<
      typeof findSuffix
    >[0];
    const shown = (type: string, name: string) => findSuffix(run, [{ type, name }]);
    expect(shown('Microsoft.OperationalInsights/workspaces', 'log-lyceum-dev-abc123')).toBe('dev-abc123');
    expect(shown('Microsoft.OperationalInsights/workspaces', 'other-dev-abc123')).toBeUndefined();
    expect(shown('Microsoft.Compute/disks', 'log-lyceum-dev-abc123')).toBeUndefined();
  });
});

test('the error at the bottom is found, also where it is text within a message', () => {
  const bottom = { code: 'ServiceUnavailable', message: 'high demand in West Europe' };
  const asText = {
    code: 'Conflict',
    message: JSON.stringify({ status: 'Failed', error: { code: 'ResourceDeploymentFailure', details: [bottom] } }),
  };
  expect(innermostError({ code: 'DeploymentFailed', message: 'x', details: [asText] })).toEqual(bottom);
  expect(innermostError({ code: 'InvalidName', message: 'too long' })).toEqual({
    code: 'InvalidName',
    message: 'too long',
  });
  expect(innermostError({ code: 'DeploymentFailed', message: 'x' })).toEqual({
    code: 'DeploymentFailed',
    message: 'x',
  });
  expect(innermostError(undefined)).toBeUndefined();
});

test('changes are listed by name, details counted by type, deletions always named, and the rest is a number', () => {
  const group = '/subscriptions/1/resourceGroups/g';
  const change = (changeType: string, id: string) => ({ changeType, resourceId: `${group}${id}` });
  const role = '/providers/Microsoft.Authorization/roleAssignments/';
  expect(
    listChanges([
      change('NoChange', ''),
      change('Ignore', '/providers/Microsoft.Web/sites/other'),
      change('Create', `${role}1`),
      change('Create', `${role}2`),
      change('Modify', '/providers/Microsoft.Web/sites/app'),
      change('Delete', '/providers/Microsoft.ServiceBus/namespaces/ns/queues/old'),
    ]),
  ).toEqual([
    '+ Microsoft.Authorization/roleAssignments (2)',
    '~ Microsoft.Web/sites app',
    '- Microsoft.ServiceBus/namespaces/queues ns/old',
    '= 1 unchanged',
  ]);
  expect(parseResourceId(group)).toEqual({ type: 'Microsoft.Resources/resourceGroups', name: 'g' });
});

test('a region that was misspelt is guessed, and one that is nothing like any is not', () => {
  const names = ['westeurope', 'northeurope', 'westus', 'westus2', 'uksouth'];
  expect(nearNames('westeurop', names)[0]).toBe('westeurope');
  expect(nearNames('europe', names)).toEqual(['northeurope', 'westeurope']);
  expect(nearNames('moon', names)).toEqual([]);
});

test.each([
  [
    'ERROR: (QuotaExceeded) Operation could not be completed as it results in exceeding approved quota.',
    /A quota of the subscription is used up/,
  ],
  [
    'ERROR: (ServiceUnavailable) Sorry, we are currently experiencing high demand in West Europe',
    /The region has no capacity/,
  ],
  [
    "ERROR: (MissingSubscriptionRegistration) The subscription is not registered to use namespace 'Microsoft.Web'.",
    /az provider register --namespace Microsoft\.Web --wait/,
  ],
  [
    'ERROR: (Odd) Nobody has seen this.\nCode: Odd\nMessage: Nobody has seen this.',
    /`az x` failed: \(Odd\) Nobody has seen this\./,
  ],
  ['', /`az x` failed: nothing was said/],
])('%j is said in words', (stderr, said) => {
  expect(explainFailure('az x', stderr).message).toMatch(said);
});
