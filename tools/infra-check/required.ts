/** What a resource of a type has to say. Without values the property only has to be there. */
export interface Required {
  type: string;
  path: string;
  values?: readonly (string | number | boolean)[];
  /** One of the values is enough where a condition chooses between them; otherwise all have to be among `values`. */
  some?: true;
  why: string;
}

const off = 'keys would still let in';
const tls = 'older protocols can be read';
const closable = 'a private installation is closed to the internet';
const bring = 'what was deleted by mistake can be brought back';

const storage = 'Microsoft.Storage/storageAccounts';
const blobs = 'Microsoft.Storage/storageAccounts/blobServices';
const cosmos = 'Microsoft.DocumentDB/databaseAccounts';
const bus = 'Microsoft.ServiceBus/namespaces';
const vault = 'Microsoft.KeyVault/vaults';
const site = 'Microsoft.Web/sites';
const plan = 'Microsoft.Web/serverfarms';
const workspace = 'Microsoft.OperationalInsights/workspaces';
const model = 'Microsoft.CognitiveServices/accounts';
const flex = 'properties.functionAppConfig';

export const required: readonly Required[] = [
  { type: storage, path: 'properties.allowSharedKeyAccess', values: [false], why: off },
  { type: bus, path: 'properties.disableLocalAuth', values: [true], why: off },
  { type: cosmos, path: 'properties.disableLocalAuth', values: [true], why: off },
  { type: cosmos, path: 'properties.disableKeyBasedMetadataWriteAccess', values: [true], why: off },
  { type: 'Microsoft.Insights/components', path: 'properties.DisableLocalAuth', values: [true], why: off },
  { type: workspace, path: 'properties.features.disableLocalAuth', values: [true], why: off },
  { type: 'Microsoft.SignalRService/webPubSub', path: 'properties.disableLocalAuth', values: [true], why: off },
  {
    type: 'Microsoft.Communication/communicationServices',
    path: 'properties.disableLocalAuth',
    values: [true],
    why: off,
  },
  { type: model, path: 'properties.disableLocalAuth', values: [true], why: off },
  { type: model, path: 'properties.customSubDomainName', why: 'tokens are only taken at an address of its own' },

  { type: site, path: 'properties.httpsOnly', values: [true], why: 'a token that travels in the clear is lost' },
  { type: site, path: 'properties.siteConfig.minTlsVersion', values: ['1.2', '1.3'], why: tls },
  { type: site, path: 'properties.siteConfig.ftpsState', values: ['Disabled'], why: 'nobody publishes by FTP' },
  { type: storage, path: 'properties.minimumTlsVersion', values: ['TLS1_2', 'TLS1_3'], why: tls },
  { type: storage, path: 'properties.supportsHttpsTrafficOnly', values: [true], why: tls },
  { type: bus, path: 'properties.minimumTlsVersion', values: ['1.2', '1.3'], why: tls },
  { type: cosmos, path: 'properties.minimalTlsVersion', values: ['Tls12', 'Tls13'], why: tls },

  { type: storage, path: 'properties.allowBlobPublicAccess', values: [false], why: 'files of students are not public' },
  { type: `${blobs}/containers`, path: 'properties.publicAccess', values: ['None'], why: 'packages are not public' },
  { type: storage, path: 'properties.publicNetworkAccess', values: ['Disabled'], some: true, why: closable },
  { type: cosmos, path: 'properties.publicNetworkAccess', values: ['Disabled'], some: true, why: closable },
  { type: bus, path: 'properties.publicNetworkAccess', values: ['Disabled'], some: true, why: closable },
  { type: vault, path: 'properties.publicNetworkAccess', values: ['Disabled'], some: true, why: closable },
  { type: cosmos, path: 'properties.networkAclBypass', values: ['None'], why: closable },

  { type: cosmos, path: 'properties.backupPolicy.type', values: ['Continuous'], why: bring },
  { type: cosmos, path: 'properties.enableAutomaticFailover', values: [true], why: 'a region that fails is left' },
  { type: blobs, path: 'properties.isVersioningEnabled', values: [true], why: bring },
  { type: blobs, path: 'properties.deleteRetentionPolicy.enabled', values: [true], why: bring },
  { type: blobs, path: 'properties.containerDeleteRetentionPolicy.enabled', values: [true], why: bring },
  {
    type: storage,
    path: 'sku.name',
    values: ['Standard_ZRS', 'Standard_GZRS', 'Standard_RAGZRS'],
    some: true,
    why: 'an app in several zones needs its storage there',
  },
  { type: vault, path: 'properties.enableRbacAuthorization', values: [true], why: 'access policies are a second door' },
  { type: vault, path: 'properties.enablePurgeProtection', values: [true], why: bring },
  { type: vault, path: 'properties.softDeleteRetentionInDays', why: bring },

  { type: workspace, path: 'properties.retentionInDays', why: 'logs are kept for as long as somebody decided' },
  { type: workspace, path: 'properties.workspaceCapping.dailyQuotaGb', why: 'a flood of logs has a price' },

  { type: plan, path: 'sku.name', values: ['FC1'], why: 'the code expects Flex Consumption' },
  { type: plan, path: 'sku.tier', values: ['FlexConsumption'], why: 'the code expects Flex Consumption' },
  { type: plan, path: 'properties.reserved', values: [true], why: 'Flex Consumption is Linux' },
  { type: plan, path: 'properties.zoneRedundant', why: 'Azure does not spread what is not said' },
  { type: site, path: 'kind', values: ['functionapp,linux'], why: 'Flex Consumption is Linux' },
  { type: site, path: `${flex}.runtime.name`, values: ['node'], why: 'settings do not say it on Flex Consumption' },
  { type: site, path: `${flex}.runtime.version`, values: ['24'], why: 'the bundle is made for this version' },
  { type: site, path: `${flex}.deployment.storage.type`, values: ['blobContainer'], why: 'the package lies there' },
  {
    type: site,
    path: `${flex}.deployment.storage.authentication.type`,
    values: ['UserAssignedIdentity'],
    why: 'the package is read without a key',
  },
  {
    type: site,
    path: `${flex}.deployment.storage.authentication.userAssignedIdentityResourceId`,
    why: 'the package is read without a key',
  },
  { type: site, path: `${flex}.scaleAndConcurrency.instanceMemoryMB`, why: 'a default can change' },
  { type: site, path: `${flex}.scaleAndConcurrency.maximumInstanceCount`, why: 'what stands behind has a limit' },
  { type: site, path: `${flex}.scaleAndConcurrency.alwaysReady`, why: 'a cold start is a decision' },
  {
    type: site,
    path: `${flex}.scaleAndConcurrency.triggers.http.perInstanceConcurrency`,
    why: 'the default depends on memory and is low for work that waits',
  },
  {
    type: site,
    path: `${flex}.siteUpdateStrategy.type`,
    values: ['RollingUpdate'],
    some: true,
    why: 'a deployment must not end the grading that is under way',
  },
];
