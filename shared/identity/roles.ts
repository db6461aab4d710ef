import { type Permission, permissionsOfRole } from '../platform/permissions.ts';

/** What each role may do: the built-in ones and those that administrators made. */
export interface Roles {
  /** Nothing at all for a role that does not exist (any more). */
  permissionsOf(role: string): Promise<ReadonlySet<Permission>>;
}

const nothing: ReadonlySet<Permission> = new Set();

export function createRoles(): Roles {
  return {
    permissionsOf: (role) => Promise.resolve(permissionsOfRole(role) ?? nothing),
  };
}
