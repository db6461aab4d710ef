metadata description = 'Puts secrets into the vault through the management plane, so that whoever deploys needs no right to read them and no way into a closed network, and lets each app read its own.'

@description('Name of the vault.')
param vaultName string

@description('Names of the secrets that are written; secrets that are not named stay as they are.')
param names array

@description('Their values: { name: value }.')
@secure()
param values object

@description('Names of all the secrets that the vault holds when these are written.')
param heldNames array

@description('Principal of the identity of the app that serves HTTP.')
param apiPrincipalId string

@description('Principal of the identity of the app that works off the queues.')
param workerPrincipalId string

var secretsUser = '4633458b-17de-408a-b874-0445c86b69e6'
var held = filter(loadJsonContent('secrets.json').secrets, one => contains(heldNames, one.name))
// On each secret by itself: with the whole vault the worker, which reads what pupils and models write, could sign tokens for anybody.
var readings = concat(
  map(filter(held, one => contains(one.readers, 'api')), one => { secret: one.name, principalId: apiPrincipalId }),
  map(filter(held, one => contains(one.readers, 'worker')), one => { secret: one.name, principalId: workerPrincipalId })
)

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

resource readable 'Microsoft.KeyVault/vaults/secrets@2024-11-01' existing = [
  for reading in readings: {
    parent: vault
    name: reading.secret
  }
]

resource readers 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (reading, index) in readings: {
    scope: readable[index]
    name: guid(readable[index].id, reading.principalId, secretsUser)
    properties: {
      principalId: reading.principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsUser)
    }
    dependsOn: [secrets]
  }
]
