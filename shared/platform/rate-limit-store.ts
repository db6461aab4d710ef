import type { Container } from '../adapters/cosmos/container.ts';
import { CosmosError, isConflict } from '../adapters/cosmos/errors.ts';
import type { Lease, SharedLevel } from './rate-limit-rules.ts';

/** What instances share about limits. Every write is guarded by the version that it is based on. */
export interface RateLimitStore {
  findLevel(key: string): Promise<{ level: SharedLevel; etag: string } | undefined>;
  /** The new version; undefined when somebody else wrote since `etag`, or made the document when there is none. */
  writeLevel(key: string, level: SharedLevel, etag: string | undefined, keptS: number): Promise<string | undefined>;
  findInstances(): Promise<{ seenAtMs: Readonly<Record<string, number>>; etag: string } | undefined>;
  writeInstances(seenAtMs: Readonly<Record<string, number>>, etag: string | undefined): Promise<string | undefined>;
}

interface LevelDocument {
  id: string;
  pk: string;
  type: 'rate_limit';
  schema_version: 1;
  tokens: number;
  at_ms: number;
  leases: Readonly<Record<string, Lease>>;
  ttl: number;
}

interface InstancesDocument {
  id: string;
  pk: string;
  type: 'rate_limit_instances';
  schema_version: 1;
  seen_at_ms: Readonly<Record<string, number>>;
  ttl: number;
}

const instancesId = 'rate-limit-instances';
const instancesKeptS = 3_600;
const idOf = (key: string) => `rate-limit:${key}`;

/** One document for each bucket, in a partition of its own; it is deleted when the bucket would be full again. */
export function createRateLimitStore(container: Container): RateLimitStore {
  async function write(doc: LevelDocument | InstancesDocument, etag: string | undefined): Promise<string | undefined> {
    try {
      const written = etag === undefined ? container.create(doc, doc.pk) : container.replace(doc, doc.pk, etag);
      return (await written).etag;
    } catch (error) {
      if (isConflict(error) || isGone(error)) return undefined;
      throw error;
    }
  }

  return {
    async findLevel(key) {
      const id = idOf(key);
      const found = await container.read<LevelDocument>(id, id);
      return found && { level: { tokens: found.tokens, atMs: found.at_ms, leases: found.leases }, etag: found._etag };
    },
    writeLevel(key, level, etag, keptS) {
      const id = idOf(key);
      const { tokens, atMs, leases } = level;
      return write(
        { id, pk: id, type: 'rate_limit', schema_version: 1, tokens, at_ms: atMs, leases, ttl: keptS },
        etag,
      );
    },
    async findInstances() {
      const found = await container.read<InstancesDocument>(instancesId, instancesId);
      return found && { seenAtMs: found.seen_at_ms, etag: found._etag };
    },
    writeInstances(seenAtMs, etag) {
      return write(
        {
          id: instancesId,
          pk: instancesId,
          type: 'rate_limit_instances',
          schema_version: 1,
          seen_at_ms: seenAtMs,
          ttl: instancesKeptS,
        },
        etag,
      );
    },
  };
}

/** The document expired between the read and the write. */
function isGone(error: unknown): boolean {
  return error instanceof CosmosError && error.status === 404;
}
