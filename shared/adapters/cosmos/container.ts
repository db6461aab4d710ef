/** A partition key value, or the values of a hierarchical key. */
export type PartitionKey = string | readonly string[];

/** A stored document: whatever the domain says, with an id. `_etag` is set on what was read. */
export interface StoredDocument {
  id: string;
  _etag?: string;
}

export type PatchOperation =
  | { op: 'set' | 'add' | 'replace'; path: string; value: unknown }
  | { op: 'incr'; path: string; value: number }
  | { op: 'remove'; path: string };

export type BatchOperation =
  | { op: 'create' | 'upsert'; doc: StoredDocument }
  | { op: 'replace'; doc: StoredDocument; etag?: string }
  | { op: 'patch'; id: string; operations: readonly PatchOperation[]; etag?: string; condition?: string }
  | { op: 'remove'; id: string; etag?: string };

/** The first operation of a batch that the database refused (404, 409, 412); nothing of the batch was done. */
export interface BatchRefusal {
  index: number;
  status: number;
}

export interface QueryParameter {
  name: string;
  value: string | number | boolean | null | readonly string[];
}

export interface QueryOptions {
  /** The full key, a prefix of a hierarchical key, or every partition: spelled out, because it costs. */
  pk: PartitionKey | 'cross-partition';
  parameters: readonly QueryParameter[];
}

/** A query with a name, as `docs/queries.md` lists it. */
export interface NamedQuery {
  name: string;
  container: string;
  scope: 'partition' | 'prefix' | 'cross-partition';
  text: string;
  /** The index that serves the filter and the order. */
  index: string;
}

export function defineQuery(query: NamedQuery): NamedQuery {
  return query;
}

/** What repositories can do with a container, and nothing else. Made by `client.ts`; every operation is metered. */
export interface Container {
  /** A point read; undefined when there is no such document. The document carries its `_etag`. */
  read<T extends StoredDocument>(id: string, pk: PartitionKey): Promise<(T & { _etag: string }) | undefined>;
  /** Throws `CosmosError` with status 409 when the id exists. */
  create<T extends StoredDocument>(doc: T, pk: PartitionKey): Promise<{ etag: string }>;
  /** Throws 404 or 412 (the document changed since `etag`). */
  replace<T extends StoredDocument>(doc: T, pk: PartitionKey, etag: string): Promise<{ etag: string }>;
  upsert<T extends StoredDocument>(doc: T, pk: PartitionKey): Promise<{ etag: string }>;
  /** Returns whether there was something to remove; throws 412. */
  remove(id: string, pk: PartitionKey, etag?: string): Promise<boolean>;
  /** Throws 404, or 412 when the condition (`from c where ...`) or the etag does not hold. */
  patch(
    id: string,
    pk: PartitionKey,
    operations: readonly PatchOperation[],
    options?: { condition?: string; etag?: string },
  ): Promise<{ etag: string }>;
  /** All or nothing within one logical partition, at most 100 operations. Refusals are returned, other failures thrown. */
  tryBatch(pk: PartitionKey, operations: readonly BatchOperation[]): Promise<BatchRefusal | undefined>;
  /**
   * All that the query finds; documents carry their `_etag`. Queries bound their own results with LIMIT where lists are paged: more than
   * 10,000 results are an error, never a silent cut.
   */
  query<T>(query: NamedQuery, options: QueryOptions): Promise<T[]>;
}
