/**
 * Every type of resource that the templates may use. A version is raised here and in the templates together, with the reference of
 * that version open: nothing on this machine can tell whether a property exists in it.
 */
export interface ResourceType {
  apiVersion: string;
  /** The type takes tags and a location, and costs are only found by tags. */
  hasTags: boolean;
  hasLocation: boolean;
  /** Categories of logs that its diagnostic setting has to hold; `metrics` where metrics are all there is. */
  diagnostics?: readonly string[];
}

const tracked = (apiVersion: string, ...diagnostics: string[]): ResourceType => ({
  apiVersion,
  hasTags: true,
  hasLocation: true,
  ...(diagnostics.length > 0 ? { diagnostics } : {}),
});
const plain = (apiVersion: string, ...diagnostics: string[]): ResourceType => ({
  ...tracked(apiVersion, ...diagnostics),
  hasTags: false,
  hasLocation: false,
});

const cosmosLogs = [
  'DataPlaneRequests',
  'QueryRuntimeStatistics',
  'PartitionKeyRUConsumption',
  'PartitionKeyStatistics',
  'ControlPlaneRequests',
];

export const resourceTypes: Readonly<Record<string, ResourceType>> = {
  'Microsoft.Resources/resourceGroups': tracked('2025-04-01'),

  'Microsoft.Web/serverfarms': tracked('2025-05-01'),
  'Microsoft.Web/sites': tracked('2025-05-01', 'FunctionAppLogs'),
  'Microsoft.Web/sites/config': plain('2025-05-01'),
  'Microsoft.Web/sites/basicPublishingCredentialsPolicies': plain('2025-05-01'),
  'Microsoft.Web/staticSites': tracked('2024-11-01'),

  'Microsoft.ServiceBus/namespaces': tracked('2024-01-01', 'OperationalLogs', 'RuntimeAuditLogs'),
  'Microsoft.ServiceBus/namespaces/queues': plain('2024-01-01'),
  'Microsoft.ServiceBus/namespaces/topics': plain('2024-01-01'),

  'Microsoft.DocumentDB/databaseAccounts': tracked('2025-04-15', ...cosmosLogs),
  'Microsoft.DocumentDB/databaseAccounts/sqlDatabases': plain('2025-04-15'),
  'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers': plain('2025-04-15'),
  'Microsoft.DocumentDB/databaseAccounts/sqlRoleDefinitions': plain('2025-04-15'),
  'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments': plain('2025-04-15'),

  'Microsoft.Storage/storageAccounts': tracked('2025-06-01', 'metrics'),
  'Microsoft.Storage/storageAccounts/blobServices': plain('2025-01-01', 'StorageRead', 'StorageWrite', 'StorageDelete'),
  'Microsoft.Storage/storageAccounts/blobServices/containers': plain('2025-01-01'),
  'Microsoft.Storage/storageAccounts/managementPolicies': plain('2025-01-01'),

  'Microsoft.KeyVault/vaults': tracked('2024-11-01', 'AuditEvent'),
  'Microsoft.KeyVault/vaults/secrets': plain('2024-11-01'),

  'Microsoft.OperationalInsights/workspaces': tracked('2025-07-01', 'Audit'),
  'Microsoft.Insights/components': tracked('2020-02-02'),
  'Microsoft.Insights/diagnosticSettings': plain('2021-05-01-preview'),
  'Microsoft.Insights/metricAlerts': tracked('2018-03-01'),
  'Microsoft.Insights/scheduledQueryRules': tracked('2025-01-01-preview'),
  'Microsoft.Insights/activityLogAlerts': tracked('2020-10-01'),
  'Microsoft.Insights/actionGroups': tracked('2024-10-01-preview'),
  'Microsoft.Insights/webtests': tracked('2022-06-15'),
  'Microsoft.Insights/workbooks': tracked('2023-06-01'),
  'Microsoft.Consumption/budgets': plain('2023-11-01'),

  'Microsoft.ManagedIdentity/userAssignedIdentities': tracked('2024-11-30'),
  'Microsoft.Authorization/roleAssignments': plain('2022-04-01'),
  'Microsoft.Authorization/locks': plain('2020-05-01'),

  'Microsoft.CognitiveServices/accounts': tracked('2025-06-01', 'Audit', 'RequestResponse'),
  'Microsoft.CognitiveServices/accounts/deployments': plain('2025-06-01'),
  'Microsoft.SignalRService/webPubSub': tracked('2024-03-01', 'ConnectivityLogs', 'MessagingLogs', 'HttpRequestLogs'),
  'Microsoft.EventGrid/systemTopics': tracked('2025-02-15', 'DeliveryFailures'),

  // The first stable version of the service that can switch its keys off; its domains go with it.
  'Microsoft.Communication/communicationServices': tracked('2025-05-01', 'EmailSendMailOperational'),
  'Microsoft.Communication/emailServices': tracked('2025-05-01'),
  'Microsoft.Communication/emailServices/domains': tracked('2025-05-01'),

  'Microsoft.Network/virtualNetworks': tracked('2025-05-01', 'metrics'),
  'Microsoft.Network/networkSecurityGroups': tracked('2025-05-01', 'NetworkSecurityGroupEvent'),
  'Microsoft.Network/privateEndpoints': tracked('2025-05-01'),
  'Microsoft.Network/privateEndpoints/privateDnsZoneGroups': plain('2025-05-01'),
  'Microsoft.Network/privateDnsZones': tracked('2024-06-01'),
  'Microsoft.Network/privateDnsZones/virtualNetworkLinks': tracked('2024-06-01'),
  'Microsoft.Network/networkSecurityPerimeters': tracked('2024-07-01'),
};
