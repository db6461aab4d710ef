metadata description = 'One function app on Flex Consumption, with its plan, its settings and its diagnostics. Used once for each app.'

@description('Region of the resources.')
param location string

@description('Tags of every resource.')
param tags object

@description('Suffix that makes names unique.')
param suffix string

@description('Which part of the functions this app runs.')
@allowed(['api', 'worker'])
param part string

@description('Identity of the app: { id, clientId, principalId }.')
param identity object

@description('Address of the blob service.')
param blobEndpoint string

@description('Container of the blob service that holds the package.')
param packageContainer string

@description('Settings beside those of the host; every one of them is read by the configuration of the code.')
param settings object

@description('Names of the secrets that settings refer to: { SETTING: secret name }.')
param secretNames object

@description('Address of the vault that holds them.')
param vaultUri string

@description('Name of Application Insights, which this app may send to and nobody else through it.')
param insightsName string

@description('Megabytes of memory of an instance.')
@allowed([512, 2048, 4096])
param instanceMemoryMb int

@description('Instances at most.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int

@description('Instances that are always there.')
@minValue(0)
@maxValue(20)
param alwaysReadyInstances int

@description('HTTP requests that one instance works on at a time.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int

@description('Instances in several zones.')
param isZoneRedundant bool

@description('Subnet for outbound traffic; empty for none.')
param subnetId string

@description('Workspace for diagnostics.')
param workspaceId string

// What is kept warm: requests, or the grading that students wait for.
var alwaysReadyGroup = part == 'api' ? 'http' : 'function:grade-submission'
// With zones, two or none.
var alwaysReadyCount = isZoneRedundant && alwaysReadyInstances > 0 ? max(2, alwaysReadyInstances) : alwaysReadyInstances
var references = toObject(
  items(secretNames),
  entry => entry.key,
  entry => '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/${entry.value})'
)
var metricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource plan 'Microsoft.Web/serverfarms@2025-05-01' = {
  // checkov:skip=CKV_AZURE_225: zones are a parameter, which prod.bicepparam sets
  name: 'plan-lyceum-${part}-${suffix}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true, zoneRedundant: isZoneRedundant }
}

resource app 'Microsoft.Web/sites@2025-05-01' = {
  // checkov:skip=CKV_AZURE_222: the API is public, and a deployment reaches both apps from outside
  // checkov:skip=CKV_AZURE_17: callers prove who they are with tokens and API keys, not with certificates
  // checkov:skip=CKV_AZURE_212: Flex Consumption has alwaysReady in place of a number of instances
  // checkov:skip=CKV_AZURE_213: Flex Consumption has no health check; the web test of alerts.bicep asks /health/ready
  name: 'func-lyceum-${part}-${suffix}'
  location: location
  tags: union(tags, { 'azd-service-name': part })
  kind: 'functionapp,linux'
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identity.id}': {} } }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identity.id
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    outboundVnetRouting: empty(subnetId) ? null : { allTraffic: true }
    siteConfig: { minTlsVersion: '1.2', ftpsState: 'Disabled', http20Enabled: true }
    functionAppConfig: {
      runtime: { name: 'node', version: '24' }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${blobEndpoint}${packageContainer}'
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identity.id }
        }
      }
      // With one instance there is nothing to roll over to. What is cut off in its middle is delivered again.
      siteUpdateStrategy: { type: alwaysReadyCount >= 2 ? 'RollingUpdate' : 'Recreate' }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMb
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: alwaysReadyCount == 0 ? [] : [{ name: alwaysReadyGroup, instanceCount: alwaysReadyCount }]
        triggers: { http: { perInstanceConcurrency: httpConcurrency } }
      }
    }
  }

  resource appSettings 'config' = {
    name: 'appsettings'
    properties: union(settings, references, {
      LYCEUM_PART: part
      AzureWebJobsDisableHomepage: 'true'
      AzureWebJobsStorage__blobServiceUri: blobEndpoint
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__clientId: identity.clientId
      APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.clientId};Authorization=AAD'
      OTEL_SERVICE_NAME: 'lyceum-${part}'
      CosmosConnection__clientId: identity.clientId
      ServiceBusConnection__clientId: identity.clientId
      EMAIL_CLIENT_ID: identity.clientId
    })
    dependsOn: [publisher]
  }

  // One after the other: the site refuses a change while it works on another.
  resource scm 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
    dependsOn: [appSettings]
  }

  resource ftp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
    dependsOn: [scm]
  }
}

resource publisher 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: insights
  name: guid(insights.id, identity.principalId, metricsPublisher)
  properties: {
    principalId: identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', metricsPublisher)
  }
}

resource planDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: plan
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: app
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'FunctionAppLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}


@description('Name of the app.')
output name string = app.name

@description('Host name of the app.')
output hostName string = app.properties.defaultHostName
