import {
  type BuiltInRole,
  builtInRoles,
  isBuiltInRole,
  type Permission,
  permissionsOfRole,
  roleAliases,
} from '../platform/permissions.ts';
import type { RoleDefinition } from './role-schemas.ts';

/** What an administrator reads about the roles that every installation has. */
const descriptions: Readonly<Record<BuiltInRole, string>> = {
  admin: 'Runs the installation: may do everything but hand in work.',
  configurator: 'Member of staff who sets up courses and grades.',
  teacher: 'Member of staff; the same permissions as a configurator.',
  student: 'Enrolled by staff; hands in work.',
  parent: 'Follows a student.',
  power: 'A member with larger needs.',
  user: 'A member who studies and builds but is not enrolled by staff.',
  guest: 'May look, and keep an account.',
};

export const builtInDefinitions: readonly RoleDefinition[] = builtInRoles.map((name) => ({
  name,
  description: descriptions[name],
  permissions: permissionsOfRole(name) ?? new Set(),
  is_built_in: true,
}));

/** Who holds this permission is an administrator, whatever the role is called. */
export function isAdministrative(permissions: ReadonlySet<Permission>): boolean {
  return permissions.has('user:admin');
}

/** What somebody can do who works for nobody: giving it to others gives them no power over anybody. */
const powerless: ReadonlySet<Permission> = new Set(
  builtInDefinitions
    .filter(({ permissions }) => !permissions.has('account:create'))
    .flatMap(({ permissions }) => [...permissions]),
);

/** Nobody can give away more than they have: what is given is their own, or gives no power over anybody. */
export function givesNoMore(giver: ReadonlySet<Permission>, given: ReadonlySet<Permission>): boolean {
  return [...given].every((permission) => giver.has(permission) || powerless.has(permission));
}

/**
 * Whether somebody with the permissions `giver` may make accounts of a role, or invite people into it. Administrators give
 * every role. Others give built-in ones, and none that gives power which they do not have themselves.
 */
export function mayGiveRole(giver: ReadonlySet<Permission>, role: RoleDefinition): boolean {
  if (isAdministrative(giver)) return true;
  if (!giver.has('account:create') || !role.is_built_in || isAdministrative(role.permissions)) return false;
  return givesNoMore(giver, role.permissions);
}

/** The permissions of these that the composer of a role may not put into it: others than administrators pass on only what they have. */
export function notTheirs(composer: ReadonlySet<Permission>, added: readonly Permission[]): Permission[] {
  return isAdministrative(composer) ? [] : added.filter((permission) => !composer.has(permission));
}

/** Names that a custom role cannot have: the built-in ones, and what older clients call these. */
export function isReservedRoleName(name: string): boolean {
  return isBuiltInRole(name) || Object.hasOwn(roleAliases, name);
}
