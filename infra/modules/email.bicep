metadata description = 'Azure Communication Services with a domain that Azure manages, for e-mails about accounts.'

@description('Tags of every resource.')
param tags object

@description('Suffix that makes names unique.')
param suffix string

@description('Where the service keeps its data at rest.')
@allowed(['Europe', 'United States', 'UK', 'Australia', 'Canada', 'Asia Pacific'])
param dataLocation string

@description('Principals that may send.')
param senderPrincipalIds array

@description('Workspace for diagnostics.')
param workspaceId string

var emailOwner = '09976791-48a7-449e-bb21-39d1a415f350'

resource email 'Microsoft.Communication/emailServices@2025-05-01' = {
  name: 'email-lyceum-${suffix}'
  location: 'global'
  tags: tags
  properties: { dataLocation: dataLocation }
}

resource domain 'Microsoft.Communication/emailServices/domains@2025-05-01' = {
  parent: email
  name: 'AzureManagedDomain'
  location: 'global'
  tags: tags
  properties: { domainManagement: 'AzureManaged', userEngagementTracking: 'Disabled' }
}

resource service 'Microsoft.Communication/communicationServices@2025-05-01' = {
  name: 'acs-lyceum-${suffix}'
  location: 'global'
  tags: tags
  properties: { dataLocation: dataLocation, disableLocalAuth: true, linkedDomains: [domain.id] }
}

resource senders 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principalId in senderPrincipalIds: {
    scope: service
    name: guid(service.id, principalId, emailOwner)
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', emailOwner)
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

@description('Address of the service.')
output endpoint string = 'https://${service.properties.hostName}'

@description('Sender of e-mails.')
output from string = 'DoNotReply@${domain.properties.mailFromSenderDomain}'
