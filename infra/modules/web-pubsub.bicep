metadata description = 'Web PubSub for what happens while one looks. No keys.'

@description('Region of the resources.')
param location string

@description('Tags of every resource.')
param tags object

@description('Suffix that makes names unique.')
param suffix string

@description('Standard is needed for private endpoints and zones.')
@allowed(['Free_F1', 'Standard_S1'])
param sku string

@description('Closes the service to the internet for servers; clients keep their way in.')
param isPrivate bool

@description('Principals that publish and make client addresses.')
param ownerPrincipalIds array

@description('Workspace for diagnostics.')
param workspaceId string

// What no rule names takes the default action. A private endpoint has a rule of its own only by the name that Azure makes for its
// connection, so the default is to allow, and the rule of the public network denies.
var closed = { defaultAction: 'Allow', publicNetwork: { deny: ['ServerConnection', 'RESTAPI', 'Trace'] } }
var open = { defaultAction: 'Allow' }
var serviceOwner = '12cf5a90-567b-43ae-8102-96cf46c7d9b4'

resource service 'Microsoft.SignalRService/webPubSub@2024-03-01' = {
  // checkov:skip=CKV_AZURE_176: the service calls nobody, so it needs no identity
  name: 'wps-lyceum-${suffix}'
  location: location
  tags: tags
  kind: 'WebPubSub'
  sku: { name: sku, capacity: 1 }
  properties: {
    disableLocalAuth: true
    tls: { clientCertEnabled: false }
    publicNetworkAccess: 'Enabled'
    networkACLs: isPrivate ? closed : open
  }
}

resource owners 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principalId in ownerPrincipalIds: {
    scope: service
    name: guid(service.id, principalId, serviceOwner)
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', serviceOwner)
    }
  }
]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: service
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

@description('Resource id of the service.')
output id string = service.id
