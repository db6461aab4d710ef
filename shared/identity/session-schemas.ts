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

/** What is known of the refresh tokens of a session: hashes, and what makes the next one out of the last. */
export interface RefreshState {
  family_hash: string;
  current_hash: string;
  /** The one that was used last, where and by whom. */
  previous: { hash: string; salt: string; used_at: string; address: string; user_agent: string | null } | null;
}

/** One log-in, in the logical partition of its account. */
export interface SessionDocument {
  id: string;
  /** The user id. */
  pk: string;
  type: 'session';
  schema_version: 1;
  session_id: string;
  user_id: string;
  /** The account's `session_version` when tokens of the session were made last. */
  version: number;
  refresh: RefreshState;
  proofs: readonly Proof[];
  /** When the person last proved who they are; what is marked `fresh` asks for it. */
  proved_at: string;
  /** Where it was used last. */
  address: string;
  user_agent: string | null;
  created_at: string;
  /** The last time that tokens were made; an access token leaves no trace here. */
  last_used_at: string;
  /** After this the session is over, whatever is done. */
  expires_at: string;
  /** No refresh token is good from then on; the account says the same of the access tokens (`ended_sessions`). */
  ended_at: string | null;
  /** Seconds after which the database forgets it. */
  ttl: number;
  _etag?: string;
}

export const TokenAnswer = z
  .object({
    access_token: z.string().describe('Send as `Authorization: Bearer ...`'),
    refresh_token: z.string().describe('Exchange it for new tokens when the access token expires; good once'),
    token_type: z.literal('bearer'),
    expires_in: z.int().describe('Seconds until the access token expires'),
    role: z.string(),
    user: User,
    device_token: z.string().optional().describe('Send it with the next log-in from this device'),
    accessToken: z.string().describe('The same as `access_token`'),
    refreshToken: z.string().describe('The same as `refresh_token`'),
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

const TokenText = z.string().max(4096);

export const RefreshRequest = z
  .object({
    refresh_token: TokenText.optional(),
    refreshToken: TokenText.optional().describe('The same as `refresh_token`'),
  })
  .refine((body) => (body.refresh_token ?? body.refreshToken) !== undefined, {
    path: ['refresh_token'],
    message: 'is required',
  })
  .meta({ id: 'RefreshRequest', description: 'The last refresh token that the client was given.' });

export const LogOutRequest = z
  .object({
    refresh_token: TokenText.nullish().describe('Ends its session, also when the access token has expired'),
    refreshToken: TokenText.nullish().describe('The same as `refresh_token`'),
  })
  .meta({ id: 'LogOutRequest', description: 'What to end beside the session of the access token.' });

export const PublicKey = z
  .object({
    kty: z.string(),
    kid: z.string(),
    use: z.literal('sig'),
    alg: z.enum(['EdDSA', 'ES256']),
    crv: z.string(),
    x: z.string(),
    y: z.string().optional(),
  })
  .meta({ id: 'PublicKey', description: 'JSON Web Key (RFC 7517).' });
export type PublicKey = z.output<typeof PublicKey>;

export const KeySet = z.object({ keys: z.array(PublicKey) }).meta({
  id: 'KeySet',
  description: 'JSON Web Key Set (RFC 7517); empty when access tokens are signed with a secret.',
});

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
export type Session = z.output<typeof Session>;
