import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  coversScope,
  effectivePermissions,
  effectiveScopes,
  featureScopes,
  grantedBy,
  grantsAdministration,
  isScope,
} from '../../shared/api-keys/scope-rules.ts';
import {
  type builtInRoles,
  permissionNames,
  permissions,
  permissionsOfRole,
} from '../../shared/platform/permissions.ts';

const people = permissionNames.filter((name) => permissions[name].scope === 'person');
const forKeys = permissionNames.filter((name) => permissions[name].scope !== 'person');
const anyScope = fc.constantFrom('read', 'write', 'admin', ...featureScopes, ...forKeys);
const anyScopes = fc.array(anyScope, { maxLength: 6 });
const anyOwner = fc.subarray([...permissionNames]).map((names) => new Set(names));
const tier = (...names: string[]) => forKeys.filter((name) => names.includes(permissions[name].scope));

describe('scopes', () => {
  test('are the names of all contracts and the permissions that a key can have, and nothing else', () => {
    const ofContracts =
      'read write delete deploy admin roblox ai webhook analytics content script.generate script.validate content.access analytics.read';
    for (const scope of [...ofContracts.split(' '), ...forKeys]) expect([scope, isScope(scope)]).toEqual([scope, true]);
    for (const scope of [...people, '', 'READ', 'all', '*', 'toString', '__proto__', 'read write', 'constructor'])
      expect([scope, isScope(scope)]).toEqual([scope, false]);
  });

  test('read grants what reads, write also what changes, admin all but what is for people alone', () => {
    expect([...grantedBy(['read'])].sort()).toEqual(tier('read').sort());
    expect([...grantedBy(['write'])].sort()).toEqual(tier('read', 'write').sort());
    expect([...grantedBy(['admin'])].sort()).toEqual([...forKeys].sort());
    expect(tier('read').length * tier('write').length * tier('admin').length).toBeGreaterThan(0);
  });

  test('names of features grant nothing yet, and a permission grants itself', () => {
    expect([...grantedBy(featureScopes)]).toEqual([]);
    expect([...grantedBy(['component:read'])]).toEqual(['component:read']);
  });

  test('no scope grants what is for people alone', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(anyScope, fc.constantFrom(...people), fc.string())), (scopes) => {
        expect(people.filter((name) => grantedBy(scopes).has(name))).toEqual([]);
      }),
    );
  });

  test('administration is what an administrator does, whatever scope it is called by', () => {
    expect([['admin'], ['user:admin'], ['read', 'audit:read']].map(grantsAdministration)).toEqual([true, true, true]);
    expect([[], ['read', 'write'], ['component:write'], [...featureScopes]].map(grantsAdministration)).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });
});

describe('what a key may do', () => {
  test('is never more than its owner may, nor more than its scopes say, and all that both say', () => {
    fc.assert(
      fc.property(anyOwner, anyScopes, (owner, scopes) => {
        const may = effectivePermissions(owner, scopes);
        for (const name of permissionNames) expect(may.has(name)).toBe(owner.has(name) && grantedBy(scopes).has(name));
      }),
    );
  });

  test('never grows when its owner loses something', () => {
    fc.assert(
      fc.property(anyOwner, anyOwner, anyScopes, (owner, lost, scopes) => {
        const less = new Set([...owner].filter((name) => !lost.has(name)));
        const before = effectivePermissions(owner, scopes);
        expect([...effectivePermissions(less, scopes)].filter((name) => !before.has(name))).toEqual([]);
      }),
    );
  });

  test('counts only scopes that its owner can give: the admin of a student is worth nothing', () => {
    const of = (role: (typeof builtInRoles)[number]) => permissionsOfRole(role) ?? new Set();
    const all = ['read', 'write', 'admin', 'roblox', 'user:admin', 'study:read'];
    expect(effectiveScopes(of('admin'), all)).toEqual(['read', 'write', 'admin', 'roblox', 'user:admin']);
    expect(effectiveScopes(of('student'), all)).toEqual(['read', 'write', 'roblox', 'study:read']);
    expect(effectiveScopes(new Set(), all)).toEqual(['roblox']);
  });
});

describe('a scope covers another', () => {
  test('exactly when nothing is gained by it: what is covered grants no more', () => {
    fc.assert(
      fc.property(anyScopes, anyScope, (scopes, wanted) => {
        const gained = [...grantedBy([wanted])].filter((name) => !grantedBy(scopes).has(name));
        if (coversScope(scopes, wanted)) expect(gained).toEqual([]);
      }),
    );
  });

  test('when it is the same, a wider one, or admin', () => {
    const covered = (scopes: string[]) =>
      ['read', 'write', 'admin', 'roblox', 'component:read', 'component:write'].filter((one) =>
        coversScope(scopes, one),
      );
    expect(covered(['read'])).toEqual(['read', 'component:read']);
    expect(covered(['write'])).toEqual(['read', 'write', 'component:read', 'component:write']);
    expect(covered(['admin'])).toEqual(['read', 'write', 'admin', 'roblox', 'component:read', 'component:write']);
    expect(covered(['roblox'])).toEqual(['roblox']);
    expect(covered(['component:write'])).toEqual(['component:write']);
    expect(covered([...forKeys])).toEqual(['component:read', 'component:write']);
    expect(covered([])).toEqual([]);
  });

  test('never a name that is no scope', () => {
    for (const wanted of ['', 'nonsense', 'account:secure_self', 'toString'])
      expect(coversScope(['admin', wanted], wanted)).toBe(false);
  });
});
