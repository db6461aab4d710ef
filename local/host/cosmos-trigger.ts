import { randomUUID } from 'node:crypto';
import { ChangeFeedStartFrom, type Container, CosmosClient } from '@azure/cosmos';
import { type Invoker, pause } from './invoker.ts';
import type { AppSettings } from './settings.ts';
import type { Binding, LogLevel, RegisteredFunction } from './worker-module.ts';

export interface CosmosTriggerOptions {
  readonly fn: RegisteredFunction;
  readonly triggerName: string;
  readonly binding: Binding;
  readonly settings: AppSettings;
  readonly invoker: Invoker;
  readonly logSystem: (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;
}

/** Where a function has got to in the feed, as it is kept in the lease container. */
interface Lease {
  readonly id: string;
  readonly continuation_token: string;
}

const retryFirstMs = 500;
const retryMaxMs = 30_000;

/** Reads one container's change feed and saves how far it is after each batch, so that a batch may come twice but never not. */
export class CosmosTrigger {
  readonly #options: CosmosTriggerOptions;
  readonly #stopped = new AbortController();
  readonly #client: CosmosClient;
  readonly #feed: Container;
  readonly #leases: Container;
  /** Two functions with the same one would share a position, and each would see a part of the changes. */
  readonly leaseKey: string;
  readonly #leaseId: string;
  readonly #pollMs: number;
  #loop: Promise<void> = Promise.resolve();

  /** @throws Error when a setting is missing or the binding asks for what is not supported here. */
  constructor(options: CosmosTriggerOptions) {
    const { binding, settings } = options;
    const text = (name: string, fallback?: string) => {
      const value = binding[name] ?? fallback;
      if (typeof value !== 'string' || value === '') throw new Error(`its binding lacks "${name}"`);
      return settings.resolve(value);
    };
    for (const name of ['startFromTime', 'createLeaseContainerIfNotExists', 'leaseConnection']) {
      if (binding[name]) throw new Error(`"${name}" is not supported here`);
    }
    if ((binding['changeFeedMode'] ?? 'LatestVersion') !== 'LatestVersion') {
      throw new Error('only the change feed mode LatestVersion is supported here');
    }
    const database = text('databaseName');
    const container = text('containerName');
    const leaseDatabase = text('leaseDatabaseName', database);
    const leaseContainer = text('leaseContainerName', 'leases');
    this.#leaseId = `${binding['leaseContainerPrefix'] ? text('leaseContainerPrefix') : ''}${database}_${container}..0`;
    this.leaseKey = `${leaseDatabase}/${leaseContainer}/${this.#leaseId}`;
    this.#options = options;
    this.#client = new CosmosClient(settings.connection(text('connection')));
    this.#feed = this.#client.database(database).container(container);
    this.#leases = this.#client.database(leaseDatabase).container(leaseContainer);
    this.#pollMs = typeof binding['feedPollDelay'] === 'number' ? binding['feedPollDelay'] : 5_000;
  }

  start(): void {
    if (!this.#options.fn.metadata.retryOptions) {
      this.#log('warning', 'No retry policy: a batch whose handler throws is tried again here but skipped on Azure.');
    }
    this.#loop = this.#run();
  }

  stop(): void {
    this.#stopped.abort();
  }

  async close(): Promise<void> {
    this.stop();
    // A handler that never ends must not keep the host from closing; its batch comes again.
    await Promise.race([this.#loop, pause(2_000)]);
    this.#client.dispose();
  }

  /** Starts again from the saved position after every fault, so a database that went away is only a pause. */
  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    let waitMs = retryFirstMs;
    while (!signal.aborted) {
      try {
        await this.#follow(() => {
          waitMs = retryFirstMs;
        });
      } catch (error) {
        if (signal.aborted) return;
        this.#log('warning', `The change feed stopped: ${error instanceof Error ? error.message : error}`);
        await pause(waitMs, signal);
        waitMs = Math.min(waitMs * 2, retryMaxMs);
      }
    }
  }

  async #follow(onProgress: () => void): Promise<void> {
    const { signal } = this.#stopped;
    const { binding } = this.#options;
    const lease = await this.#leases.item(this.#leaseId, this.#leaseId).read<Lease>();
    const token = lease.resource?.continuation_token;
    const fresh = binding['startFromBeginning'] === true ? ChangeFeedStartFrom.Beginning() : ChangeFeedStartFrom.Now();
    const max = binding['maxItemsPerInvocation'];
    const feed = this.#feed.items.getChangeFeedIterator<unknown>({
      changeFeedStartFrom: token ? ChangeFeedStartFrom.Continuation(token) : fresh,
      maxItemCount: typeof max === 'number' ? max : 100,
    });
    let saved = token;
    while (!signal.aborted) {
      const page = await feed.readNext();
      const documents = page.result ?? [];
      if (documents.length > 0) await this.#deliver(documents);
      // The first position is saved even without changes: it is where "now" was, whatever happens next.
      if (documents.length > 0 || saved === undefined) {
        saved = page.continuationToken;
        await this.#leases.items.upsert<Lease>({ id: this.#leaseId, continuation_token: saved });
      }
      onProgress();
      if (documents.length === 0) await pause(this.#pollMs, signal);
    }
  }

  /** @throws Error when the batch has to come again. */
  async #deliver(documents: unknown[]): Promise<void> {
    const { fn, triggerName, invoker } = this.#options;
    const { signal } = this.#stopped;
    const call = { fn, triggerName, data: { json: JSON.stringify(documents) }, triggerMetadata: {} };
    const outcome = await invoker.invokeWithRetry(call, randomUUID, signal);
    if (outcome.ok) return;
    // With a policy that is used up the real host goes on to the next batch; so does this one.
    if (fn.metadata.retryOptions && !signal.aborted) return;
    throw new Error(`the handler failed for a batch of ${documents.length} changes, which will come again`);
  }

  #log(level: LogLevel, message: string): void {
    this.#options.logSystem(level, message, { function: this.#options.fn.metadata.name });
  }
}
