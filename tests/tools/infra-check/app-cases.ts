import type { Case } from './templates-of.ts';

const complete = `
  JWT_SECRET: '@Microsoft.KeyVault(SecretUri=x)'
  DATA_ENCRYPTION_KEY: '@Microsoft.KeyVault(SecretUri=x)'
  LLM_ALLOW_SIMULATOR: 'true'
  CosmosConnection__accountEndpoint: account.outputs.endpoint
  CosmosConnection__credential: 'managedidentity'
  CosmosConnection__clientId: identity.outputs.clientId
  ServiceBusConnection__fullyQualifiedNamespace: bus.outputs.hostName
  ServiceBusConnection__credential: 'managedidentity'
  ServiceBusConnection__clientId: identity.outputs.clientId
`;

const siteFile = (site: string) => `param settings object
param part string
param isZoneRedundant bool = false
param ready int = 0
resource plan 'Microsoft.Web/serverfarms@2025-05-01' = { properties: { zoneRedundant: isZoneRedundant } }
resource app 'Microsoft.Web/sites@2025-05-01' = {
  tags: union(tags, { 'azd-service-name': part })
  ${site}
  resource appSettings 'config' = {
    name: 'appsettings'
    properties: union(settings, { AzureWebJobsStorage__blobServiceUri: 'https://example.org', AzureWebJobsStorage__credential: 'managedidentity', AzureWebJobsStorage__clientId: id })
  }
}
`;

interface Deployment {
  settings?: string;
  site?: string;
  params?: string;
  given?: string;
}

/** An app with settings that are complete, or with one thing about them changed. */
function deployment({ settings = complete, site = '', params = '', given = '' }: Deployment): Record<string, string> {
  const body = site || 'properties: { keyVaultReferenceIdentity: id }';
  return {
    'infra/main.bicep': `param kind string\nvar settings = {${settings}}\nmodule api 'modules/functions.bicep' = {\n  params: { settings: settings, part: 'api'${params} }\n}\n`,
    'infra/modules/functions.bicep': siteFile(body),
    'infra/prod.bicepparam': `using 'main.bicep'\nparam kind = 'production'\n${given}`,
  };
}

const listed = (...rows: [setting: string, ...readers: string[]][]) => ({
  json: { 'infra/secrets.json': { secrets: rows.map(([setting, ...readers]) => ({ setting, readers })) } },
});
const secrets = [
  'JWT_KEYS',
  'BOOTSTRAP_ADMIN_PASSWORD',
  'ANTHROPIC_API_KEY',
  'OPENAI_API_KEY',
  'MICROSOFT_CLIENT_SECRET',
  'GOOGLE_CLIENT_SECRET',
  'GITHUB_CLIENT_SECRET',
].map((name): [string, string] => [name, 'api']);

const without = (name: string) => complete.replace(new RegExp(`^ *${name}:.*\n`, 'm'), '');
/** Its secret comes from a table, by lambdas. */
const chosen = {
  ...deployment({}),
  'infra/main.bicep': `var rows = filter(loadJsonContent('table.json').rows, row => row.kind != 'other' && contains(row.readers, 'api'))
var chosen = toObject(rows, row => row.setting, row => '@Microsoft.KeyVault(\${row.name})')
var settings = union({${without('DATA_ENCRYPTION_KEY')}}, chosen)
module api 'modules/functions.bicep' = { params: { settings: settings, part: 'api' } }
`,
};
const rowFor = (reader: string) => ({
  json: {
    'infra/table.json': { rows: [{ setting: 'DATA_ENCRYPTION_KEY', name: 'key', kind: 'key', readers: [reader] }] },
  },
});
const siteConfig = (text: string) => deployment({ site: `properties: { siteConfig: { ${text} } }` });
const ready = 'properties: { functionAppConfig: { scaleAndConcurrency: { alwaysReady: [{ instanceCount: ready }] } } }';

