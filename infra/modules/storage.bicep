metadata description = 'One storage account: the packages of the apps, what the host keeps, and files of the product. No keys.'

@description('Region of the resources.')
param location string

@description('Tags of every resource.')
param tags object

@description('Suffix that makes names unique.')
param suffix string

@description('Copies in several zones of the region.')
param isZoneRedundant bool

@description('Closes the account to the internet; private endpoints are made by network.bicep.')
param isPrivate bool

@description('Days for which deleted blobs and containers can be brought back.')
@minValue(1)
@maxValue(365)
param softDeleteDays int

@description('Principal of the app that serves HTTP and timers.')
param apiPrincipalId string

@description('Principal of the app that works off the queues.')
param workerPrincipalId string

@description('Workspace for diagnostics.')
param workspaceId string

// The host keeps its locks and timers, and the app its package, in blobs: owner is what the host asks for.
var blobDataOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  // checkov:skip=CKV_AZURE_35: isPrivate closes it, which is a parameter
  // checkov:skip=CKV_AZURE_206: isZoneRedundant makes it ZRS, which is a parameter
  // checkov:skip=CKV_AZURE_43: the name is an expression: letters and digits, 24 at most
  name: take('stlyceum${replace(suffix, '-', '')}', 24)
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: isZoneRedundant ? 'Standard_ZRS' : 'Standard_LRS' }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    supportsHttpsTrafficOnly: true
    networkAcls: { bypass: 'None', defaultAction: isPrivate ? 'Deny' : 'Allow' }
    encryption: {
      keySource: 'Microsoft.Storage'
      requireInfrastructureEncryption: true
      services: {
        blob: { enabled: true, keyType: 'Account' }
        file: { enabled: true, keyType: 'Account' }
      }
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' = {
  parent: account
  name: 'default'
  properties: {
    isVersioningEnabled: true
    changeFeed: { enabled: false }
    deleteRetentionPolicy: { enabled: true, days: softDeleteDays }
    containerDeleteRetentionPolicy: { enabled: true, days: softDeleteDays }
  }
}

resource packages 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' = [
  for app in ['api', 'worker']: {
    parent: blobs
    name: 'packages-${app}'
    properties: { publicAccess: 'None' }
  }
]

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-01-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'forget-old-versions'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob'] }
            actions: { version: { delete: { daysAfterCreationGreaterThan: 90 } } }
          }
        }
      ]
    }
  }
  dependsOn: [blobs]
}

resource owners 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principalId in [apiPrincipalId, workerPrincipalId]: {
    scope: account
    name: guid(account.id, principalId, blobDataOwner)
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', blobDataOwner)
    }
  }
]

resource accountDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: account
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

resource blobDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: blobs
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: [
      { category: 'StorageRead', enabled: true }
      { category: 'StorageWrite', enabled: true }
      { category: 'StorageDelete', enabled: true }
    ]
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

@description('Resource id of the account.')
output id string = account.id

@description('Name of the account.')
output name string = account.name

@description('Address of the blob service.')
output blobEndpoint string = account.properties.primaryEndpoints.blob

@description('Names of the containers of packages.')
output packageContainers object = { api: packages[0].name, worker: packages[1].name }
