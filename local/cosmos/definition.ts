/** The shape of `infra/containers.json`, the only definition of containers: nothing is created at run time. */
export interface ContainersFile {
  database: string;
  containers: readonly ContainerDefinition[];
}

export interface ContainerDefinition {
  id: string;
  description?: string;
  partitionKey: { paths: readonly string[]; kind?: string; version?: number };
  /** Seconds; -1 turns expiry on for items that carry their own `ttl`; absent turns it off. */
  defaultTtl?: number;
  uniqueKeyPolicy?: { uniqueKeys: readonly { paths: readonly string[] }[] };
  indexingPolicy: IndexingPolicy;
}

export interface IndexingPolicy {
  indexingMode?: string;
  automatic?: boolean;
  includedPaths?: readonly { path: string }[];
  excludedPaths?: readonly { path: string }[];
  compositeIndexes?: readonly (readonly { path: string; order?: string }[])[];
}

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
