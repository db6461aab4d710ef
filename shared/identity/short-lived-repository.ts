import type { Container, StoredDocument } from '../adapters/cosmos/container.ts';
import { CosmosError } from '../adapters/cosmos/errors.ts';

/** What waits a few minutes for an answer; `ttl` makes the database forget it by itself. */
interface ShortLivedDocument extends StoredDocument {
  pk: string;
  ttl: number;
}

/** Documents that are good once, each in a logical partition of its own, which is called as the document is. */
export interface ShortLived<T extends ShortLivedDocument> {
  create(doc: T): Promise<void>;
  find(id: string): Promise<T | undefined>;
  /** False when somebody else wrote since it was read, or used it. */
  replace(doc: T): Promise<boolean>;
  /** True for exactly one of those who use it at the same time. */
  use(id: string): Promise<boolean>;
}

export function createShortLived<T extends ShortLivedDocument>(container: Container): ShortLived<T> {
  return {
    async create(doc) {
      await container.create(doc, doc.pk);
    },
    find: (id) => container.read<T>(id, id),
    async replace({ _etag: etag = '', ...doc }) {
      try {
        await container.replace(doc, doc.pk, etag);
        return true;
      } catch (error) {
        if (error instanceof CosmosError && (error.status === 404 || error.status === 412)) return false;
        throw error;
      }
    },
    use: (id) => container.remove(id, id),
  };
}
