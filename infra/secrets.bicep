metadata description = 'Puts secrets into the vault through the management plane, so that whoever deploys needs no right to read them and no way into a closed network.'

@description('Name of the vault.')
param vaultName string

@description('Names of the secrets that are written; secrets that are not named stay as they are.')
param names array

@description('Their values: { name: value }.')
@secure()
param values object

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

resource secrets 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = [
  for name in names: {
    // checkov:skip=CKV_AZURE_41: these keys do not expire by date; docs/how-to/rotate-keys.md says when and how they change
    parent: vault
    name: name
    properties: { value: values[name], contentType: 'text/plain', attributes: { enabled: true } }
  }
]
