import type { Case } from './templates-of.ts';

const queues = [{ name: 'grading', description: 'x', lockDuration: 'PT1M', maxDeliveryCount: 5 }];
const queueFile = (over: string, body: string) => `var definition = loadJsonContent('../queues.json')
resource queues 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = [
  for queue in ${over}: {
    ${body}
  }
]
`;
const whole =
  'name: queue.name\n    properties: { lockDuration: queue.lockDuration, maxDeliveryCount: queue.maxDeliveryCount }';

const vault = "resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = { name: 'x' }\n";
const diagnostics = (properties: string, scope = 'vault') =>
  `${vault}resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {\n  scope: ${scope}\n  properties: { ${properties} }\n}\n`;
const audit = "workspaceId: workspaceId, logs: [{ category: 'AuditEvent', enabled: true }]";
const lock = (level: string) =>
  `${vault}resource keep 'Microsoft.Authorization/locks@2020-05-01' = { scope: vault, properties: { level: '${level}' } }\n`;

const endpoint = "resource endpoint 'Microsoft.Network/privateEndpoints@2025-05-01' = { name: 'x' }\n";
const zone = `resource zone 'Microsoft.Network/privateDnsZones@2020-06-01' = { name: 'x' }
resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = { parent: zone }
resource group 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-05-01' = { parent: endpoint }
`;
const target =
  "module n 'n.bicep' = { params: { targets: [{ group: 'vault', zone: 'privatelink.vaultcore.azure.net' }] } }\n";

const scale = (given: string) => ({
  'infra/main.bicep': 'param workerMaximumInstances int = 40\nparam modelConcurrencyLimit int = 320\n',
  'infra/dev.bicepparam': `using 'main.bicep'\n${given}`,
});

const alert = (name: string, actions = 'actions: []') =>
  `resource a 'Microsoft.Insights/metricAlerts@2018-03-01' = {\n  name: '${name}'\n  properties: { ${actions} }\n}\n`;
const logAlert = (query: string) => `var rules = [
  { name: 'slow', query: '${query}' }
]
resource a 'Microsoft.Insights/scheduledQueryRules@2025-01-01-preview' = [for rule in rules: { name: rule.name }]
`;
const budget = (kinds: string[]) =>
  `resource b 'Microsoft.Consumption/budgets@2023-11-01' = { properties: { notifications: { ${kinds.map((kind, i) => `n${i}: { thresholdType: '${kind}' }`).join(', ')} } } }\n`;

