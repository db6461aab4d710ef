targetScope = 'subscription'

metadata description = 'Lyceum for one institution: a resource group and everything in it.'

@description('Short name of the environment; part of every resource\'s name.')
@minLength(2)
@maxLength(8)
param environmentName string

@description('Region of everything that has one.')
param location string

@description('Kind of environment: production locks its data and never runs the simulator.')
@allowed(['development', 'production'])
param kind string

@description('Addresses that are told of alerts and of the budget.')
@minLength(1)
param alertEmails array

@description('Amount for a month, in the currency of the subscription.')
@minValue(1)
@maxValue(1000000)
param monthlyBudget int

@description('First day of the month from which the budget counts; a budget that exists stays as it is.')
param budgetStartDate string = utcNow('yyyy-MM-01')

@description('Origins whose pages may call.')
param corsOrigins array = []

@description('Address of the front end; links in e-mails lead there.')
param appUrl string

@description('Who can make an account.')
@allowed(['open', 'invite', 'staff_only'])
param registrationPolicy string = 'staff_only'

@description('Roles that must have a second factor.')
param mfaRequiredRoles array = []

@description('Name of the first administrator, who is made at the first log-in; the password is in the vault.')
param administratorName string = 'admin'

@description('E-mail address of the first administrator.')
param administratorEmail string

@description('Names of the secrets that the vault holds, of those in secrets.json; those that a deployment makes itself need not be named.')
param secretNames array = []

@description('Settings of docs/settings.md beside those below; no secrets.')
param extraSettings object = {}

@description('Proxies before the apps that append the caller to X-Forwarded-For: the front end of Azure is one, a gateway of your own another.')
@minValue(0)
@maxValue(3)
param trustedProxyHops int = 1

@description('`serverless` is paid by request; `autoscale` by the hour, for steady load.')
@allowed(['serverless', 'autoscale'])
param cosmosCapacity string = 'serverless'

@description('Request units a second at most, with `autoscale`.')
@minValue(1000)
@maxValue(1000000)
param cosmosMaxThroughput int = 4000

@description('Replicas and instances in several zones.')
param isZoneRedundant bool = false

@description('A network of its own, and private endpoints for everything that holds data. Makes Service Bus Premium.')
param isPrivate bool = false

@description('Addresses of that network.')
param networkAddressPrefix string = '10.40.0.0/24'

@description('Megabytes of memory of an instance.')
@allowed([512, 2048, 4096])
param instanceMemoryMb int = 2048

@description('Instances of the app that serves HTTP, at most.')
@minValue(40)
@maxValue(1000)
param apiMaximumInstances int = 40

@description('Calls that the model vendor takes at the same time. How far the worker scales follows from it.')
@minValue(40)
@maxValue(8000)
param modelConcurrencyLimit int = 320

@description('Instances that always wait for requests; two or more with zones.')
@minValue(0)
@maxValue(20)
param apiAlwaysReadyInstances int = 0

@description('Instances that always wait for submissions; two or more with zones.')
@minValue(0)
@maxValue(20)
param workerAlwaysReadyInstances int = 0

@description('Part of the traces that is kept, in percent. Log lines are always kept.')
@minValue(0)
@maxValue(100)
param traceSamplePercent int = 100

