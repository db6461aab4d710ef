import type { BatchRefusal } from '../adapters/cosmos/container.ts';
import type { AuditRecorder } from '../audit/record.ts';
import type { AuditAction } from '../audit/schemas.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Principal } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import { assertVersion, untilWritten } from '../platform/optimistic.ts';
import { type Permission, permissionNames, permissions } from '../platform/permissions.ts';
import { builtInDefinitions, isAdministrative, isReservedRoleName, notTheirs } from './role-rules.ts';
import type { Role, RoleCreate, RoleDefinition, RoleDocument, RoleUpdate } from './role-schemas.ts';
import { type Roles, toDefinition } from './roles.ts';
import { type RoleDocuments, roleDocumentId } from './roles-repository.ts';

/** The catalogue as it is stored: built-in roles, and those that administrators make. */
export interface RolesService {
  /** The built-in ones first, then the others by name. */
  list(): Promise<Role[]>;
  /** Throws `not_found`. */
  get(name: string): Promise<Role>;
  /** Throws `conflict` for a name that is taken, `forbidden` for permissions that the maker cannot pass on. */
  create(user: Principal, input: RoleCreate, newId: string): Promise<Role>;
  /** Throws `not_found`, `precondition_failed`, `forbidden`, and `conflict` for a built-in role. */
  update(user: Principal, name: string, input: RoleUpdate, ifMatch: string | undefined): Promise<Role>;
  /** Throws `not_found`, `precondition_failed`, and `conflict` for a role that is built in or that somebody has. */
  remove(user: Principal, name: string, ifMatch: string | undefined): Promise<undefined>;
}

/** More would be a sign that roles are used for something else; each is read by every instance. */
const rolesMax = 100;

function toRole(definition: RoleDefinition, document?: RoleDocument): Role & { _etag?: string } {
  const { name, description, is_built_in } = definition;
  return {
    name,
    description,
    // In the order of the catalogue, so that two roles can be compared by eye.
    permissions: permissionNames
      .filter((codename) => definition.permissions.has(codename))
      .map((codename) => ({ codename, description: permissions[codename].description })),
    is_built_in,
    created_at: document?.created_at ?? null,
    updated_at: document?.updated_at ?? null,
    ...(document?._etag === undefined ? {} : { _etag: document._etag }),
  };
}

function assertTheirs(user: Principal, added: readonly Permission[]): void {
  const missing = notTheirs(user.permissions, added);
  if (missing.length > 0)
    throw new AppError('forbidden', `You cannot pass on what you do not have: ${missing.join(', ')}`);
}

export function createRolesService(deps: {
  documents: RoleDocuments;
  roles: Pick<Roles, 'forget'>;
  audit: AuditRecorder;
  clock: Clock;
}): RolesService {
  const { documents, roles, audit, clock } = deps;

  function event(by: Principal, action: AuditAction, name: string, detail: Record<string, unknown>) {
    return audit.operation('accounts', { by, action, target: { type: 'role', id: name }, detail });
  }

  async function find(name: string): Promise<RoleDocument> {
    const role = await documents.find(name);
    if (role === undefined) throw new AppError('not_found', 'Role not found');
    return role;
  }

  async function custom(name: string, ifMatch: string | undefined): Promise<RoleDocument> {
    if (isReservedRoleName(name)) throw new AppError('conflict', 'A built-in role stays as it is');
    const role = await find(name);
    assertVersion(ifMatch, role._etag);
    return role;
  }

  async function write(ifMatch: string | undefined, batch: () => Promise<BatchRefusal | undefined>) {
    try {
      const refusal = await batch();
      if (refusal !== undefined && ifMatch !== undefined) throw new AppError('precondition_failed');
      return refusal === undefined;
    } finally {
      roles.forget();
    }
  }

  async function read(name: string): Promise<Role> {
    const role = await find(name);
    return toRole(toDefinition(role), role);
  }

  return {
    async list() {
      const made = (await documents.list()).toSorted((a, b) => (a.name < b.name ? -1 : 1));
      return [
        ...builtInDefinitions.map((definition) => toRole(definition)),
        ...made.map((role) => toRole(toDefinition(role), role)),
      ];
    },

    async get(name) {
      const builtIn = builtInDefinitions.find((definition) => definition.name === name);
      return builtIn === undefined ? read(name) : toRole(builtIn);
    },

    async create(user, input, newId) {
      if (isReservedRoleName(input.name)) throw new AppError('conflict', 'This is the name of a built-in role');
      assertTheirs(user, input.permissions);
      const made = await documents.list();
      const known = made.find(({ name }) => name === input.name);
      // A repeat of a request that died after it had made the role: the role is the answer.
      if (known?.role_id === newId) return toRole(toDefinition(known), known);
      if (known !== undefined) throw new AppError('conflict', 'There is a role of this name');
      if (made.length >= rolesMax) throw new AppError('conflict', `There can be ${rolesMax} roles at most`);
      const now = isoTime(clock.now());
      const role: RoleDocument = {
        id: roleDocumentId(input.name),
        pk: 'accounts',
        type: 'role',
        schema_version: 1,
        role_id: newId,
        ...input,
        times_given: 0,
        created_at: now,
        updated_at: now,
      };
      const created = event(user, 'role.created', role.name, { permissions: role.permissions });
      const isMade = await documents.create(role, [created]).finally(() => roles.forget());
      if (!isMade) throw new AppError('conflict', 'There is a role of this name');
      return read(role.name);
    },

    update: (user, name, input, ifMatch) =>
      untilWritten(async () => {
        const present = await custom(name, ifMatch);
        const changed = {
          ...present,
          description: input.description ?? present.description,
          permissions: input.permissions ?? present.permissions,
          updated_at: isoTime(clock.now()),
        };
        const [before, after] = [toDefinition(present).permissions, new Set(changed.permissions)];
        assertTheirs(
          user,
          [...after].filter((permission) => !before.has(permission)),
        );
        // The roster of administrators knows accounts, not roles.
        if (isAdministrative(before) !== isAdministrative(after)) {
          throw new AppError('conflict', 'A role cannot start or cease to make administrators; make another role');
        }
        const detail = { from: present.permissions, to: changed.permissions };
        const isWritten = await write(ifMatch, () =>
          documents.replace(changed, [event(user, 'role.changed', name, detail)]),
        );
        return isWritten ? read(name) : undefined;
      }),

    remove: (user, name, ifMatch) =>
      untilWritten(async () => {
        const present = await custom(name, ifMatch);
        // Whoever gets the role from here on changes its document, and the removal is refused.
        if (await documents.isHeld(name)) throw new AppError('conflict', 'Somebody has this role');
        const deleted = event(user, 'role.deleted', name, { permissions: present.permissions });
        const isWritten = await write(ifMatch, () => documents.remove(present, [deleted]));
        return isWritten ? true : undefined;
      }).then(() => undefined),
  };
}
