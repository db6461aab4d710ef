import { type BatchOperation, type BatchRefusal, type Container, defineQuery } from '../adapters/cosmos/container.ts';
import { pageParameters } from '../platform/paging.ts';
import type { Paging } from '../platform/schemas.ts';
import { upgradeUser } from './account-documents.ts';
import type { UserDocument, UserDocumentV1 } from './schemas.ts';
import type { AdminRosterDocument, FormerUserDocument, UserFilter } from './user-schemas.ts';

const pk = 'accounts';
const rosterId = 'admin-roster';

export const queries = {
  searchUsers: defineQuery({
    name: 'search-users',
    container: 'identity',
    scope: 'partition',
    // Accounts as they were stored at first say `is_active` in place of a status.
    text: `SELECT * FROM c WHERE c.type = 'user' AND c.user_id > @after AND (@role = '' OR c.role = @role) AND (ARRAY_CONTAINS(@statuses, c.status) OR (c.is_active = true AND ARRAY_CONTAINS(@statuses, 'active')) OR (c.is_active = false AND ARRAY_CONTAINS(@statuses, 'inactive'))) AND (@search = '' OR CONTAINS(c.username, @search, true) OR CONTAINS(c.email, @search, true) OR CONTAINS(c.full_name, @search, true) OR CONTAINS(c.first_name, @search, true) OR CONTAINS(c.last_name, @search, true) OR CONTAINS(c.display_name, @search, true)) ORDER BY c.user_id OFFSET @skip LIMIT @limit`,
    index: 'type, user_id, role, status, the names',
  }),
  listAdministrators: defineQuery({
    name: 'list-administrators',
    container: 'identity',
    scope: 'partition',
    text: `SELECT VALUE c.user_id FROM c WHERE c.type = 'user' AND ARRAY_CONTAINS(@roles, c.role) AND (c.status = 'active' OR c.is_active = true)`,
    index: 'type, role, status',
  }),
  listBelongings: defineQuery({
    name: 'list-belongings',
    container: 'identity',
    scope: 'partition',
    text: `SELECT VALUE c.id FROM c WHERE c.user_id = @user_id AND c.type != 'user'`,
    index: 'user_id, type',
  }),
};

/** What only the administration of accounts asks of the partition that holds them all. */
export interface Users {
  search(filter: UserFilter, paging: Paging): Promise<UserDocument[]>;
  /** The ids of everything that belongs to an account and lies beside it: names, second factors, one-time tokens. */
  belongings(userId: string): Promise<string[]>;
  /** Puts in place of the account what is left of it, with `more` in the same batch; returns the refusal. */
  bury(
    account: UserDocument,
    remains: FormerUserDocument,
    more: readonly BatchOperation[],
  ): Promise<BatchRefusal | undefined>;
  /** Removes documents that may be gone already. */
  removeAll(ids: readonly string[]): Promise<void>;
  findRoster(): Promise<AdminRosterDocument | undefined>;
  /** The active accounts with one of the roles. */
  administrators(roles: readonly string[]): Promise<string[]>;
}

/** The first list of administrators, or the next one after the one that was read. */
export function rosterOperation(present: AdminRosterDocument | undefined, userIds: readonly string[]): BatchOperation {
  const doc = { id: rosterId, pk, type: 'admin_roster', schema_version: 1, user_ids: [...userIds] };
  if (present === undefined) return { op: 'create', doc };
  return { op: 'replace', doc, ...(present._etag === undefined ? {} : { etag: present._etag }) };
}

export function createUsers(container: Container): Users {
  return {
    async search({ role = '', statuses, search = '' }, paging) {
      const parameters = [
        ...pageParameters(paging, 'oldest-first'),
        { name: '@role', value: role },
        { name: '@statuses', value: statuses },
        { name: '@search', value: search },
      ];
      return (await container.query<UserDocument | UserDocumentV1>(queries.searchUsers, { pk, parameters })).map(
        upgradeUser,
      );
    },
    belongings: (userId) =>
      container.query<string>(queries.listBelongings, { pk, parameters: [{ name: '@user_id', value: userId }] }),
    bury({ _etag: etag }, remains, more) {
      const buried: BatchOperation = { op: 'replace', doc: remains, ...(etag === undefined ? {} : { etag }) };
      return container.tryBatch(pk, [buried, ...more]);
    },
    async removeAll(ids) {
      for (const id of ids) await container.remove(id, pk);
    },
    findRoster: () => container.read<AdminRosterDocument>(rosterId, pk),
    administrators: (roles) =>
      container.query<string>(queries.listAdministrators, { pk, parameters: [{ name: '@roles', value: [...roles] }] }),
  };
}
