metadata description = 'Keeps data from being deleted by mistake; for production.'

@description('Name of the Cosmos DB account.')
param cosmosName string

@description('Name of the storage account.')
param storageName string

@description('Name of the Key Vault.')
param vaultName string

resource cosmos 'Microsoft.DocumentDB/databaseAccounts@2025-04-15' existing = {
  name: cosmosName
}

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageName
}

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

resource cosmosLock 'Microsoft.Authorization/locks@2020-05-01' = {
  scope: cosmos
  name: 'keep'
  properties: { level: 'CanNotDelete', notes: 'Holds the work of students.' }
}

resource storageLock 'Microsoft.Authorization/locks@2020-05-01' = {
  scope: storage
  name: 'keep'
  properties: { level: 'CanNotDelete', notes: 'Holds files and packages.' }
}

resource vaultLock 'Microsoft.Authorization/locks@2020-05-01' = {
  scope: vault
  name: 'keep'
  properties: { level: 'CanNotDelete', notes: 'Holds the keys of tokens and of encryption.' }
}
