import { z } from 'zod';
import { roleAliases } from '../platform/permissions.ts';
import { Id, Timestamp } from '../platform/schemas.ts';
import { normaliseName, usernameProblem } from './username-rules.ts';

/** A role as accounts carry it: lower case words; the names that older clients use are stored as ours. */
export const RoleName = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^[a-z][a-z0-9_]{1,39}$/, 'must be 2 to 40 letters, digits and underscores, a letter first')
  .transform((name) => roleAliases[name] ?? name)
  .pipe(z.string())
  .meta({ id: 'RoleName', description: 'A built-in role or one that an administrator made.' });

export const accountStatuses = ['active', 'suspended', 'inactive'] as const;
export const AccountStatus = z.enum(accountStatuses).meta({
  id: 'AccountStatus',
  description: 'Only an active account can log in; `suspended` and `inactive` can be undone.',
});

export const rateTiers = ['free', 'basic', 'premium', 'enterprise'] as const;

export const signInProviders = ['microsoft', 'google', 'github'] as const;
export type SignInProvider = (typeof signInProviders)[number];

/** What an account holder may say about how they learn; the vocabulary is the clients' own. */
export const LearningProfile = z
  .object({
    role: z.string().max(100).nullish(),
    level: z.string().max(100).nullish(),
    lenses: z.array(z.string().max(100)).max(50).default([]),
    primaryLens: z.string().max(100).nullish(),
  })
  .meta({ id: 'LearningProfile', description: 'How the account holder wants to learn.' });

/** One shape that the front ends of all earlier systems can read: some things stand in it under two names. */
export const User = z
  .object({
    user_id: Id,
    id: Id.describe('The same as `user_id`'),
    username: z.string().describe('Unique without regard to case'),
    email: z.string().nullable().describe('Unique without regard to case when set'),
    full_name: z.string().nullable(),
    name: z.string().describe('What to call the person: display name, full name or username'),
    first_name: z.string().nullable(),
    last_name: z.string().nullable(),
    display_name: z.string().nullable(),
    avatar_url: z.string().nullable(),
    role: z.string(),
    status: AccountStatus,
    is_active: z.boolean().describe('An inactive account cannot log in and its tokens are refused'),
    is_verified: z.boolean().describe('The e-mail address was proved'),
    mfa_enabled: z.boolean().describe('A second factor is asked for at log-in'),
    language: z.string().nullable(),
    timezone: z.string().nullable(),
    preferences: z.record(z.string(), z.unknown()),
    learning_profile: LearningProfile.nullable(),
    tier: z.enum(rateTiers).describe('How much of the rate limits the account has'),
    last_login: Timestamp.nullable(),
    last_login_at: Timestamp.nullable().describe('The same as `last_login`'),
    login_count: z.int(),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: 'User', description: 'An account.' });
export type User = z.output<typeof User>;

type Derived = 'id' | 'name' | 'is_active' | 'mfa_enabled' | 'last_login_at' | 'status';

/** The stored account. It never leaves the service: `toUser` makes the `User` that does. */
export interface UserDocument extends Omit<User, Derived> {
  id: string;
  pk: 'accounts';
  type: 'user';
  schema_version: 2;
  status: z.output<typeof AccountStatus>;
  /** Null for an account that only signs in through a provider or with a passkey. */
  password_hash: string | null;
  /** Counts up when all sessions end; a session of an earlier version is over. */
  session_version: number;
  /** The one session that outlived the last change of `session_version`. */
  kept_session_id: string | null;
  /** Sessions that ended while access tokens of theirs were valid; `until_ms` is when the last of these expires. */
  ended_sessions: { session_id: string; until_ms: number }[];
  /** Which second factors are set up; their secrets are in documents of their own. */
  second_factors: { totp: boolean; passkeys: number };
  external_logins: { provider: SignInProvider; subject: string; email: string | null; linked_at: string }[];
  _etag?: string;
}

/** As accounts were stored at first. */
export interface UserDocumentV1 {
  id: string;
  pk: 'accounts';
  type: 'user';
  schema_version: 1;
  user_id: string;
  username: string;
  email: string | null;
  full_name: string | null;
  role: string;
  is_active: boolean;
  created_at: string;
  updated_at: string;
  password_hash: string;
  _etag?: string;
}

/** Holds a username, an e-mail address or what a provider calls somebody for one account; its id is the name itself, so a second one cannot exist. */
export interface Reservation {
  id: string;
  pk: 'accounts';
  type: 'reservation';
  schema_version: 1;
  user_id: string;
}

/** A name for log-in as new accounts may have it; `normaliseName` and `usernameProblem` say what that is. */
export const Username = z
  .string()
  .max(400)
  .transform(normaliseName)
  .pipe(
    z
      .string()
      .min(1, 'must not be empty')
      .max(100)
      .superRefine((name, context) => {
        const message = usernameProblem(name);
        if (message !== undefined) context.addIssue({ code: 'custom', message });
      }),
  );

const charactersOf = (text: string) => [...text].length;

/** A password as new ones may be: every character counts and none is changed. Which ones are too common is said later. */
export const NewPassword = z
  .string()
  .refine((password) => charactersOf(password) >= 8, 'must have 8 characters or more')
  .refine((password) => charactersOf(password) <= 256, 'must have 256 characters or fewer')
  .meta({ minLength: 8, maxLength: 256 });

/** A name of a person; an empty one is none. */
export const PersonName = z
  .string()
  .trim()
  .max(255)
  .nullish()
  .transform((name) => name || null);

export const Credentials = z
  .object({
    username: z.string().max(320).nullish().describe('Username or e-mail address'),
    email: z.string().max(320).nullish().describe('The same as `username`, under the name that other clients use'),
    password: z.string().max(1024),
    device_token: z.string().max(1024).nullish().describe('From the last log-in on this device'),
  })
  .refine(({ username, email }) => typeof (username ?? email) === 'string', {
    path: ['username'],
    message: 'is required, or `email`',
  })
  .meta({ id: 'Credentials', description: 'Username or e-mail address, and password.' });

export const Registration = z
  .object({
    username: Username.describe('1 to 100 characters'),
    email: z
      .union([z.literal(''), z.email().max(255)])
      .nullish()
      .describe('An empty text means none'),
    full_name: PersonName,
    role: RoleName.default('student').describe('Only an administrator can make an administrator'),
    password: NewPassword.describe('8 to 256 characters; not a common one, not the own name'),
  })
  .meta({ id: 'Registration', description: 'A new account.' });
export type Registration = z.output<typeof Registration>;