export const dataCases: Case[] = [
  { rule: 'one-definition', name: 'all of it', snippet: queueFile('definition.queues', whole), other: { queues } },
  {
    rule: 'one-definition',
    name: 'a queue that is written down',
    snippet: "resource q 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = { name: 'grading' }\n",
    other: { queues },
    says: /q is not made from queues.json/,
  },
  {
    rule: 'one-definition',
    name: 'a list of its own',
    snippet: queueFile("[{ name: 'grading' }]", whole),
    other: { queues },
    says: /queues is not made from queues.json/,
  },
  {
    rule: 'one-definition',
    name: 'a property that is dropped',
    snippet: queueFile('definition.queues', 'name: queue.name\n    properties: { lockDuration: queue.lockDuration }'),
    other: { queues },
    says: /queues does not pass maxDeliveryCount of queues.json on/,
  },
  {
    rule: 'one-definition',
    name: 'a property of a container that nobody handles',
    snippet: `var definition = loadJsonContent('../containers.json')
resource all 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers@2025-04-15' = [
  for container in definition.containers: { name: container.id }
]
`,
    other: { containers: [{ id: 'audit' }, { id: 'chat', conflictResolutionPolicy: {} }] },
    says: /all does not pass conflictResolutionPolicy of containers.json on/,
  },
  {
    rule: 'containers-exist',
    name: 'a misspelt one',
    snippet: "var workerContainers = ['audti']\n",
    other: { containers: [{ id: 'audit' }] },
    says: /there is no container 'audti'/,
  },
  { rule: 'diagnostics', name: 'what is wanted', snippet: diagnostics(audit) },
  { rule: 'diagnostics', name: 'none', snippet: vault, says: /vault \(Microsoft.KeyVault\/vaults\) has no diagnostic/ },
  { rule: 'diagnostics', name: 'of something else', snippet: diagnostics(audit, 'other'), says: /has no diagnostic/ },
  {
    rule: 'diagnostics',
    name: 'a category that is off',
    snippet: diagnostics("workspaceId: workspaceId, logs: [{ category: 'AuditEvent', enabled: false }]"),
    says: /diagnostics of vault has no AuditEvent/,
  },
  {
    rule: 'diagnostics',
    name: 'no workspace',
    snippet: diagnostics("logs: [{ category: 'AuditEvent' }]"),
    says: /diagnostics has no workspace/,
  },
  { rule: 'locks', name: 'a lock', snippet: lock('CanNotDelete') },
  { rule: 'locks', name: 'none', snippet: vault, says: /vault has no CanNotDelete lock/ },
  {
    rule: 'locks',
    name: 'one that stops changes too',
    snippet: lock('ReadOnly'),
    says: /vault has no CanNotDelete lock/,
  },
  {
    rule: 'lifecycle',
    name: 'none',
    snippet: "resource a 'Microsoft.Storage/storageAccounts@2025-06-01' = { name: 'x' }\n",
    says: /a has no management policy/,
  },
  { rule: 'private-endpoints', name: 'all of it', snippet: vault + endpoint + zone + target },
  {
    rule: 'private-endpoints',
    name: 'no group of zones',
    snippet: endpoint,
    says: /endpoint has no privateDnsZoneGroups/,
  },
  { rule: 'private-endpoints', name: 'no zone', snippet: endpoint, says: /endpoint has no zone/ },
  {
    rule: 'private-endpoints',
    name: 'a vault that is left out',
    snippet: vault + endpoint + zone,
    says: /vault has no private endpoint \{ group: 'vault'/,
  },
  { rule: 'time-limits', name: 'what fits', snippet: '', other: { queues } },
  {
    rule: 'time-limits',
    name: 'a lock that ends first',
    snippet: '',
    other: { host: { functionTimeout: '00:10:00', maxConcurrentCalls: 8, maxAutoLockRenewalDuration: '00:05:00' } },
    says: /host.json:1: maxAutoLockRenewalDuration is shorter/,
  },
  {
    rule: 'time-limits',
    name: 'a function that ends before a call of a model may',
    snippet: '',
    other: { host: { functionTimeout: '00:09:00', maxConcurrentCalls: 8, maxAutoLockRenewalDuration: '00:10:00' } },
    says: /LLM_TIMEOUT_S, which may be 540/,
  },
  {
    rule: 'time-limits',
    name: 'a queue that never gives up',
    snippet: '',
    other: { queues: [{ name: 'grading', maxDeliveryCount: 100 }] },
    says: /grading is delivered 100 times/,
  },
  { rule: 'model-concurrency', name: 'as many as the vendor allows', snippet: scale('') },
  {
    rule: 'model-concurrency',
    name: 'more instances in one deployment',
    snippet: scale('param workerMaximumInstances = 41\n'),
    says: /main.bicep:1: infra\/dev.bicepparam: 41 instances times 8 calls are more than the 320/,
  },
  {
    rule: 'model-concurrency',
    name: 'instances that follow from the limit and from host.json',
    snippet: {
      'infra/main.bicep':
        "param modelConcurrencyLimit int = 400\nvar calls = loadJsonContent('../host.json').extensions.serviceBus.maxConcurrentCalls\nvar workerMaximumInstances = max(40, modelConcurrencyLimit / calls)\n",
      'infra/dev.bicepparam': "using 'main.bicep'\n",
    },
    other: { json: { 'host.json': { extensions: { serviceBus: { maxConcurrentCalls: 8 } } } } },
  },
  {
    rule: 'model-concurrency',
    name: 'a limit that the fewest instances pass',
    snippet: {
      'infra/main.bicep':
        "param modelConcurrencyLimit int = 100\nvar calls = loadJsonContent('../host.json').extensions.serviceBus.maxConcurrentCalls\nvar workerMaximumInstances = max(40, modelConcurrencyLimit / calls)\n",
      'infra/dev.bicepparam': "using 'main.bicep'\n",
    },
    other: { json: { 'host.json': { extensions: { serviceBus: { maxConcurrentCalls: 8 } } } } },
    says: /main.bicep:3: infra\/dev.bicepparam: 40 instances times 8 calls are more than the 100/,
  },
  {
    rule: 'model-concurrency',
    name: 'a limit that nobody states',
    snippet: { 'infra/main.bicep': 'param workerMaximumInstances int = 40\n', 'infra/dev.bicepparam': '' },
    says: /are not known numbers/,
  },
  { rule: 'runbook', name: 'a section for each', snippet: alert('slow'), other: { runbook: '# Runbook\n\n## slow\n' } },
  {
    rule: 'runbook',
    name: 'an alert without a section',
    snippet: logAlert('AppRequests | count'),
    other: { runbook: '# Runbook\n' },
    says: /:2: docs\/runbook.md has no section slow/,
  },
  {
    rule: 'runbook',
    name: 'a section without an alert',
    snippet: alert('slow'),
    other: { runbook: '## slow\n\n## fast\n' },
    says: /docs\/runbook.md:1: no alert is called fast/,
  },
  { rule: 'alerts', name: 'nobody to tell', snippet: alert('slow', ''), says: /a tells nobody/ },
  {
    rule: 'alerts',
    name: 'something that is not watched',
    snippet: alert('slow'),
    says: /nothing watches messages that were given up/,
  },
  { rule: 'budget', name: 'both', snippet: budget(['Actual', 'Forecasted']) },
  { rule: 'budget', name: 'no forecast', snippet: budget(['Actual']), says: /b has no threshold of Forecasted/ },
];
