import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  builtInDefinitions,
  isAdministrative,
  isReservedRoleName,
  mayGiveRole,
  notTheirs,
} from '../../shared/identity/role-rules.ts';
import type { RoleDefinition } from '../../shared/identity/role-schemas.ts';
import {
  builtInRoles,
  type Permission,
  permissionNames,
  permissionsOfRole,
} from '../../shared/platform/permissions.ts';

const somePermissions = fc.subarray([...permissionNames]);
const builtIn = (name: string): RoleDefinition => {
  const found = builtInDefinitions.find((role) => role.name === name);
  if (found === undefined) throw new Error(`There is no role ${name}.`);
  return found;
};
const custom = (permissions: readonly Permission[]): RoleDefinition => ({
  name: 'made',
  description: '',
  permissions: new Set(permissions),
  is_built_in: false,
});
const may = (giver: string, role: string) => mayGiveRole(permissionsOfRole(giver) ?? new Set(), builtIn(role));

test('every built-in role is described, with the permissions of the catalogue', () => {
  expect(builtInDefinitions.map(({ name }) => name)).toEqual([...builtInRoles]);
  for (const { name, description, permissions, is_built_in } of builtInDefinitions) {
    expect([is_built_in, description.endsWith('.'), permissions]).toEqual([true, true, permissionsOfRole(name)]);
  }
});

test('administrators give every role', () => {
  for (const role of builtInRoles) expect(may('admin', role)).toBe(true);
  fc.assert(
    fc.property(somePermissions, somePermissions, (mine, given) => {
      expect(mayGiveRole(new Set([...mine, 'user:admin']), custom(given))).toBe(true);
    }),
  );
});

test('staff give every built-in role but that of an administrator', () => {
  for (const giver of ['teacher', 'configurator']) {
    for (const role of builtInRoles) expect([giver, role, may(giver, role)]).toEqual([giver, role, role !== 'admin']);
  }
});

test('who makes no accounts gives no role', () => {
  for (const giver of ['student', 'parent', 'power', 'user', 'guest']) {
    for (const role of builtInRoles) expect(may(giver, role)).toBe(false);
  }
});

test('nobody but an administrator gives a custom role, or one that makes administrators', () => {
  fc.assert(
    fc.property(somePermissions, somePermissions, (mine, given) => {
      const giver = new Set(mine.filter((name) => name !== 'user:admin'));
      expect(mayGiveRole(giver, custom(given))).toBe(false);
      expect(mayGiveRole(giver, builtIn('admin'))).toBe(false);
    }),
  );
});

test('what somebody gives, they have, or it is what members have who work for nobody', () => {
  const members = new Set(
    ['student', 'parent', 'power', 'user', 'guest'].flatMap((role) => [...(permissionsOfRole(role) ?? [])]),
  );
  fc.assert(
    fc.property(somePermissions, fc.constantFrom(...builtInRoles), (mine, role) => {
      const giver = new Set<Permission>([...mine.filter((name) => name !== 'user:admin'), 'account:create']);
      const given = [...builtIn(role).permissions];
      const isCovered = given.every((name) => giver.has(name) || members.has(name));
      expect(mayGiveRole(giver, builtIn(role))).toBe(isCovered && role !== 'admin');
    }),
  );
});

test('a role makes administrators exactly when it may administer accounts', () => {
  fc.assert(
    fc.property(somePermissions, (names) => {
      expect(isAdministrative(new Set(names))).toBe(names.includes('user:admin'));
    }),
  );
});

test('only an administrator puts into a role what they do not have', () => {
  fc.assert(
    fc.property(somePermissions, somePermissions, (mine, added) => {
      const missing = notTheirs(new Set(mine), added);
      expect(missing).toEqual(mine.includes('user:admin') ? [] : added.filter((name) => !mine.includes(name)));
    }),
  );
});

test('the names of built-in roles and what older clients call them are taken', () => {
  for (const name of [...builtInRoles, 'superuser', 'regular']) expect(isReservedRoleName(name)).toBe(true);
  for (const name of ['librarian', 'toString', 'constructor', '']) expect(isReservedRoleName(name)).toBe(false);
});
