/** The roles that may be given, each with the narrowest type of resource that it is given on. */
export interface Role {
  id: string;
  /** Types of resources that an assignment of the role may have as its scope. */
  scopes: readonly string[];
}

const storageAccount = 'Microsoft.Storage/storageAccounts';
const blobContainer = `${storageAccount}/blobServices/containers`;
const queue = 'Microsoft.ServiceBus/namespaces/queues';
const vault = 'Microsoft.KeyVault/vaults';
const secret = `${vault}/secrets`;
const model = 'Microsoft.CognitiveServices/accounts';
const workspace = 'Microsoft.OperationalInsights/workspaces';

export const roles: Readonly<Record<string, Role>> = {
  // The host keeps locks and timers in containers that it makes, so that it needs the account.
  'Storage Blob Data Owner': { id: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b', scopes: [storageAccount, blobContainer] },
  'Storage Blob Data Contributor': { id: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe', scopes: [blobContainer] },
  'Storage Blob Data Reader': { id: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1', scopes: [blobContainer] },
  // Signing addresses of uploads is a right on the account; what they reach is decided by the roles on containers.
  'Storage Blob Delegator': { id: 'db58b8e5-c6ad-4a2a-8342-4190687cbf4a', scopes: [storageAccount] },
  'Service Bus Data Sender': { id: '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39', scopes: [queue] },
  'Service Bus Data Receiver': { id: '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0', scopes: [queue] },
  'Key Vault Secrets User': { id: '4633458b-17de-408a-b874-0445c86b69e6', scopes: [secret] },
  'Key Vault Secrets Officer': { id: 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7', scopes: [vault] },
  'Monitoring Metrics Publisher': {
    id: '3913510d-42f4-4e42-8a64-420c390055eb',
    scopes: ['Microsoft.Insights/components'],
  },
  'Monitoring Reader': { id: '43d0d8ad-25c7-4714-9337-8ba259a9fe05', scopes: [workspace] },
  'Log Analytics Reader': { id: '73c42c96-874c-492b-b04d-ab87d138a893', scopes: [workspace] },
  'Cognitive Services OpenAI User': { id: '5e0bd9bd-7b93-4f28-af87-19fc36ad61bd', scopes: [model] },
  'Cognitive Services User': { id: 'a97b65f3-24c7-4388-baec-2e87135dc908', scopes: [model] },
  'Web PubSub Service Owner': {
    id: '12cf5a90-567b-43ae-8102-96cf46c7d9b4',
    scopes: ['Microsoft.SignalRService/webPubSub'],
  },
  'Communication and Email Service Owner': {
    id: '09976791-48a7-449e-bb21-39d1a415f350',
    scopes: ['Microsoft.Communication/communicationServices'],
  },
};

/** Roles of the data of Cosmos DB, which Azure's own roles know nothing of: reader and contributor. */
export const cosmosRoles: readonly string[] = [
  '00000000-0000-0000-0000-000000000001',
  '00000000-0000-0000-0000-000000000002',
];

/** Named so that the finding says what was given; every id that is not in `roles` is refused anyway. */
export const forbiddenRoles: Readonly<Record<string, string>> = {
  '8e3af657-a8ff-443c-a75c-2fe8c4bcb635': 'Owner',
  'b24988ac-6180-42a0-ab88-20f7382dd24c': 'Contributor',
  '18d7d88d-d35e-4fb5-a5c3-7773c20a72d9': 'User Access Administrator',
  '090c5cfd-751d-490a-894a-3ce6f1109419': 'Service Bus Data Owner',
};