@description('HTTP requests that one instance works on at a time.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int = 32

@description('Days for which logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Gigabytes of logs a day; -1 means no cap.')
@minValue(-1)
@maxValue(1000)
param logDailyCapGb int = 1

@description('Days for which deleted blobs can be brought back.')
@minValue(1)
@maxValue(365)
param softDeleteDays int = 14

@description('Seconds that 95 of 100 requests may take before somebody is told.')
@minValue(1)
@maxValue(60)
param latencyLimitS int = 3

@description('Minutes that a submission may wait before somebody is told.')
@minValue(5)
@maxValue(240)
param backlogLimitMinutes int = 15

@description('Host name that people reach the API by, when there is a gateway or a domain of your own; the availability test asks it. Empty: that of the app.')
param publicHostName string = ''

@description('Percent of requests that may be answered with 5xx before somebody is told.')
@minValue(1)
@maxValue(50)
param serverErrorLimitPercent int = 5

@description('Kind of Web PubSub; Free costs nothing, Standard has a service level and can be private.')
@allowed(['Free_F1', 'Standard_S1'])
param webPubSubSku string = 'Free_F1'

@description('Where e-mails and their log are kept at rest.')
@allowed(['Europe', 'United States', 'UK', 'Australia', 'Canada', 'Asia Pacific'])
param emailDataLocation string = 'Europe'

@description('Lets whoever deploys read and write the secrets of the vault. A deployment does not need it: it makes secrets through the templates.')
param isDeployerSecretsOfficer bool = false

@description('What deploys: a person, or a workflow with an identity of its own.')
@allowed(['User', 'ServicePrincipal'])
param deployerPrincipalType string = 'User'

@description('`recover` brings back a vault of this name that was deleted and is still kept.')
@allowed(['default', 'recover'])
param vaultCreateMode string = 'default'

var isProduction = kind == 'production'

// Calls to models at the same time = instances x calls of each, and never more than the vendor takes. Flex Consumption scales to 40
// instances at least, so for a small limit each instance makes fewer calls; beyond that, more instances make as many as
// host.json lets each of them work on. The few calls that the API makes, when a teacher asks for one outcome, are not counted.
var callsPerInstance = loadJsonContent('../host.json').extensions.serviceBus.maxConcurrentCalls
var workerMaximumInstances = max(40, modelConcurrencyLimit / callsPerInstance)
var modelCallsPerInstance = min(callsPerInstance, modelConcurrencyLimit / workerMaximumInstances)

// Names of storage accounts and databases know no capitals, which a name of azd may have.
var suffix = '${toLower(environmentName)}-${take(uniqueString(subscription().id, environmentName, location), 6)}'
var tags = { application: 'lyceum', environment: environmentName, 'azd-env-name': environmentName }

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-lyceum-${environmentName}'
  location: location
  tags: tags
}

module observability 'modules/observability.bicep' = {
  scope: group
  name: 'observability'
  params: {
    location: location
    tags: tags
    suffix: suffix
    retentionDays: logRetentionDays
    dailyCapGb: logDailyCapGb
  }
}

module identities 'modules/identity.bicep' = {
  scope: group
  name: 'identity'
  params: { location: location, tags: tags, suffix: suffix }
}

module storage 'modules/storage.bicep' = {
  scope: group
  name: 'storage'
  params: {
    location: location
    tags: tags
    suffix: suffix
    isZoneRedundant: isZoneRedundant
    isPrivate: isPrivate
    softDeleteDays: softDeleteDays
    apiPrincipalId: identities.outputs.api.principalId
    workerPrincipalId: identities.outputs.worker.principalId
    workspaceId: observability.outputs.workspaceId
  }
}

module cosmos 'modules/cosmos.bicep' = {
  scope: group
  name: 'cosmos'
  params: {
    location: location
    tags: tags
    suffix: suffix
    isZoneRedundant: isZoneRedundant
    isPrivate: isPrivate
    capacity: cosmosCapacity
    maxThroughput: cosmosMaxThroughput
    backupTier: isProduction ? 'Continuous30Days' : 'Continuous7Days'
    apiPrincipalId: identities.outputs.api.principalId
    workerPrincipalId: identities.outputs.worker.principalId
    workspaceId: observability.outputs.workspaceId
  }
}

module serviceBus 'modules/service-bus.bicep' = {
  scope: group
  name: 'service-bus'
  params: {
    location: location
    tags: tags
    suffix: suffix
    tier: isPrivate ? 'Premium' : 'Standard'
    isPrivate: isPrivate
    apiPrincipalId: identities.outputs.api.principalId
    workerPrincipalId: identities.outputs.worker.principalId
    workspaceId: observability.outputs.workspaceId
  }
}

