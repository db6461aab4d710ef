import { z } from 'zod';
import { Timestamp } from '../platform/schemas.ts';
import { User } from './schemas.ts';

/** How somebody proved at log-in who they are. */
export const proofs = [
  'password',
  'totp',
  'recovery_code',
  'passkey',
  'microsoft',
  'google',
  'github',
  'invitation',
] as const;
export type Proof = (typeof proofs)[number];

/** One log-in, in the logical partition of its account. */
export interface SessionDocument {
  id: string;
  /** The user id. */
  pk: string;
  type: 'session';
  schema_version: 1;
  session_id: string;
  user_id: string;
  /** The account's `session_version` at log-in. */
  version: number;
  proofs: readonly Proof[];
  /** When the person last proved who they are; what is marked `fresh` asks for it. */
  proved_at: string;
  address: string;
  user_agent: string | null;
  created_at: string;
  last_used_at: string;
  /** After this the session is over, whatever is done. */
  expires_at: string;
  ended_at: string | null;
  /** Seconds after which the database forgets it. */
  ttl: number;
  _etag?: string;
}

export const TokenAnswer = z
  .object({
    access_token: z.string().describe('Send as `Authorization: Bearer ...`'),
    refresh_token: z
      .string()
      .optional()
      .describe('Exchange it for new tokens before the access token expires; good once'),
    token_type: z.literal('bearer'),
    expires_in: z.int().describe('Seconds until the access token expires'),
    role: z.string(),
    user: User,
    device_token: z.string().optional().describe('Send it with the next log-in from this device'),
    accessToken: z.string().describe('The same as `access_token`'),
    refreshToken: z.string().optional().describe('The same as `refresh_token`'),
    expiresIn: z.int().describe('The same as `expires_in`'),
  })
  .meta({ id: 'Tokens', description: 'What a log-in gives.' });
export type TokenAnswer = z.output<typeof TokenAnswer>;

export const MfaChallenge = z
  .object({
    mfa_required: z.literal(true),
    mfa_token: z.string().describe('Send it with the second factor'),
    methods: z.array(z.enum(['totp', 'recovery_code', 'passkey'])),
    expires_in: z.int().describe('Seconds until the `mfa_token` expires'),
  })
  .meta({ id: 'MfaChallenge', description: 'The password was right; a second factor is needed.' });
export type MfaChallenge = z.output<typeof MfaChallenge>;

export const SignInAnswer = z.union([TokenAnswer, MfaChallenge]);
export type SignInAnswer = z.output<typeof SignInAnswer>;

export const Session = z
  .object({
    session_id: z.string(),
    is_current: z.boolean().describe('The session that asks'),
    proofs: z.array(z.enum(proofs)),
    address: z.string(),
    user_agent: z.string().nullable(),
    created_at: Timestamp,
    last_used_at: Timestamp,
    expires_at: Timestamp,
  })
  .meta({ id: 'Session', description: 'A log-in that is still on.' });
