import { z } from 'zod';
import { Paging } from '../platform/schemas.ts';
import { preferenceLimits, preferencesProblem } from './profile-rules.ts';
import { AccountStatus, LearningProfile, NewPassword, Registration, RoleName, rateTiers, Username } from './schemas.ts';

/** Clients send a field of their search form as an empty text when nothing was typed. */
function orBlank<T extends z.ZodType>(schema: T) {
  return z.union([z.literal('').transform(() => undefined), schema]).optional();
}

export const UserQuery = Paging.extend({
  role: orBlank(RoleName).describe('Only accounts of this role'),
  status: orBlank(AccountStatus).describe('Only accounts with this status'),
  is_active: orBlank(z.enum(['true', 'false']).transform((text) => text === 'true')).describe(
    'Only accounts that can log in, or only those that cannot',
  ),
  search: z
    .string()
    .trim()
    .max(100)
    .optional()
    .describe('Only accounts with this text in the username, the e-mail address or a name, in any case'),
});
export type UserQuery = z.output<typeof UserQuery>;

/** A query as the repository takes it. */
export interface UserFilter {
  role?: string | undefined;
  statuses: readonly string[];
  search?: string | undefined;
}

/** A name of a person; an empty one is none. Line breaks would be more than a name where it is printed. */
const Name = z
  .string()
  .trim()
  .max(255)
  .regex(/^\P{Cc}*$/u, 'must not contain control characters')
  .nullable()
  .transform((name) => name || null);

const Language = z
  .string()
  .trim()
  .max(35)
  .regex(/^([A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*)?$/, 'must be a language tag such as en or pt-BR')
  .nullable()
  .transform((tag) => tag || null)
  .describe('A language tag such as `en` or `pt-BR`');

const TimeZone = z
  .string()
  .trim()
  .max(64)
  .regex(/^[A-Za-z0-9_+\-/]*$/, 'must be a time zone such as Europe/Berlin')
  .nullable()
  .transform((zone) => zone || null)
  .describe('A time zone such as `Europe/Berlin`');

const Preferences = z
  .record(z.string().max(200), z.unknown())
  .superRefine((preferences, context) => {
    const message = preferencesProblem(preferences);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  })
  .describe(
    `What clients keep for the account, replaced as a whole; at most ${preferenceLimits.charactersMax} characters of JSON`,
  );

const personal = {
  first_name: Name.optional(),
  last_name: Name.optional(),
  display_name: Name.optional(),
  language: Language.optional(),
  timezone: TimeZone.optional(),
};

const about = {
  ...personal,
  username: Username.optional().describe('Unique without regard to case'),
  email: z
    .union([z.literal(''), z.email().max(255)])
    .nullable()
    .transform((email) => email || null)
    .optional()
    .describe('An empty text means none; a new one is not verified, and needs a proof of the last minutes'),
  full_name: Name.optional(),
  avatar_url: z
    .union([z.literal(''), z.url({ protocol: /^https?$/ }).max(500)])
    .nullable()
    .transform((url) => url || null)
    .optional(),
  preferences: Preferences.optional(),
};

export const UserCreate = Registration.extend(personal).meta({ id: 'UserCreate', description: 'A new account.' });
export type UserCreate = z.output<typeof UserCreate>;

export const ProfileUpdate = z
  .object({
    ...about,
    is_active: z
      .literal(true, 'an account is ended by deleting it, or by an administrator')
      .optional()
      .describe('Taken from clients that send back all they know; changes nothing'),
  })
  .meta({ id: 'ProfileUpdate', description: 'What shall be different about the own account; absent fields stay.' });
export type ProfileUpdate = z.output<typeof ProfileUpdate>;

export const UserUpdate = z
  .object({
    ...about,
    password: NewPassword.optional().describe('Ends all sessions of the account'),
    role: RoleName.optional(),
    is_active: z.boolean().optional().describe('False ends all sessions of the account; true undoes a suspension, too'),
    tier: z.enum(rateTiers).optional(),
  })
  .meta({ id: 'UserUpdate', description: 'What shall be different about an account; absent fields stay.' });
export type UserUpdate = z.output<typeof UserUpdate>;

export const RoleChange = z
  .object({ role: RoleName })
  .meta({ id: 'RoleChange', description: 'The role that an account shall have.' });

export const LearningProfileUpdate = z
  .object({ learning_profile: LearningProfile.extend({ lenses: LearningProfile.shape.lenses.unwrap() }) })
  .meta({ id: 'LearningProfileUpdate', description: 'How the account holder wants to learn.' });
export type LearningProfileUpdate = z.output<typeof LearningProfileUpdate>;

export const Done = z.object({ ok: z.literal(true) }).meta({ id: 'Done', description: 'It is done.' });

/** The active accounts whose role makes them administrators; see `Standings`. */
export interface AdminRosterDocument {
  id: string;
  pk: 'accounts';
  type: 'admin_roster';
  schema_version: 1;
  user_ids: readonly string[];
  _etag?: string;
}

/** What is left of a deleted account: its id, because work and audit events name it. Nothing that says who it was. */
export interface FormerUserDocument {
  id: string;
  pk: 'accounts';
  type: 'former_user';
  schema_version: 1;
  former_user_id: string;
  created_at: string;
  deleted_at: string;
}
