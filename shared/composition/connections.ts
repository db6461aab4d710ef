import { type Blob, createBlob } from '../adapters/blob/client.ts';
import { type Cosmos, createCosmos } from '../adapters/cosmos/client.ts';
import { createServiceBus, type ServiceBus } from '../adapters/service-bus/client.ts';
import type { Config } from '../platform/config.ts';
import { currentMeter } from '../platform/meter.ts';

/** `AccountEndpoint=...;AccountKey=...`; the settings were checked to have this form. */
function cosmosAccount(config: Config): { endpoint: string; key?: string; clientId?: string | undefined } {
  if (config.CosmosConnection === undefined) {
    return { endpoint: config.CosmosConnection__accountEndpoint ?? '', clientId: config.CosmosConnection__clientId };
  }
  const part = (name: string) => new RegExp(`${name}=([^;]+)`, 'i').exec(config.CosmosConnection ?? '')?.[1] ?? '';
  return { endpoint: part('AccountEndpoint'), key: part('AccountKey') };
}

/** The ways to Azure, with a connection string or a managed identity. Connects to nothing yet. */
export function createConnections(config: Config): { cosmos: Cosmos; serviceBus: ServiceBus; blob: Blob } {
  return {
    cosmos: createCosmos({ ...cosmosAccount(config), database: config.COSMOS_DATABASE, meter: currentMeter }),
    serviceBus: createServiceBus({
      connectionString: config.ServiceBusConnection,
      fullyQualifiedNamespace: config.ServiceBusConnection__fullyQualifiedNamespace,
      clientId: config.ServiceBusConnection__clientId,
    }),
    blob: createBlob({
      connectionString: config.AzureWebJobsStorage,
      serviceUri: config.AzureWebJobsStorage__blobServiceUri,
      clientId: config.AzureWebJobsStorage__clientId,
    }),
  };
}