module vault 'modules/key-vault.bicep' = {
  scope: group
  name: 'key-vault'
  params: {
    location: location
    tags: tags
    suffix: suffix
    isPrivate: isPrivate
    createMode: vaultCreateMode
    officerPrincipalId: isDeployerSecretsOfficer ? deployer().objectId : ''
    officerPrincipalType: deployerPrincipalType
    workspaceId: observability.outputs.workspaceId
  }
}

module email 'modules/email.bicep' = {
  scope: group
  name: 'email'
  params: {
    tags: tags
    suffix: suffix
    dataLocation: emailDataLocation
    senderPrincipalIds: [identities.outputs.worker.principalId]
    workspaceId: observability.outputs.workspaceId
  }
}

module webPubSub 'modules/web-pubsub.bicep' = {
  scope: group
  name: 'web-pubsub'
  params: {
    location: location
    tags: tags
    suffix: suffix
    sku: isPrivate ? 'Standard_S1' : webPubSubSku
    isPrivate: isPrivate
    ownerPrincipalIds: [identities.outputs.api.principalId, identities.outputs.worker.principalId]
    workspaceId: observability.outputs.workspaceId
  }
}

module network 'modules/network.bicep' = if (isPrivate) {
  scope: group
  name: 'network'
  params: {
    location: location
    tags: tags
    suffix: suffix
    addressPrefix: networkAddressPrefix
    workspaceId: observability.outputs.workspaceId
    targets: [
      { name: 'blob', id: storage.outputs.id, group: 'blob', zone: 'privatelink.blob.${environment().suffixes.storage}' }
      { name: 'cosmos', id: cosmos.outputs.id, group: 'Sql', zone: 'privatelink.documents.azure.com' }
      { name: 'service-bus', id: serviceBus.outputs.id, group: 'namespace', zone: 'privatelink.servicebus.windows.net' }
      { name: 'web-pubsub', id: webPubSub.outputs.id, group: 'webpubsub', zone: 'privatelink.webpubsub.azure.com' }
      { name: 'key-vault', id: vault.outputs.id, group: 'vault', zone: 'privatelink.vaultcore.azure.net' }
    ]
  }
}

// What the configuration of the code reads and has no default that fits is here, and nothing else: a check compares the two.
var settings = union(extraSettings, {
  LYCEUM_ENVIRONMENT: 'production'
  COSMOS_DATABASE: cosmos.outputs.database
  CosmosConnection__accountEndpoint: cosmos.outputs.endpoint
  CosmosConnection__credential: 'managedidentity'
  ServiceBusConnection__fullyQualifiedNamespace: serviceBus.outputs.hostName
  ServiceBusConnection__credential: 'managedidentity'
  CORS_ORIGINS: join(corsOrigins, ',')
  APP_URL: appUrl
  EMAIL_ENDPOINT: email.outputs.endpoint
  EMAIL_FROM: email.outputs.from
  REGISTRATION_POLICY: registrationPolicy
  MFA_REQUIRED_ROLES: join(mfaRequiredRoles, ',')
  TRUSTED_PROXY_HOPS: string(trustedProxyHops)
  LLM_ALLOW_SIMULATOR: isProduction ? 'false' : 'true'
  LLM_MAX_CONCURRENT: string(modelCallsPerInstance)
  OTEL_TRACES_SAMPLER: 'parentbased_traceidratio'
  OTEL_TRACES_SAMPLER_ARG: traceSamplePercent == 100 ? '1' : '0.${padLeft(traceSamplePercent, 2, '0')}'
})
// Names of secrets; their values are never here: Functions reads them from the vault with the identity of the app, which secrets.bicep
// lets read these and no others. The linter takes a parameter for a secret itself when its name says `secret` without `name`.
var held = filter(loadJsonContent('secrets.json').secrets, one => one.origin != 'brought' || contains(secretNames, one.name))
var apiSecretNames = toObject(filter(held, one => contains(one.readers, 'api')), one => one.setting, one => one.name)
var workerSecretNames = toObject(filter(held, one => contains(one.readers, 'worker')), one => one.setting, one => one.name)
// The first administrator is made when somebody logs in, which only the API serves.
var administratorSettings = {
  BOOTSTRAP_ADMIN_USERNAME: administratorName
  BOOTSTRAP_ADMIN_EMAIL: administratorEmail
}

