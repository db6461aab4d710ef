/** The roles that every installation has; administrators can add others. Named as the stored account names them. */
export const builtInRoles = [
  'admin',
  'configurator',
  'teacher',
  'student',
  'parent',
  'power',
  'user',
  'guest',
] as const;
export type BuiltInRole = (typeof builtInRoles)[number];

/** What older clients call a role, and what it is stored and shown as. */
export const roleAliases: Readonly<Record<string, BuiltInRole>> = { superuser: 'admin', regular: 'user' };

const staff: readonly BuiltInRole[] = ['configurator', 'teacher', 'admin'];
const students: readonly BuiltInRole[] = ['student'];
const admins: readonly BuiltInRole[] = ['admin'];
const everyone: readonly BuiltInRole[] = builtInRoles;
const members: readonly BuiltInRole[] = builtInRoles.filter((role) => role !== 'guest');

const sentences = {
  staff: 'Operation requires configurator or admin role',
  students: 'Operation requires student role',
  admins: 'Operation requires admin role',
  everyone: 'Operation requires an account',
  members: 'Operation is not open to guests',
  adults: 'Accounts of pupils, parents and staff are ended by an administrator',
} as const;

interface PermissionEntry {
  /** What an administrator reads when composing a role. */
  description: string;
  /** The built-in roles that have it. */
  roles: readonly BuiltInRole[];
  /** The sentence that a refused caller reads. */
  refusal: string;
  /** Which wide scope of an API key includes it; `person` is for people alone, no key ever has it. */
  scope: 'read' | 'write' | 'admin' | 'person';
}

/**
 * What kind of thing a role may do. Which one of these things (ownership, enrolment) is decided in the services.
 */
export const permissions = {
  'account:read_self': {
    description: 'Read the own account and its sessions.',
    roles: everyone,
    refusal: sentences.everyone,
    scope: 'read',
  },
  'account:update_self': {
    description: 'Change the own profile and preferences.',
    roles: everyone,
    refusal: sentences.everyone,
    scope: 'write',
  },
  'account:secure_self': {
    description: 'Change the own password, second factor and sessions.',
    roles: everyone,
    refusal: sentences.everyone,
    scope: 'person',
  },
  'account:delete_self': {
    description: 'Delete the own account.',
    roles: ['power', 'user', 'guest'],
    refusal: sentences.adults,
    scope: 'person',
  },
  'account:create': {
    description: 'Make accounts and invitations for others.',
    roles: staff,
    refusal: sentences.staff,
    scope: 'write',
  },
  'account:list': { description: 'List and search accounts.', roles: staff, refusal: sentences.staff, scope: 'read' },
  'user:admin': {
    description: 'Read, change, suspend and delete any account, and give any role.',
    roles: admins,
    refusal: sentences.admins,
    scope: 'admin',
  },
  'role:read': {
    description: 'Read the roles and what they may do.',
    roles: everyone,
    refusal: sentences.everyone,
    scope: 'read',
  },
  'role:admin': {
    description: 'Make, change and delete roles.',
    roles: admins,
    refusal: sentences.admins,
    scope: 'person',
  },
  'api_key:manage_own': {
    description: 'Make, list, rotate and revoke own API keys.',
    roles: members,
    refusal: sentences.members,
    scope: 'write',
  },
  'api_key:admin': {
    description: 'See and revoke the API keys of everyone.',
    roles: admins,
    refusal: sentences.admins,
    scope: 'admin',
  },
  'audit:read': {
    description: 'Read, export and verify the audit trail.',
    roles: admins,
    refusal: sentences.admins,
    scope: 'admin',
  },
  'component:read': {
    description: 'Read own components and their entries.',
    roles: staff,
    refusal: sentences.staff,
    scope: 'read',
  },
  'component:write': {
    description: 'Make, change and delete components and entries.',
    roles: staff,
    refusal: sentences.staff,
    scope: 'write',
  },
  'component:oversee': {
    description: 'Manage the components of everyone.',
    roles: admins,
    refusal: sentences.admins,
    scope: 'read',
  },
  'enrolment:write': {
    description: 'Enrol students and end enrolments.',
    roles: staff,
    refusal: sentences.staff,
    scope: 'write',
  },
  'submission:review': {
    description: 'Read submissions and outcomes.',
    roles: staff,
    refusal: sentences.staff,
    scope: 'read',
  },
  'outcome:write': {
    description: 'Grade, and overrule grades.',
    roles: staff,
    refusal: sentences.staff,
    scope: 'write',
  },
  'grading:watch': {
    description: 'See what waits for a person, and the history of a submission.',
    roles: staff,
    refusal: sentences.staff,
    scope: 'read',
  },
  'study:read': {
    description: 'Read the components one is enrolled in and the own work.',
    roles: students,
    refusal: sentences.students,
    scope: 'read',
  },
  'submission:create': { description: 'Hand in work.', roles: students, refusal: sentences.students, scope: 'write' },
  'dead_letter:manage': {
    description: 'Inspect, replay and discard messages that no worker could handle.',
    roles: admins,
    refusal: sentences.admins,
    scope: 'admin',
  },
} as const satisfies Record<string, PermissionEntry>;

export type Permission = keyof typeof permissions;

// Object.keys of a literal yields exactly its names; TypeScript types them as plain strings.
export const permissionNames = Object.keys(permissions) as readonly Permission[];

const byRole: ReadonlyMap<string, ReadonlySet<Permission>> = new Map(
  builtInRoles.map((role) => [
    role,
    new Set(permissionNames.filter((name) => (permissions[name].roles as readonly BuiltInRole[]).includes(role))),
  ]),
);

/** What a built-in role may do; undefined for a name that is not one of them. */
export function permissionsOfRole(role: string): ReadonlySet<Permission> | undefined {
  return byRole.get(role);
}

export function isBuiltInRole(role: string): role is BuiltInRole {
  return byRole.has(role);
}

export type Access = 'allowed' | 'own only' | 'refused';

/** What a built-in role gets from an endpoint that asks for `permission` and reaches as far as `reach` says. */
export function accessOf(
  role: BuiltInRole,
  auth: { permission: Permission; reach: 'all' | 'own' | Permission },
): Access {
  const own = permissionsOfRole(role) ?? new Set<Permission>();
  if (!own.has(auth.permission)) return 'refused';
  if (auth.reach === 'all') return 'allowed';
  return auth.reach !== 'own' && own.has(auth.reach) ? 'allowed' : 'own only';
}
