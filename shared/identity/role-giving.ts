import type { Principal } from '../platform/define-endpoint.ts';
import { AppError, validationError } from '../platform/errors.ts';
import { isAdministrative, mayGiveRole } from './role-rules.ts';
import type { Roles } from './roles.ts';

/**
 * Throws `validation_failed` for a role that does not exist, `forbidden` when `giver` may not make accounts of it, and
 * `step_up_required` when it makes an administrator and the giver has not proved a short while ago who they are.
 */
export type AssertMayGive = (giver: Principal, role: string) => Promise<void>;

export function unknownRole(): AppError {
  return validationError([{ loc: ['body', 'role'], msg: 'is not a role', type: 'unknown_role' }]);
}

export function createRoleGiving(deps: {
  roles: Pick<Roles, 'toGive'>;
  assertFresh: (user: Principal) => Promise<void>;
}): AssertMayGive {
  return async (giver, role) => {
    const found = await deps.roles.toGive(role);
    if (found === undefined) throw unknownRole();
    const { definition } = found;
    const isAdmin = isAdministrative(definition.permissions);
    if (!mayGiveRole(giver.permissions, definition)) {
      throw new AppError(
        'forbidden',
        isAdmin ? 'Only an administrator can make an administrator' : 'Only an administrator can give this role',
      );
    }
    if (isAdmin) await deps.assertFresh(giver);
  };
}
