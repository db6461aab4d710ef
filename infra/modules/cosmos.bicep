metadata description = 'Cosmos DB for NoSQL: the account, the database and every container of containers.json. No keys.'

@description('Region of the resources.')
param location string

@description('Tags of every resource.')
param tags object

@description('Suffix that makes names unique.')
param suffix string

@description('Replicas in several zones of the region.')
param isZoneRedundant bool

@description('Closes the account to the internet; the private endpoint is made by network.bicep.')
param isPrivate bool

@description('`serverless` is paid by request; `autoscale` by the hour, for steady load.')
@allowed(['serverless', 'autoscale'])
param capacity string

@description('Request units a second at most that the database shares among its containers, with `autoscale`.')
@minValue(1000)
@maxValue(1000000)
param maxThroughput int

@description('How far back the account can be restored to any second.')
@allowed(['Continuous7Days', 'Continuous30Days'])
param backupTier string

@description('Principal of the app that serves HTTP and timers.')
param apiPrincipalId string

@description('Principal of the app that works off the queues.')
param workerPrincipalId string

@description('Workspace for diagnostics.')
param workspaceId string

// The one definition of the containers: the code and the local stack read the same file.
var definition = loadJsonContent('../containers.json')
var dataContributor = '00000000-0000-0000-0000-000000000002'

// What grading and e-mail touch (docs/data-model.md; a check compares the two). The API serves everything.
var workerContainers = ['identity', 'courses', 'coursework', 'pointers']
var allContainers = map(definition.containers, container => container.id)
var grants = concat(
  map(allContainers, name => { principalId: apiPrincipalId, container: name }),
  map(workerContainers, name => { principalId: workerPrincipalId, container: name })
)
var principalIds = [apiPrincipalId, workerPrincipalId]

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-04-15' = {
  // checkov:skip=CKV_AZURE_101: isPrivate closes it, which is a parameter
  // checkov:skip=CKV_AZURE_99: isPrivate closes it, which is a parameter
  name: 'cosmos-lyceum-${suffix}'
  location: location
  tags: tags
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    locations: [{ locationName: location, failoverPriority: 0, isZoneRedundant: isZoneRedundant }]
    consistencyPolicy: { defaultConsistencyLevel: 'Session' }
    capabilities: capacity == 'serverless' ? [{ name: 'EnableServerless' }] : []
    backupPolicy: { type: 'Continuous', continuousModeProperties: { tier: backupTier } }
    disableLocalAuth: true
    disableKeyBasedMetadataWriteAccess: true
    enableAutomaticFailover: true
    enableBurstCapacity: capacity == 'autoscale'
    minimalTlsVersion: 'Tls12'
    networkAclBypass: 'None'
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
  }
}

resource database 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases@2025-04-15' = {
  parent: account
  name: definition.database
  properties: {
    resource: { id: definition.database }
    options: capacity == 'autoscale' ? { autoscaleSettings: { maxThroughput: maxThroughput } } : {}
  }
}

@batchSize(1)
resource containers 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers@2025-04-15' = [
  for container in definition.containers: {
    parent: database
    name: container.id
    properties: {
      resource: union(
        { id: container.id, partitionKey: container.partitionKey, indexingPolicy: container.indexingPolicy },
        contains(container, 'defaultTtl') ? { defaultTtl: container.defaultTtl } : {}
      )
    }
  }
]

// A client asks for the account's addresses before it asks for a container, which the roles below do not allow it.
resource metadataReader 'Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions@2025-04-15' = {
  parent: account
  name: guid(account.id, 'metadata-reader')
  properties: {
    roleName: 'Lyceum metadata reader'
    type: 'CustomRole'
    assignableScopes: [account.id]
    permissions: [{ dataActions: ['Microsoft.DocumentDB/databaseAccounts/readMetadata'] }]
  }
}

// One at a time: the account refuses changes while it works on another.
@batchSize(1)
resource metadataRoles 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2025-04-15' = [
  for principalId in principalIds: {
    parent: account
    name: guid(account.id, principalId, metadataReader.id)
    properties: { principalId: principalId, roleDefinitionId: metadataReader.id, scope: account.id }
    dependsOn: [containers]
  }
]

@batchSize(1)
resource roles 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2025-04-15' = [
  for grant in grants: {
    parent: account
    name: guid(account.id, grant.principalId, grant.container, dataContributor)
    properties: {
      principalId: grant.principalId
      roleDefinitionId: '${account.id}/sqlRoleDefinitions/${dataContributor}'
      scope: '${account.id}/dbs/${definition.database}/colls/${grant.container}'
    }
    dependsOn: [containers, metadataRoles]
  }
]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: account
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      { category: 'DataPlaneRequests', enabled: true }
      { category: 'QueryRuntimeStatistics', enabled: true }
      { category: 'PartitionKeyRUConsumption', enabled: true }
      { category: 'PartitionKeyStatistics', enabled: true }
      { category: 'ControlPlaneRequests', enabled: true }
    ]
    metrics: [{ category: 'Requests', enabled: true }]
  }
}

@description('Resource id of the account.')
output id string = account.id

@description('Name of the account.')
output name string = account.name

@description('Address of the account.')
output endpoint string = account.properties.documentEndpoint

@description('Name of the database.')
output database string = database.name
