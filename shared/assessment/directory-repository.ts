import { LRUCache } from 'lru-cache';
import { type Container, defineQuery } from '../adapters/cosmos/container.ts';
import { isConflict } from '../adapters/cosmos/errors.ts';
import { pageParameters } from '../platform/paging.ts';
import type { Paging } from '../platform/schemas.ts';
import type { ComponentDocument, MembershipDocument, PointerDocument } from './schemas.ts';

export const queries = {
  listMemberships: defineQuery({
    name: 'list-memberships',
    container: 'memberships',
    scope: 'partition',
    text: `SELECT * FROM c WHERE c.kind = @kind AND c.comp_id > @after ORDER BY c.comp_id OFFSET @skip LIMIT @limit`,
    index: 'kind, comp_id',
  }),
  listMembershipIds: defineQuery({
    name: 'list-membership-ids',
    container: 'memberships',
    scope: 'partition',
    text: `SELECT VALUE c.comp_id FROM c WHERE c.kind = @kind`,
    index: 'kind',
  }),
};

export type MembershipKind = MembershipDocument['kind'];

export interface Memberships {
  list(userId: string, kind: MembershipKind, paging: Paging): Promise<MembershipDocument[]>;
  listIds(userId: string, kind: MembershipKind): Promise<string[]>;
  /** Writes the row with the component as it is now; an older copy never replaces a newer one. */
  put(userId: string, kind: MembershipKind, component: ComponentDocument): Promise<void>;
  remove(userId: string, kind: MembershipKind, compId: string): Promise<void>;
}

export function createMemberships(container: Container): Memberships {
  const rowId = (kind: MembershipKind, compId: string) => `${kind}:${compId}`;
  return {
    list(userId, kind, paging) {
      const parameters = [...pageParameters(paging, 'oldest-first'), { name: '@kind', value: kind }];
      return container.query<MembershipDocument>(queries.listMemberships, { pk: userId, parameters });
    },
    listIds(userId, kind) {
      return container.query<string>(queries.listMembershipIds, {
        pk: userId,
        parameters: [{ name: '@kind', value: kind }],
      });
    },
    async put(userId, kind, component) {
      const { comp_id, version } = component;
      const { comp_name, general_instructions, owner_user_ids, created_by_user_id, created_at, updated_at } = component;
      const row: MembershipDocument = {
        id: rowId(kind, comp_id),
        type: 'membership',
        schema_version: 1,
        user_id: userId,
        kind,
        comp_id,
        comp_version: version,
        component: {
          comp_id,
          comp_name,
          general_instructions,
          owner_user_ids,
          created_by_user_id,
          created_at,
          updated_at,
        },
      };
      try {
        await container.create(row, userId);
      } catch (error) {
        if (!isConflict(error)) throw error;
        const known = await container.read<MembershipDocument>(row.id, userId);
        if (known === undefined) return this.put(userId, kind, component);
        if (known.comp_version >= version) return;
        try {
          await container.replace(row, userId, known._etag);
        } catch (conflict) {
          if (!isConflict(conflict)) throw conflict;
          return this.put(userId, kind, component);
        }
      }
    },
    async remove(userId, kind, compId) {
      await container.remove(rowId(kind, compId), userId);
    },
  };
}

export interface Pointers {
  find(id: string, type: PointerDocument['type']): Promise<PointerDocument | undefined>;
  /** Written before what it points to, so that nothing is ever out of reach; a repeat changes nothing. */
  put(pointer: PointerDocument): Promise<void>;
}

export function createPointers(container: Container): Pointers {
  // Pointers never change, so an instance may remember them for good.
  const known = new LRUCache<string, PointerDocument>({ max: 50_000 });
  return {
    async find(id, type) {
      const pointer = known.get(id) ?? (await container.read<PointerDocument>(id, id));
      if (pointer !== undefined) known.set(id, pointer);
      return pointer?.type === type ? pointer : undefined;
    },
    async put(pointer) {
      try {
        await container.create(pointer, pointer.id);
      } catch (error) {
        if (!isConflict(error)) throw error;
      }
      known.set(pointer.id, pointer);
    },
  };
}
