import type { BlobServiceClient, StoragePipelineOptions } from '@azure/storage-blob';
import { managedIdentity, type TokenCredential } from '../azure-identity/credential.ts';

export interface BlobOptions {
  /** Only the local stand-in works with a connection string; without one the managed identity is used. */
  connectionString?: string | undefined;
  /** `https://<account>.blob.core.windows.net`; needed without a connection string. */
  serviceUri?: string | undefined;
  credential?: TokenCredential | undefined;
  /** Of the user-assigned identity. */
  clientId?: string | undefined;
}

export interface Blob {
  /** Fails within `timeoutMs` (2 s) when the storage account cannot be used. */
  ping(timeoutMs?: number): Promise<void>;
}

// One attempt: whoever asks again is the next readiness check.
const CLIENT_OPTIONS: StoragePipelineOptions = { retryOptions: { maxTries: 1 } };

/** One client for the process, made when it is first needed. */
export function createBlob(options: BlobOptions): Blob {
  let client: Promise<BlobServiceClient> | undefined;

  async function connect(): Promise<BlobServiceClient> {
    const { BlobServiceClient: Client } = await import('@azure/storage-blob');
    if (options.connectionString !== undefined)
      return Client.fromConnectionString(options.connectionString, CLIENT_OPTIONS);
    if (options.serviceUri === undefined)
      throw new TypeError('Blob storage needs a connection string or a service URI.');
    return new Client(
      options.serviceUri,
      options.credential ?? (await managedIdentity(options.clientId)),
      CLIENT_OPTIONS,
    );
  }

  return {
    async ping(timeoutMs = 2_000) {
      client ??= connect();
      const service = await client;
      // Listing is what a data role on the account may do; the account's own properties are not.
      const names = service.listContainers({ abortSignal: AbortSignal.timeout(timeoutMs) });
      await names.byPage({ maxPageSize: 1 }).next();
    },
  };
}
