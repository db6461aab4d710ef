import type { BatchOperation, Container } from '../adapters/cosmos/container.ts';
import { CosmosError } from '../adapters/cosmos/errors.ts';
import type { AuditOutboxDocument } from './schemas.ts';

/** The events that wait to be appended, beside what they tell of. */
export interface AuditOutbox {
  /** Stores the record of an event that changes no document of its own. */
  add(pk: string, record: BatchOperation): Promise<void>;
  /** Removes the records; those that are gone already are no error. */
  remove(pk: string, ids: readonly AuditOutboxDocument['id'][]): Promise<void>;
}

/** A change feed may bring more than a batch takes, when they were written in one. */
const batchMax = 100;

export function createAuditOutbox(container: Container): AuditOutbox {
  return {
    async add(pk, record) {
      const refused = await container.tryBatch(pk, [record]);
      // Its identifier is new, so nothing can be in its way.
      if (refused !== undefined) throw new CosmosError(refused.status, 'An audit record was refused.');
    },
    async remove(pk, ids) {
      for (let start = 0; start < ids.length; start += batchMax) {
        const some = ids.slice(start, start + batchMax);
        const operations = some.map((id): BatchOperation => ({ op: 'remove', id }));
        if (some.length > 1 && (await container.tryBatch(pk, operations)) === undefined) continue;
        for (const id of some) await container.remove(id, pk);
      }
    },
  };
}