module api 'modules/functions.bicep' = {
  scope: group
  name: 'functions-api'
  params: {
    location: location
    tags: tags
    suffix: suffix
    part: 'api'
    identity: identities.outputs.api
    blobEndpoint: storage.outputs.blobEndpoint
    packageContainer: storage.outputs.packageContainers.api
    settings: union(settings, administratorSettings)
    secretNames: apiSecretNames
    vaultUri: vault.outputs.uri
    insightsName: observability.outputs.insightsName
    instanceMemoryMb: instanceMemoryMb
    maximumInstanceCount: apiMaximumInstances
    alwaysReadyInstances: apiAlwaysReadyInstances
    httpConcurrency: httpConcurrency
    isZoneRedundant: isZoneRedundant
    subnetId: isPrivate ? network!.outputs.apiSubnetId : ''
    workspaceId: observability.outputs.workspaceId
  }
}

module worker 'modules/functions.bicep' = {
  scope: group
  name: 'functions-worker'
  params: {
    location: location
    tags: tags
    suffix: suffix
    part: 'worker'
    identity: identities.outputs.worker
    blobEndpoint: storage.outputs.blobEndpoint
    packageContainer: storage.outputs.packageContainers.worker
    settings: settings
    secretNames: workerSecretNames
    vaultUri: vault.outputs.uri
    insightsName: observability.outputs.insightsName
    instanceMemoryMb: instanceMemoryMb
    maximumInstanceCount: workerMaximumInstances
    alwaysReadyInstances: workerAlwaysReadyInstances
    httpConcurrency: 1
    isZoneRedundant: isZoneRedundant
    subnetId: isPrivate ? network!.outputs.workerSubnetId : ''
    workspaceId: observability.outputs.workspaceId
  }
}

module alerts 'modules/alerts.bicep' = {
  scope: group
  name: 'alerts'
  params: {
    location: location
    tags: tags
    suffix: suffix
    emails: alertEmails
    workspaceId: observability.outputs.workspaceId
    insightsId: observability.outputs.insightsId
    apiHostName: empty(publicHostName) ? api.outputs.hostName : publicHostName
    serviceBusId: serviceBus.outputs.id
    cosmosId: cosmos.outputs.id
    watchedScopes: [group.id]
    serverErrorLimitPercent: serverErrorLimitPercent
    latencyLimitS: latencyLimitS
    backlogLimitMinutes: backlogLimitMinutes
  }
}

module budget 'modules/budget.bicep' = {
  scope: group
  name: 'budget'
  params: { startDate: budgetStartDate, amount: monthlyBudget, emails: alertEmails }
}

module locks 'modules/locks.bicep' = if (isProduction) {
  scope: group
  name: 'locks'
  params: { cosmosName: cosmos.outputs.name, storageName: storage.outputs.name, vaultName: vault.outputs.name }
}

@description('Name of the resource group.')
output AZURE_RESOURCE_GROUP string = group.name

@description('Name of the app that serves HTTP.')
output API_NAME string = api.outputs.name

@description('Name of the app that works off the queues.')
output WORKER_NAME string = worker.outputs.name

@description('Where the product answers.')
output API_URL string = 'https://${api.outputs.hostName}'

@description('Name of the Key Vault.')
output VAULT_NAME string = vault.outputs.name

@description('Identity of the app that serves HTTP; secrets.bicep gives it its secrets.')
output API_PRINCIPAL_ID string = identities.outputs.api.principalId

@description('Identity of the app that works off the queues.')
output WORKER_PRINCIPAL_ID string = identities.outputs.worker.principalId