export const appCases: Case[] = [
  { rule: 'settings-can-be-read', name: 'a union of objects', snippet: deployment({}) },
  {
    rule: 'settings-can-be-read',
    name: 'settings that only Azure knows',
    snippet: {
      ...deployment({}),
      'infra/main.bicep': "module api 'modules/functions.bicep' = { params: { settings: other.outputs.all } }\n",
    },
    says: /the settings of api with infra\/prod.bicepparam cannot be read/,
  },
  { rule: 'whole-connections', name: 'three parts', snippet: deployment({}) },
  {
    rule: 'whole-connections',
    name: 'no identity',
    snippet: deployment({ settings: without('CosmosConnection__clientId') }),
    says: /api with infra\/prod.bicepparam: CosmosConnection__clientId is missing/,
  },
  {
    rule: 'whole-connections',
    name: 'no kind of credential',
    snippet: deployment({ settings: without('ServiceBusConnection__credential') }),
    says: /ServiceBusConnection__credential is not managedidentity/,
  },
  {
    rule: 'whole-connections',
    name: 'no address',
    snippet: deployment({ settings: without('CosmosConnection__accountEndpoint') }),
    says: /CosmosConnection has no address/,
  },
  { rule: 'code-starts', name: 'all that it needs', snippet: deployment({}) },
  {
    rule: 'code-starts',
    name: 'a secret that is not given',
    snippet: deployment({ settings: without('DATA_ENCRYPTION_KEY') }),
    says: /api with infra\/prod.bicepparam: DATA_ENCRYPTION_KEY: is required/,
  },
  {
    rule: 'code-starts',
    name: 'no model and no simulator in production',
    snippet: deployment({
      settings: complete.replace("SIMULATOR: 'true'", "SIMULATOR: kind == 'production' ? 'false' : 'true'"),
    }),
    says: /ANTHROPIC_API_KEY or OPENAI_API_KEY/,
  },
  {
    rule: 'code-starts',
    name: 'a value that the code does not take',
    snippet: deployment({ settings: `${complete}  LOG_LEVEL: 'loud'\n` }),
    says: /LOG_LEVEL/,
  },
  { rule: 'settings-are-read', name: 'those of the code and of the host', snippet: deployment({}) },
  {
    rule: 'settings-are-read',
    name: 'a misspelt one',
    snippet: deployment({ settings: `${complete}  APP_ULR: 'x'\n` }),
    says: /nobody reads APP_ULR/,
  },
  {
    rule: 'no-foreign-settings',
    name: 'one of another plan',
    snippet: deployment({ settings: `${complete}  FUNCTIONS_WORKER_RUNTIME: 'node'\n` }),
    says: /FUNCTIONS_WORKER_RUNTIME is set/,
  },
  {
    rule: 'no-foreign-settings',
    name: 'one beside the settings',
    snippet: siteConfig("x: { WEBSITE_CONTENTSHARE: 'x' }"),
    says: /functions.bicep:8: WEBSITE_CONTENTSHARE is set/,
  },
  { rule: 'secrets-are-kept', name: 'references', snippet: deployment({}) },
  {
    rule: 'secrets-are-kept',
    name: 'a secret in the open',
    snippet: deployment({ settings: `${complete}  OPENAI_API_KEY: openAiKey\n` }),
    says: /OPENAI_API_KEY is not a reference/,
  },
  {
    rule: 'secrets-are-kept',
    name: 'nobody to read them',
    snippet: deployment({ site: 'properties: {}' }),
    says: /app has no keyVaultReferenceIdentity/,
  },
  {
    rule: 'secrets-are-listed',
    name: 'each with its readers',
    snippet: deployment({}),
    other: listed(...secrets, ['JWT_SECRET', 'api'], ['DATA_ENCRYPTION_KEY', 'worker', 'api']),
  },
  {
    rule: 'secrets-are-listed',
    name: 'one that the table lacks',
    snippet: deployment({}),
    other: listed(...secrets.slice(1), ['JWT_SECRET', 'api'], ['DATA_ENCRYPTION_KEY', 'api']),
    says: /^infra\/secrets.json:1: JWT_KEYS is not listed$/,
  },
  {
    rule: 'secrets-are-listed',
    name: 'one that no setting is called',
    snippet: deployment({}),
    other: listed(...secrets, ['JWT_SECRET', 'api'], ['DATA_ENCRYPTION_KEY', 'api'], ['JWT_SECERT', 'api']),
    says: /^infra\/secrets.json:1: nobody reads JWT_SECERT$/,
  },
  {
    rule: 'secrets-are-listed',
    name: 'one that the app may not read',
    snippet: deployment({}),
    other: listed(...secrets, ['JWT_SECRET', 'api'], ['DATA_ENCRYPTION_KEY', 'worker']),
    says: /: api with infra\/prod.bicepparam: refers to DATA_ENCRYPTION_KEY, which infra\/secrets.json does not let it read$/,
  },
  {
    rule: 'code-starts',
    name: 'what lambdas choose from a file',
    snippet: chosen,
    other: rowFor('api'),
  },
  {
    rule: 'code-starts',
    name: 'what lambdas leave out',
    snippet: chosen,
    other: rowFor('worker'),
    says: /api with infra\/prod.bicepparam: DATA_ENCRYPTION_KEY: is required/,
  },
  { rule: 'flex-site', name: 'what it may have', snippet: siteConfig('http20Enabled: true') },
  {
    rule: 'flex-site',
    name: 'what it may not have',
    snippet: siteConfig("linuxFxVersion: 'NODE|24'"),
    says: /siteConfig has linuxFxVersion/,
  },
  {
    rule: 'flex-site',
    name: 'an app without a plan of its own',
    snippet: "resource a 'Microsoft.Web/sites@2025-05-01' = { name: 'x' }\n",
    says: /holds one app/,
  },
  {
    rule: 'ready-in-zones',
    name: 'one instance in several zones',
    snippet: deployment({ site: ready, params: ', isZoneRedundant: true, ready: 1' }),
    says: /api with infra\/prod.bicepparam is in several zones/,
  },
  {
    rule: 'ready-in-zones',
    name: 'two instances in several zones',
    snippet: deployment({ site: ready, params: ', isZoneRedundant: true, ready: 2' }),
  },
  {
    rule: 'azd-services',
    name: 'services that are tagged',
    snippet: deployment({}),
    other: { azureYaml: 'name: lyceum\nservices:\n  # one\n  api:\n    host: function\n' },
  },
  {
    rule: 'azd-services',
    name: 'a service without an app',
    snippet: deployment({}),
    other: { azureYaml: 'services:\n  api:\n    host: function\n  worker:\n    host: function\n' },
    says: /tags api are not the services api, worker/,
  },
  {
    rule: 'no-deployer-in-production',
    name: 'a right for whoever deploys',
    snippet: {
      'infra/main.bicep':
        "param kind string\nparam isOfficer bool = true\nmodule a 'modules/a.bicep' = { params: { who: isOfficer ? deployer().objectId : '' } }\n",
      'infra/modules/a.bicep': 'param who string\n',
      'infra/prod.bicepparam': "param kind = 'production'\n",
    },
    says: /main.bicep:3: infra\/prod.bicepparam: a is given who = deployer\(\)/,
  },
  {
    rule: 'no-deployer-in-production',
    name: 'a right that is switched off',
    snippet: {
      'infra/main.bicep':
        "param kind string\nparam isOfficer bool = true\nmodule a 'modules/a.bicep' = { params: { who: isOfficer ? deployer().objectId : '' } }\n",
      'infra/modules/a.bicep': 'param who string\n',
      'infra/prod.bicepparam': "param kind = 'production'\nparam isOfficer = false\n",
    },
  },
];
