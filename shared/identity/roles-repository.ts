import { type BatchOperation, type BatchRefusal, type Container, defineQuery } from '../adapters/cosmos/container.ts';
import type { RoleDocument } from './role-schemas.ts';

const pk = 'accounts';

export const queries = {
  listRoles: defineQuery({
    name: 'list-roles',
    container: 'identity',
    scope: 'partition',
    text: `SELECT * FROM c WHERE c.type = 'role'`,
    index: 'type',
  }),
  findHolder: defineQuery({
    name: 'find-role-holder',
    container: 'identity',
    scope: 'partition',
    text: `SELECT VALUE c.user_id FROM c WHERE c.type = 'user' AND c.role = @role OFFSET 0 LIMIT 1`,
    index: 'type, role',
  }),
};

/** The roles that administrators made. */
export interface RoleDocuments {
  find(name: string): Promise<RoleDocument | undefined>;
  /** All of them; there are few. */
  list(): Promise<RoleDocument[]>;
  /** Returns false when a role of this name exists. */
  create(role: RoleDocument, more: readonly BatchOperation[]): Promise<boolean>;
  /** Returns the refusal (index 0: the role changed, or is gone, since it was read). */
  replace(role: RoleDocument, more: readonly BatchOperation[]): Promise<BatchRefusal | undefined>;
  /** The same for deleting it. */
  remove(role: RoleDocument, more: readonly BatchOperation[]): Promise<BatchRefusal | undefined>;
  /** Whether any account has the role, active or not. */
  isHeld(name: string): Promise<boolean>;
}

export function roleDocumentId(name: string): string {
  return `role:${name}`;
}

/** For the batch that gives somebody the role: refused when it is not this role any more, and seen by who would delete it. */
export function givenOperation(role: RoleDocument): BatchOperation {
  return {
    op: 'patch',
    id: role.id,
    operations: [{ op: 'incr', path: '/times_given', value: 1 }],
    // A UUID that was stored by us: nothing in it can end the quotes.
    condition: `from c where c.role_id = '${role.role_id}'`,
  };
}

export function createRoleDocuments(container: Container): RoleDocuments {
  return {
    find: (name) => container.read<RoleDocument>(roleDocumentId(name), pk),
    list: () => container.query<RoleDocument>(queries.listRoles, { pk, parameters: [] }),
    async create(role, more) {
      const refused = await container.tryBatch(pk, [{ op: 'create', doc: role }, ...more]);
      return refused === undefined;
    },
    replace({ _etag: etag, ...doc }, more) {
      return container.tryBatch(pk, [{ op: 'replace', doc, ...(etag === undefined ? {} : { etag }) }, ...more]);
    },
    remove({ id, _etag: etag }, more) {
      return container.tryBatch(pk, [{ op: 'remove', id, ...(etag === undefined ? {} : { etag }) }, ...more]);
    },
    async isHeld(name) {
      const found = await container.query<string>(queries.findHolder, {
        pk,
        parameters: [{ name: '@role', value: name }],
      });
      return found.length > 0;
    },
  };
}
