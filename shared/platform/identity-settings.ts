import { z } from 'zod';
import { roleAliases } from './permissions.ts';
import { list, optional } from './setting-kinds.ts';
import { secretBytesMin, signingKeys } from './signing-keys.ts';

/** What the name of a role looks like; administrators can add roles, so these are not all known here. */
export const rolePattern = /^[a-z][a-z0-9_]{1,39}$/;

/** The settings of who people are, how they sign in and how they are reached; a part of those of `config.ts`. */
export const identitySettings = {
  JWT_SECRET: z
    .string()
    .refine((text) => Buffer.byteLength(text) >= secretBytesMin, 'must have 32 bytes or more')
    .optional()
    .describe(
      'Key that signs access tokens (HS256); 32 bytes or more, required without `JWT_KEYS` but in a `worker`. Beside these it verifies only, so that nobody is logged out by the change.',
    ),
  ACCESS_TOKEN_EXPIRE_MINUTES: z.coerce
    .number()
    .int()
    .min(1)
    .max(1440)
    .default(15)
    .describe('Minutes that an access token is valid.'),
  JWT_KEYS: signingKeys
    .optional()
    .describe(
      'Several keys for access tokens as JSON: `[{"kid", "secret"}]` or `[{"kid", "private_key"}]` (PEM or JWK, EdDSA or ES256). The first one signs, all of them verify; a key can go when the last token that it signed has expired.',
    ),
  REFRESH_IDLE_DAYS: z.coerce
    .number()
    .positive()
    .max(365)
    .default(14)
    .describe('Days after which a session that was not used is over.'),
  REFRESH_ABSOLUTE_DAYS: z.coerce
    .number()
    .positive()
    .max(365)
    .default(90)
    .describe('Days after which a session is over, however it was used.'),
  AUTH_CACHE_S: z.coerce
    .number()
    .min(0)
    .max(30)
    .default(10)
    .describe('Seconds for which an instance remembers accounts, roles and API keys; 0 asks the database every time.'),
  STEP_UP_MAX_AGE_S: z.coerce
    .number()
    .int()
    .min(30)
    .max(86_400)
    .default(600)
    .describe('Seconds for which a proof of who somebody is counts for the actions that ask for a fresh one.'),
  MFA_REQUIRED_ROLES: list
    .transform((names) => names.map((name) => roleAliases[name.toLowerCase()] ?? name.toLowerCase()))
    .describe('Roles that must have a second factor, separated by commas.'),
  DATA_ENCRYPTION_KEY: z
    .string({ error: 'is required: 32 bytes or more, for example from `openssl rand -base64 48`' })
    .refine((text) => Buffer.byteLength(text) >= 32, 'must have 32 bytes or more')
    .describe(
      'Key that encrypts second-factor secrets in the database, and that the keys of links in e-mails, of counts of log-ins and of repeated requests are derived from; 32 bytes or more, no default.',
    ),
  REGISTRATION_POLICY: z
    .enum(['open', 'invite', 'staff_only'])
    .default('staff_only')
    .describe('Who can make an account: anybody, whoever was invited, or staff for others.'),
  REGISTRATION_ROLE: z
    .string()
    .regex(rolePattern)
    .default('student')
    .describe('Role of who registers without an invitation.'),
  INVITATION_DAYS: z.coerce.number().positive().max(90).default(7).describe('Days for which an invitation is good.'),
  APP_URL: z.url().default('http://localhost:3000').describe('Address of the front end; links in e-mails lead there.'),
  EMAIL_FROM: z
    .email()
    .default('lyceum@example.org')
    .describe('Sender of e-mails; in the cloud an address of the verified domain.'),
  EMAIL_ENDPOINT: z.url().optional().describe('Azure Communication Services, with managed identity.'),
  EMAIL_CLIENT_ID: optional.describe('Client id of the user-assigned identity for Azure Communication Services.'),
  EMAIL_FOLDER: optional.describe('Folder that e-mails are written to instead of being sent; the local stack sets it.'),
  MICROSOFT_TENANT: z.string().min(1).default('common').describe('Entra tenant whose accounts may sign in.'),
  MICROSOFT_CLIENT_ID: optional.describe('Application id for sign-in with Microsoft Entra.'),
  MICROSOFT_CLIENT_SECRET: optional.describe('Secret of that application.'),
  MICROSOFT_ISSUER: z.url().optional().describe('Another issuer in place of Microsoft Entra.'),
  GOOGLE_CLIENT_ID: optional.describe('Client id for sign-in with Google.'),
  GOOGLE_CLIENT_SECRET: optional.describe('Secret of that client.'),
  GOOGLE_ISSUER: z.url().optional().describe('Another issuer in place of Google.'),
  GITHUB_CLIENT_ID: optional.describe('Client id for sign-in with GitHub.'),
  GITHUB_CLIENT_SECRET: optional.describe('Secret of that client.'),
  GITHUB_URL: z.url().default('https://github.com').describe('GitHub, or an enterprise server.'),
  GITHUB_API_URL: z.url().default('https://api.github.com').describe('The API of that GitHub.'),
  SIGN_IN_REDIRECT_URL: z
    .url()
    .optional()
    .describe(
      'Where providers send people back to; `{provider}` stands for its name. Default: `APP_URL/auth/{provider}/callback`.',
    ),
  PASSKEY_RP_ID: optional.describe('Domain that passkeys belong to. Default: the host of `APP_URL`.'),
  API_KEY_PREFIX: z
    .string()
    .regex(/^[a-z]{2,8}$/, 'must be 2 to 8 lower case letters')
    .default('lyc')
    .describe('What API keys begin with.'),
};
