import type { Case } from './templates-of.ts';

const owner = '8e3af657-a8ff-443c-a75c-2fe8c4bcb635';
const sender = '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39';
const contributor = '00000000-0000-0000-0000-000000000002';

interface Assignment {
  role?: string;
  scope?: string;
  name?: string;
  type?: string;
}

/** An assignment of a role on a queue, with one thing about it changed. */
const assignment = ({
  role = sender,
  scope = 'scope: queue',
  name = 'guid(queue.id, principalId, role)',
  type = "principalType: 'ServicePrincipal'",
}: Assignment) => `var role = '${role}'
resource queue 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' existing = { name: 'x' }
resource bus 'Microsoft.ServiceBus/namespaces@2024-01-01' existing = { name: 'x' }
resource grant 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  ${scope}
  name: ${name}
  properties: {
    principalId: principalId
    ${type}
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
  }
}
`;

/** An assignment of a role for the data of Cosmos DB. */
const dataAssignment = (scope: string, role: string) => `var role = '${role}'
resource account 'Microsoft.DocumentDB/databaseAccounts@2025-04-15' existing = { name: 'x' }
resource grant 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2025-04-15' = {
  parent: account
  name: guid(account.id, principalId, role)
  properties: {
    principalId: principalId
    roleDefinitionId: '\${account.id}/sqlRoleDefinitions/\${role}'
    scope: '\${account.id}${scope}'
  }
}
`;

/** A role of our own on the whole account. */
const ownRole = (actions: string) => `resource account 'Microsoft.DocumentDB/databaseAccounts@2025-04-15' existing = {
  name: 'x'
}
resource own 'Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions@2025-04-15' = {
  parent: account
  properties: { permissions: [{ dataActions: ['Microsoft.DocumentDB/databaseAccounts/${actions}'] }] }
}
resource grant 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2025-04-15' = {
  parent: account
  name: guid(account.id, principalId, own.id)
  properties: { principalId: principalId, roleDefinitionId: own.id, scope: account.id }
}
`;

const site = (identity: string) => `resource app 'Microsoft.Web/sites@2025-05-01' = { name: 'x'${identity} }\n`;
const app = (name: string, identity: string) =>
  `module ${name} 'modules/functions.bicep' = { name: '${name}', params: { identity: ${identity} } }\n`;

export const identityCases: Case[] = [
  { rule: 'user-assigned', name: 'no identity', snippet: site(''), says: /app has no identity/ },
  {
    rule: 'user-assigned',
    name: 'an identity of the system',
    snippet: site(", identity: { type: 'SystemAssigned, UserAssigned' }"),
    says: /app is 'SystemAssigned, UserAssigned'/,
  },
  { rule: 'user-assigned', name: 'its own', snippet: site(", identity: { type: 'UserAssigned' }") },
  {
    rule: 'user-assigned',
    name: 'one identity for two apps',
    snippet: { 'infra/main.bicep': app('api', 'one') + app('worker', 'one') },
    says: /worker shares its identity/,
  },
  { rule: 'known-roles', name: 'the owner', snippet: `var a = '${owner}'\n`, says: /:1: Owner is not in/ },
  {
    rule: 'known-roles',
    name: 'an id of a parameter file',
    snippet: { 'infra/dev.bicepparam': "param a = '12345678-1234-1234-1234-123456789012'\n" },
    says: /dev.bicepparam:1: 12345678/,
  },
  { rule: 'narrow-roles', name: 'a role on a queue', snippet: assignment({}) },
  { rule: 'narrow-roles', name: 'the owner', snippet: assignment({ role: owner }), says: /grant gives Owner/ },
  { rule: 'narrow-roles', name: 'no scope', snippet: assignment({ scope: '' }), says: /the whole resource group/ },
  {
    rule: 'narrow-roles',
    name: 'the whole namespace',
    snippet: assignment({ scope: 'scope: bus', name: 'guid(bus.id, principalId, role)' }),
    says: /Sender is given on Microsoft.ServiceBus\/namespaces, not Microsoft.ServiceBus\/namespaces\/queues/,
  },
  {
    rule: 'narrow-roles',
    name: 'a name that is new at each deployment',
    snippet: assignment({ name: 'newGuid()' }),
    says: /grant is not named guid\(queue.id, principalId, role\)/,
  },
  { rule: 'narrow-roles', name: 'no type of principal', snippet: assignment({ type: '' }), says: /no principalType/ },
  {
    rule: 'narrow-data-roles',
    name: 'one container',
    snippet: dataAssignment('/dbs/lyceum/colls/audit', contributor),
  },
  {
    rule: 'narrow-data-roles',
    name: 'the whole account',
    snippet: dataAssignment('', contributor),
    says: /grant is not for one container/,
  },
  {
    rule: 'narrow-data-roles',
    name: 'another role',
    snippet: dataAssignment('/dbs/lyceum/colls/audit', sender),
    says: /grant gives another role/,
  },
  { rule: 'narrow-data-roles', name: 'a role that asks where the account is', snippet: ownRole('readMetadata') },
  {
    rule: 'narrow-data-roles',
    name: 'a role of our own that reads all data',
    snippet: ownRole('sqlDatabases/containers/items/read'),
    says: /grant is not for one container/,
  },
  {
    rule: 'no-keys',
    name: 'a function that reads keys',
    snippet: 'var a = account.listKeys().keys[0].value\n',
    says: /:1: reads a key/,
  },
  { rule: 'no-keys', name: 'a connection string', snippet: "var a = 'AccountKey=abc'\n", says: /connection string/ },
  { rule: 'no-keys', name: 'an access key', snippet: "var a = 'SharedAccessKey=abc'\n", says: /connection string/ },
  {
    rule: 'no-keys',
    name: 'a setting of a connection string',
    snippet: "var a = {\n  AzureWebJobsStorage: 'x'\n}\n",
    says: /:2: sets a connection string/,
  },
  { rule: 'no-keys', name: 'an address', snippet: "var a = {\n  AzureWebJobsStorage__blobServiceUri: 'x'\n}\n" },
  {
    rule: 'no-publishing-passwords',
    name: 'a site that allows one of them',
    snippet: `resource app 'Microsoft.Web/sites@2025-05-01' = {
  name: 'x'
  resource scm 'basicPublishingCredentialsPolicies' = { name: 'scm', properties: { allow: false } }
}
`,
    says: /app does not switch the passwords of ftp off/,
  },
];
