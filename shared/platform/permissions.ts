export const roles = ['student', 'configurator', 'admin'] as const;
export type Role = (typeof roles)[number];

const staff = { roles: ['configurator', 'admin'], refusal: 'Operation requires configurator or admin role' } as const;
const students = { roles: ['student'], refusal: 'Operation requires student role' } as const;
const admins = { roles: ['admin'], refusal: 'Operation requires admin role' } as const;
const everyone = { roles, refusal: 'Operation requires an account' } as const;

/**
 * What kind of thing a role may do, and the sentence that a refused caller reads. Which one of these things
 * (ownership, enrolment) is decided in the services.
 */
export const permissions = {
  'account:read_self': everyone,
  'account:create': staff,
  'account:list': staff,
  'component:read': staff,
  'component:write': staff,
  'enrolment:write': staff,
  'submission:review': staff,
  'outcome:write': staff,
  'grading:watch': staff,
  'study:read': students,
  'submission:create': students,
  'dead_letter:manage': admins,
} as const satisfies Record<string, { roles: readonly Role[]; refusal: string }>;

export type Permission = keyof typeof permissions;

export function isAllowed(role: Role, permission: Permission): boolean {
  const allowed: readonly Role[] = permissions[permission].roles;
  return allowed.includes(role);
}
