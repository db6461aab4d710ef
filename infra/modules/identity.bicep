metadata description = 'One identity per app. They exist before the apps, so that their roles are there at the first start.'

@description('Region of the resources.')
param location string

@description('Tags of every resource.')
param tags object

@description('Suffix that makes names unique.')
param suffix string

resource api 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-lyceum-api-${suffix}'
  location: location
  tags: tags
}

resource worker 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-lyceum-worker-${suffix}'
  location: location
  tags: tags
}

@description('Identity of the app that serves HTTP and timers.')
output api object = { id: api.id, clientId: api.properties.clientId, principalId: api.properties.principalId }

@description('Identity of the app that works off the queues.')
output worker object = { id: worker.id, clientId: worker.properties.clientId, principalId: worker.properties.principalId }
