import { type Permission, permissionNames, permissions } from '../platform/permissions.ts';

type Tier = 'read' | 'write' | 'admin';

/** The wide scopes: each includes those before it. No scope ever includes what is for people alone. */
const tiers: Readonly<Record<Tier, readonly Tier[]>> = {
  read: ['read'],
  write: ['read', 'write'],
  admin: ['read', 'write', 'admin'],
};

/**
 * Names that clients give to features. They are kept and shown, and `required_scope` finds them; they allow nothing by
 * themselves until a feature asks for them. (Deleting is part of `write`.)
 */
export const featureScopes = [
  'delete',
  'deploy',
  'roblox',
  'ai',
  'webhook',
  'analytics',
  'analytics.read',
  'content',
  'content.access',
  'script.generate',
  'script.validate',
] as const;

const isTier = (scope: string): scope is Tier => Object.hasOwn(tiers, scope);
const isFeature = (scope: string): boolean => featureScopes.some((name) => name === scope);
const isKeyPermission = (scope: string): scope is Permission =>
  permissionNames.some((name) => name === scope && permissions[name].scope !== 'person');

/** Whether a key can have this scope: a wide one, that of a feature, or a permission of the catalogue. */
export function isScope(scope: string): boolean {
  return isTier(scope) || isFeature(scope) || isKeyPermission(scope);
}

const ofTier: Readonly<Record<Tier, ReadonlySet<Permission>>> = {
  read: withScope(tiers.read),
  write: withScope(tiers.write),
  admin: withScope(tiers.admin),
};

function withScope(names: readonly Tier[]): ReadonlySet<Permission> {
  return new Set(permissionNames.filter((name) => names.some((tier) => tier === permissions[name].scope)));
}

/** The permissions that scopes name, whoever has the key. */
export function grantedBy(scopes: readonly string[]): ReadonlySet<Permission> {
  const granted = new Set<Permission>();
  for (const scope of scopes) {
    if (isTier(scope)) for (const permission of ofTier[scope]) granted.add(permission);
    else if (isKeyPermission(scope)) granted.add(scope);
  }
  return granted;
}

/** What a key may do: what its owner may do now, as far as the scopes name it. */
export function effectivePermissions(
  owner: ReadonlySet<Permission>,
  scopes: readonly string[],
): ReadonlySet<Permission> {
  return new Set([...grantedBy(scopes)].filter((permission) => owner.has(permission)));
}

/** Whether scopes reach into administration, for which a person must have proved a short while ago who they are. */
export function grantsAdministration(scopes: readonly string[]): boolean {
  return [...grantedBy(scopes)].some((permission) => permissions[permission].scope === 'admin');
}

/** Whether somebody with `scopes` has `wanted` too. `admin` includes everything that a key can have. */
export function coversScope(scopes: readonly string[], wanted: string): boolean {
  if (!isScope(wanted)) return false;
  if (scopes.includes(wanted) || scopes.includes('admin')) return true;
  if (isTier(wanted)) return scopes.some((scope) => isTier(scope) && tiers[scope].includes(wanted));
  return isKeyPermission(wanted) && grantedBy(scopes).has(wanted);
}

/** Whether a scope is worth something in the hands of this owner: a demoted administrator's `admin` is not. */
function isHeldBy(owner: ReadonlySet<Permission>, scope: string): boolean {
  if (isTier(scope)) return permissionNames.some((name) => permissions[name].scope === scope && owner.has(name));
  return isKeyPermission(scope) ? owner.has(scope) : true;
}

/** The scopes of a key as they count now. */
export function effectiveScopes(owner: ReadonlySet<Permission>, scopes: readonly string[]): string[] {
  return scopes.filter((scope) => isHeldBy(owner, scope));
}
