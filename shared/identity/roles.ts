import type { BatchOperation } from '../adapters/cosmos/container.ts';
import type { Clock } from '../platform/clock.ts';
import { type Permission, permissionNames, permissionsOfRole } from '../platform/permissions.ts';
import { createReadCache } from '../platform/read-cache.ts';
import { builtInDefinitions } from './role-rules.ts';
import type { RoleDefinition, RoleDocument } from './role-schemas.ts';
import { givenOperation, type RoleDocuments } from './roles-repository.ts';

/** What each role may do: the built-in ones and those that administrators made. */
export interface Roles {
  /**
   * Nothing at all for a role that does not exist (any more). What is known of custom roles is at most `AUTH_CACHE_S` seconds
   * old: one query in that time, whoever asks.
   */
  permissionsOf(role: string): Promise<ReadonlySet<Permission>>;
  /** The role as it is now, with what must be written in the batch that gives it to somebody. */
  toGive(role: string): Promise<{ definition: RoleDefinition; operations: BatchOperation[] } | undefined>;
  /** Custom roles have changed. */
  forget(): void;
}

/** They are read and remembered together. */
const all = 'custom';

const nothing: ReadonlySet<Permission> = new Set();
const catalogue: ReadonlySet<string> = new Set(permissionNames);

/** A permission that the catalogue has dropped since is none. */
export function toDefinition(role: RoleDocument): RoleDefinition {
  const { name, description } = role;
  const permissions = new Set(role.permissions.filter((permission) => catalogue.has(permission)));
  return { name, description, permissions, is_built_in: false };
}

export function createRoles(deps: {
  documents: Pick<RoleDocuments, 'find' | 'list'>;
  clock: Clock;
  cacheMs: number;
}): Roles {
  const { documents, clock, cacheMs } = deps;
  const remembered = createReadCache<ReadonlyMap<string, RoleDefinition>>({
    clock,
    cacheMs,
    foundMax: 1,
    missingMax: 1,
    read: async () => new Map((await documents.list()).map((role) => [role.name, toDefinition(role)])),
  });

  return {
    async permissionsOf(role) {
      return permissionsOfRole(role) ?? (await remembered.of(all))?.get(role)?.permissions ?? nothing;
    },
    async toGive(role) {
      const builtIn = builtInDefinitions.find(({ name }) => name === role);
      if (builtIn !== undefined) return { definition: builtIn, operations: [] };
      const document = await documents.find(role);
      return document && { definition: toDefinition(document), operations: [givenOperation(document)] };
    },
    forget: () => remembered.forget(all),
  };
}
