import {
  type BatchOperation,
  type BatchRefusal,
  type Container,
  defineQuery,
  type PatchOperation,
} from '../adapters/cosmos/container.ts';
import { isConflict } from '../adapters/cosmos/errors.ts';
import { pageParameters } from '../platform/paging.ts';
import type { Paging } from '../platform/schemas.ts';
import type { ApiKeyDocument, Credits, KeyLookupDocument, KeySetDocument } from './documents.ts';

export const queries = {
  listApiKeys: defineQuery({
    name: 'list-api-keys',
    container: 'identity',
    scope: 'partition',
    text: `SELECT * FROM c WHERE c.type = 'api_key' AND ARRAY_CONTAINS(@statuses, c.status) AND c.key_id < @after ORDER BY c.key_id DESC OFFSET @skip LIMIT @limit`,
    index: 'type, key_id',
  }),
};

const live: readonly ApiKeyDocument['status'][] = ['active', 'disabled'];

export interface ApiKeys {
  /** Where the key with this prefix lies. */
  locate(prefix: string): Promise<KeyLookupDocument | undefined>;
  find(userId: string, keyId: string): Promise<ApiKeyDocument | undefined>;
  /** Newest first. */
  list(userId: string, paging: Paging, withRevoked: boolean): Promise<ApiKeyDocument[]>;
  findSet(userId: string): Promise<KeySetDocument | undefined>;
  /** Takes the prefix for a key; false when another key has it. */
  takePrefix(prefix: string, lookup: Pick<KeyLookupDocument, 'user_id' | 'key_id' | 'ttl'>): Promise<boolean>;
  /** The database forgets the prefix after so many seconds. */
  agePrefix(prefix: string, lookup: Required<Pick<KeyLookupDocument, 'user_id' | 'key_id' | 'ttl'>>): Promise<void>;
  dropPrefix(prefix: string): Promise<void>;
  /**
   * Stores a new key, the set that counts it and `more`, all or nothing; returns the refusal (index 0: the key exists;
   * else somebody was first to change the set).
   */
  create(key: ApiKeyDocument, set: KeySetDocument, more: readonly BatchOperation[]): Promise<BatchRefusal | undefined>;
  /** Writes the key over the version that was read, with `set` and `more`, all or nothing; false when it has changed since. */
  replace(key: ApiKeyDocument, more: readonly BatchOperation[], set?: KeySetDocument): Promise<boolean>;
  /** Counts, over whatever version there is; throws 404 when the key is gone. */
  count(
    key: Pick<ApiKeyDocument, 'user_id' | 'key_id'>,
    changes: readonly PatchOperation[],
    more: readonly BatchOperation[],
  ): Promise<BatchRefusal | undefined>;
  /** Writes credits over the version that was read; false when the key has changed since. */
  refill(key: ApiKeyDocument, credits: Credits): Promise<boolean>;
  /**
   * Adds to the credits of a grant and period, over whatever version there is; never below zero. False when there are not
   * enough, or they are others by now.
   */
  moveCredits(
    key: Pick<ApiKeyDocument, 'user_id' | 'key_id'>,
    by: number,
    of: Pick<Credits, 'grant' | 'period'>,
  ): Promise<boolean>;
}

export const keyDocumentId = (keyId: string): string => `key:${keyId}`;
const lookupId = (prefix: string): string => `api-key:${prefix}`;

function overwrite<T extends { id: string; _etag?: string }>(stored: T): BatchOperation {
  const { _etag: etag, ...doc } = stored;
  return etag === undefined ? { op: 'create', doc } : { op: 'replace', doc, etag };
}

export function createApiKeys(container: Container): ApiKeys {
  const lookupOf = (
    prefix: string,
    lookup: Pick<KeyLookupDocument, 'user_id' | 'key_id' | 'ttl'>,
  ): KeyLookupDocument => ({
    id: lookupId(prefix),
    pk: lookupId(prefix),
    type: 'api_key_lookup',
    schema_version: 1,
    ...lookup,
  });
  return {
    locate: (prefix) => container.read<KeyLookupDocument>(lookupId(prefix), lookupId(prefix)),
    find: (userId, keyId) => container.read<ApiKeyDocument>(keyDocumentId(keyId), userId),
    list(userId, paging, withRevoked) {
      const statuses = withRevoked ? [...live, 'revoked'] : live;
      const parameters = [...pageParameters(paging, 'newest-first'), { name: '@statuses', value: statuses }];
      return container.query<ApiKeyDocument>(queries.listApiKeys, { pk: userId, parameters });
    },
    findSet: (userId) => container.read<KeySetDocument>('api-keys', userId),
    async takePrefix(prefix, lookup) {
      try {
        const doc = lookupOf(prefix, lookup);
        await container.create(doc, doc.pk);
        return true;
      } catch (error) {
        if (isConflict(error)) return false;
        throw error;
      }
    },
    async agePrefix(prefix, lookup) {
      const doc = lookupOf(prefix, lookup);
      await container.upsert(doc, doc.pk);
    },
    async dropPrefix(prefix) {
      await container.remove(lookupId(prefix), lookupId(prefix));
    },
    create: (key, set, more) => container.tryBatch(key.pk, [{ op: 'create', doc: key }, overwrite(set), ...more]),
    async replace(key, more, set) {
      const sets = set === undefined ? [] : [overwrite(set)];
      return (await container.tryBatch(key.pk, [overwrite(key), ...sets, ...more])) === undefined;
    },
    async refill(key, credits) {
      const operations: PatchOperation[] = [{ op: 'set', path: '/credits', value: credits }];
      const etag = key._etag === undefined ? {} : { etag: key._etag };
      return (await container.tryBatch(key.pk, [{ op: 'patch', id: key.id, operations, ...etag }])) === undefined;
    },
    async moveCredits(key, by, { grant, period }) {
      const operations: PatchOperation[] = [{ op: 'incr', path: '/credits/remaining', value: by }];
      // Both are made by rules of ours; a patch has no parameters.
      const ofPeriod = `c.credits.period = ${period === null ? 'null' : `'${period}'`}`;
      const condition = `from c where c.credits.grant = ${grant} and ${ofPeriod} and c.credits.remaining >= ${Math.max(0, -by)}`;
      const id = keyDocumentId(key.key_id);
      return (await container.tryBatch(key.user_id, [{ op: 'patch', id, operations, condition }])) === undefined;
    },
    count: (key, changes, more) =>
      container.tryBatch(key.user_id, [{ op: 'patch', id: keyDocumentId(key.key_id), operations: changes }, ...more]),
  };
}
