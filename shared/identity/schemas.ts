import { z } from 'zod';
import { roles } from '../platform/permissions.ts';
import { Id, Timestamp } from '../platform/schemas.ts';

export const RoleName = z.enum(roles).meta({ id: 'Role', description: 'What an account may do.' });

export const User = z
  .object({
    user_id: Id,
    username: z.string().describe('Unique without regard to case'),
    email: z.string().nullable().describe('Unique without regard to case when set'),
    full_name: z.string().nullable(),
    role: RoleName,
    is_active: z.boolean().describe('An inactive account cannot log in and its tokens are refused'),
    created_at: Timestamp,
    updated_at: Timestamp,
  })
  .meta({ id: 'User', description: 'An account.' });
export type User = z.output<typeof User>;

/** The stored account. It never leaves the service: `User` does. */
export interface UserDocument extends User {
  id: string;
  pk: 'accounts';
  type: 'user';
  schema_version: 1;
  password_hash: string;
  _etag?: string;
}

/** Holds a username or an e-mail address for one account; its id is the name itself, so a second one cannot exist. */
export interface Reservation {
  id: string;
  pk: 'accounts';
  type: 'reservation';
  schema_version: 1;
  user_id: string;
}

const controlCharacters = /\p{Cc}/u;

const Username = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(100)
  .refine((name) => !controlCharacters.test(name), 'must not contain control characters');

export const Credentials = z
  .object({ username: z.string().max(320), password: z.string().max(1024) })
  .meta({ id: 'Credentials', description: 'Username and password.' });

export const Registration = z
  .object({
    username: Username.describe('1 to 100 characters'),
    email: z
      .union([z.literal(''), z.email().max(255)])
      .nullish()
      .describe('An empty text means none'),
    full_name: z.string().trim().max(255).nullish(),
    role: RoleName.default('student').describe('Only an administrator can make an administrator'),
    password: z
      .string()
      .min(8, 'must have 8 characters or more')
      .max(256)
      .refine((password) => password.trim() !== '', 'must not be blank')
      .describe('8 to 256 characters, not all of them spaces'),
  })
  .meta({ id: 'Registration', description: 'A new account.' });
export type Registration = z.output<typeof Registration>;

export const Token = z
  .object({
    access_token: z.string().describe('Send as `Authorization: Bearer ...`'),
    token_type: z.literal('bearer'),
    expires_in: z.int().describe('Seconds until the token expires'),
  })
  .meta({ id: 'Token', description: 'An access token.' });
