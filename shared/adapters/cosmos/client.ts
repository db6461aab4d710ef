import type { CosmosClient, CosmosClientOptions } from '@azure/cosmos';
import type { CallMeter } from '../../platform/meter.ts';
import { managedIdentity, type TokenCredential } from '../azure-identity/credential.ts';
import type { Container } from './container.ts';
import { containerMissing, isOwnerMissing, toCosmosError } from './errors.ts';
import { type CosmosCall, type Metering, within } from './metering.ts';
import { createContainer } from './operations.ts';

const PING_CONTAINER = 'platform';

export interface CosmosOptions {
  endpoint: string;
  /** Only the local stand-in and the emulator work with a key; without one the managed identity is used. */
  key?: string | undefined;
  credential?: TokenCredential | undefined;
  /** Of the user-assigned identity. */
  clientId?: string | undefined;
  database: string;
  /** Which counters an operation adds to: `currentMeter`. */
  meter: CallMeter;
  /** Told of every operation, after it. */
  onCall?: ((call: CosmosCall) => void) | undefined;
  /** Time for one operation with the SDK's own retries (10 s). */
  operationTimeoutMs?: number;
  /** How often and for how long the SDK repeats a throttled request before it is a 429 (5 times, 5 s). */
  throttleRetries?: { countMax: number; waitMaxS: number };
}

export interface Cosmos {
  container(id: string): Container;
  /** One point read of nothing in a container with a single key; fails within `timeoutMs` (2 s) when it cannot be used. */
  ping(containerId?: string, timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

/** Exactly one client for the process, made when the first operation needs it. */
export function createCosmos(options: CosmosOptions): Cosmos {
  const { endpoint, database, operationTimeoutMs = 10_000 } = options;
  const metering: Metering = { meter: options.meter, onCall: options.onCall, operationTimeoutMs };
  const made = new Map<string, Container>();
  let client: Promise<CosmosClient> | undefined;

  async function connect(): Promise<CosmosClient> {
    const { CosmosClient: Client } = await import('@azure/cosmos');
    return new Client({
      endpoint,
      ...(await authorisation(options)),
      userAgentSuffix: 'lyceum',
      connectionPolicy: {
        requestTimeout: operationTimeoutMs,
        // A local endpoint over plain http is the only one there is: no regions to find, and nothing to refresh in the background.
        enableEndpointDiscovery: !endpoint.startsWith('http:'),
        retryOptions: {
          maxRetryAttemptCount: options.throttleRetries?.countMax ?? 5,
          maxWaitTimeInSeconds: options.throttleRetries?.waitMaxS ?? 5,
          fixedRetryIntervalInMilliseconds: 0,
        },
      },
    });
  }

  function connected(): Promise<CosmosClient> {
    client ??= connect();
    return client;
  }

  async function sdkContainer(id: string) {
    return (await connected()).database(database).container(id);
  }

  return {
    container(id) {
      const known = made.get(id);
      if (known !== undefined) return known;
      const container = createContainer(id, () => sdkContainer(id), metering);
      made.set(id, container);
      return container;
    },
    async ping(containerId = PING_CONTAINER, timeoutMs = 2_000) {
      try {
        await within(timeoutMs, `ping of ${containerId}`, async (abortSignal) => {
          const container = await sdkContainer(containerId);
          const { statusCode, substatus } = await container.item('ping', 'ping').read({ abortSignal });
          if (isOwnerMissing(statusCode, substatus)) throw containerMissing(containerId);
        });
      } catch (error) {
        throw toCosmosError('ping', containerId, error);
      }
    },
    async close() {
      if (client === undefined) return;
      // Stops the background refresh of endpoints; idle connections do not keep the process alive.
      (await client).dispose();
      client = undefined;
    },
  };
}

async function authorisation(options: CosmosOptions): Promise<Pick<CosmosClientOptions, 'key' | 'aadCredentials'>> {
  if (options.key !== undefined) return { key: options.key };
  return { aadCredentials: options.credential ?? (await managedIdentity(options.clientId)) };
}
