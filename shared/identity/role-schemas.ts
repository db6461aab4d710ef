import { z } from 'zod';
import { type Permission, permissionNames } from '../platform/permissions.ts';
import { Timestamp } from '../platform/schemas.ts';
import { RoleName } from './schemas.ts';

/** A role as decisions are made about it. */
export interface RoleDefinition {
  name: string;
  description: string;
  permissions: ReadonlySet<Permission>;
  is_built_in: boolean;
}

/** A role that an administrator made. It lies with the accounts, so that giving it and deleting it cannot cross. */
export interface RoleDocument {
  id: string;
  pk: 'accounts';
  type: 'role';
  schema_version: 1;
  /** Another one for a role of the same name that is made after this one was deleted. */
  role_id: string;
  name: string;
  description: string;
  permissions: readonly Permission[];
  /** Counts up with each account that gets the role: who deletes it sees that somebody got it in between. */
  times_given: number;
  created_at: string;
  updated_at: string;
  _etag?: string;
}

export const Role = z
  .object({
    name: z.string(),
    description: z.string(),
    permissions: z.array(
      z.object({ codename: z.enum(permissionNames), description: z.string() }).describe('What the role may do'),
    ),
    is_built_in: z.boolean().describe('It can neither be changed nor deleted'),
    created_at: Timestamp.nullable().describe('Null for a built-in role'),
    updated_at: Timestamp.nullable().describe('Null for a built-in role'),
  })
  .meta({ id: 'Role', description: 'What the accounts of a role may do.' });
export type Role = z.output<typeof Role>;

const Description = z.string().trim().max(500).describe('What the role is for');
const Permissions = z
  .array(z.enum(permissionNames))
  .max(permissionNames.length)
  .transform((names) => [...new Set(names)])
  .pipe(z.array(z.enum(permissionNames)))
  .describe('Codenames; `GET /api/v1/roles` shows them all');

export const RoleCreate = z
  .object({
    name: RoleName.describe('2 to 40 lower-case letters, digits and underscores, a letter first'),
    description: Description.default(''),
    permissions: Permissions,
  })
  .meta({ id: 'RoleCreate', description: 'A new role.' });
export type RoleCreate = z.output<typeof RoleCreate>;

export const RoleUpdate = z
  .object({ description: Description.optional(), permissions: Permissions.optional() })
  .meta({ id: 'RoleUpdate', description: 'What shall be different about a role; absent fields stay.' });
export type RoleUpdate = z.output<typeof RoleUpdate>;
