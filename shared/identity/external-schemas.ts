import { z } from 'zod';
import { Timestamp } from '../platform/schemas.ts';
import { type SignInProvider, signInProviders } from './schemas.ts';

/** Which provider; any other word is a place that does not exist. */
export const ProviderParam = z.object({
  provider: z
    .string()
    .regex(/^[a-z]{1,20}$/, 'must be microsoft, google or github')
    .describe('`microsoft`, `google` or `github`'),
});

export const SignInStart = z
  .object({
    auth_url: z.string().describe('Send the browser there'),
    state: z
      .string()
      .describe(
        'Keep it in the page (session storage) and send it with the code. It is not the `state` of the address, which proves nothing about the browser.',
      ),
    expires_in: z.int().describe('Seconds until the sign-in must be complete'),
  })
  .meta({ id: 'SignInStart', description: 'A sign-in with a provider that has begun.' });
export type SignInStart = z.output<typeof SignInStart>;

const fields = {
  code: z.string().min(1).max(8192).optional().describe('From the address that the provider sent the browser to'),
  provider: z.string().max(20).optional().describe('The same as in the path'),
  state: z
    .string()
    .max(200)
    .optional()
    .describe('From the answer that began the sign-in; without it the cookie of that answer is needed'),
  iss: z.string().max(500).optional().describe('From the address, where the provider sets it'),
  redirect_uri: z.string().max(2000).optional().describe('Where the provider sent the browser; checked when sent'),
  error: z.string().max(200).optional().describe('From the address, in place of a code: the person said no'),
  error_description: z.string().max(2000).optional().describe('Ignored'),
};

export const SignInCallback = z.object(fields).meta({
  id: 'SignInCallback',
  description: 'What a provider sent back with the browser.',
});
export type SignInCallback = z.output<typeof SignInCallback>;

export const LinkRequest = z.object(fields).meta({
  id: 'LinkRequest',
  description: 'Nothing to begin, and what the provider sent back to complete.',
});

export const ExternalLogin = z
  .object({
    provider: z.enum(signInProviders),
    email: z.string().nullable().describe('What the provider called the person when it was linked'),
    linked_at: Timestamp,
  })
  .meta({ id: 'ExternalLogin', description: 'A provider with which the account can be entered.' });
export type ExternalLogin = z.output<typeof ExternalLogin>;

export const LinkAnswer = z.union([SignInStart, ExternalLogin]);
export type LinkAnswer = z.output<typeof LinkAnswer>;

export const Logins = z
  .object({
    user_id: z.string(),
    has_password: z.boolean(),
    passkeys: z.int(),
    logins: z.array(ExternalLogin),
  })
  .meta({ id: 'Logins', description: 'The ways into an account.' });
export type Logins = z.output<typeof Logins>;

/** A sign-in that has begun; it is there once, and for ten minutes. */
export interface SignInTransaction {
  /** Made of the hash of the browser's secret, which is kept nowhere. */
  id: string;
  pk: string;
  type: 'sign_in';
  schema_version: 1;
  provider: SignInProvider;
  /** Who links a provider to the own account; null for a sign-in. */
  user_id: string | null;
  nonce: string;
  code_verifier: string;
  redirect_uri: string;
  expires_at_ms: number;
  ttl: number;
  _etag?: string;
}
