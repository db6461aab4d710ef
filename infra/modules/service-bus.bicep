metadata description = 'Service Bus: the namespace and every queue of queues.json. No keys.'

@description('Region of the resources.')
param location string

@description('Tags of every resource.')
param tags object

@description('Suffix that makes names unique.')
param suffix string

@description('Premium is needed for private endpoints.')
@allowed(['Standard', 'Premium'])
param tier string

@description('Closes the namespace to the internet; the private endpoint is made by network.bicep. Needs Premium.')
param isPrivate bool

@description('Principal of the app that serves HTTP and timers: it sends, and administrators read dead letters through it.')
param apiPrincipalId string

@description('Principal of the app that works off the queues: it receives, and sends its own retries.')
param workerPrincipalId string

@description('Workspace for diagnostics.')
param workspaceId string

// The one definition of the queues: the code and the local stack read the same file.
var definition = loadJsonContent('../queues.json')
var dataSender = '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39'
var dataReceiver = '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0'

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' = {
  name: 'sb-lyceum-${suffix}'
  location: location
  tags: tags
  sku: { name: tier, tier: tier, capacity: tier == 'Premium' ? 1 : null }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
  }
}

resource queues 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = [
  for queue in definition.queues: {
    parent: namespace
    name: queue.name
    properties: {
      lockDuration: queue.lockDuration
      maxDeliveryCount: queue.maxDeliveryCount
      defaultMessageTimeToLive: queue.defaultMessageTimeToLive
      deadLetteringOnMessageExpiration: queue.deadLetteringOnMessageExpiration
      requiresDuplicateDetection: queue.requiresDuplicateDetection
      duplicateDetectionHistoryTimeWindow: queue.duplicateDetectionHistoryTimeWindow
      requiresSession: queue.requiresSession
    }
  }
]

resource apiSends 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (queue, index) in definition.queues: {
    scope: queues[index]
    name: guid(queues[index].id, apiPrincipalId, dataSender)
    properties: {
      principalId: apiPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', dataSender)
    }
  }
]

// Administrators read dead letters through the API; Azure has no narrower role for them.
resource apiReceives 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (queue, index) in definition.queues: {
    scope: queues[index]
    name: guid(queues[index].id, apiPrincipalId, dataReceiver)
    properties: {
      principalId: apiPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', dataReceiver)
    }
  }
]

// Its own retries, and jobs that follow from a job.
resource workerSends 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (queue, index) in definition.queues: {
    scope: queues[index]
    name: guid(queues[index].id, workerPrincipalId, dataSender)
    properties: {
      principalId: workerPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', dataSender)
    }
  }
]

resource workerReceives 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (queue, index) in definition.queues: {
    scope: queues[index]
    name: guid(queues[index].id, workerPrincipalId, dataReceiver)
    properties: {
      principalId: workerPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', dataReceiver)
    }
  }
]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: namespace
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'OperationalLogs', enabled: true }
      { category: 'RuntimeAuditLogs', enabled: tier == 'Premium' }
    ]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

@description('Resource id of the namespace.')
output id string = namespace.id


@description('Host name of the namespace.')
output hostName string = '${namespace.name}.servicebus.windows.net'
