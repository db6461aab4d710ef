import type { BatchOperation } from '../adapters/cosmos/container.ts';
import { AppError } from '../platform/errors.ts';
import { unknownRole } from './role-giving.ts';
import { isAdministrative } from './role-rules.ts';
import type { Roles } from './roles.ts';
import { toDefinition } from './roles.ts';
import type { RoleDocuments } from './roles-repository.ts';
import type { UserDocument } from './schemas.ts';
import { rosterOperation, type Users } from './users-repository.ts';

type Standing = Pick<UserDocument, 'user_id' | 'role' | 'status'>;

/**
 * What holds between accounts: there is always an administrator, and nobody has a role that was deleted. Both are kept by
 * documents in the partition of the accounts that are written in the batch of whatever changes an account's role or status.
 */
export interface Standings {
  /**
   * What must be written with the account that was `before` (undefined: a new one) and will be `after` (undefined: deleted).
   * Throws `last_administrator`, and `validation_failed` for a role that does not exist. When the batch is refused because of
   * one of these operations, somebody else was first: read again and ask again.
   */
  operations(before: Standing | undefined, after: Standing | undefined): Promise<BatchOperation[]>;
}

export function createStandings(deps: {
  users: Pick<Users, 'findRoster' | 'administrators'>;
  roles: Pick<Roles, 'toGive'>;
  roleDocuments: Pick<RoleDocuments, 'list'>;
}): Standings {
  const { users, roles, roleDocuments } = deps;

  async function isAdministrator(account: Standing | undefined): Promise<boolean> {
    if (account?.status !== 'active') return false;
    // As it is now, not as it was remembered. Whether a role makes administrators never changes while it exists.
    const role = await roles.toGive(account.role);
    return role !== undefined && isAdministrative(role.definition.permissions);
  }

  /** Installations of before there was a roster have their administrators counted once. */
  async function countAdministrators(): Promise<string[]> {
    const custom = (await roleDocuments.list()).map(toDefinition);
    const administrative = custom.filter(({ permissions }) => isAdministrative(permissions)).map(({ name }) => name);
    return users.administrators(['admin', ...administrative]);
  }

  return {
    async operations(before, after) {
      const given = after === undefined || after.role === before?.role ? undefined : await roles.toGive(after.role);
      if (given === undefined && after !== undefined && after.role !== before?.role) throw unknownRole();
      const operations = [...(given?.operations ?? [])];

      const [was, is] = await Promise.all([isAdministrator(before), isAdministrator(after)]);
      const userId = after?.user_id ?? before?.user_id;
      if (was === is || userId === undefined) return operations;
      const roster = await users.findRoster();
      const others = (roster?.user_ids ?? (await countAdministrators())).filter((id) => id !== userId);
      if (!is && others.length === 0) {
        throw new AppError('last_administrator', 'This is the last administrator; make another one first.');
      }
      return [...operations, rosterOperation(roster, is ? [...others, userId] : others)];
    },
  };
}
