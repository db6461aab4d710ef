import { z } from 'zod';
import { Id, Timestamp } from '../platform/schemas.ts';
import { type Proof, TokenAnswer } from './session-schemas.ts';

/** Wrong answers in a row. */
export interface Failures {
  count: number;
  last_at_ms: number;
}

/** A passkey as it is stored. */
export interface StoredPasskey {
  passkey_id: string;
  name: string;
  credential_id: string;
  public_key: string;
  counter: number;
  transports: string[];
  is_synced: boolean;
  created_at: string;
  last_used_at: string | null;
}

/** The second factors of an account, in the logical partition of the accounts, so that both change in one batch. */
export interface FactorDocument {
  id: string;
  pk: 'accounts';
  type: 'factor';
  schema_version: 1;
  user_id: string;
  /** The secret is sealed; codes of steps up to `last_step` are used up. */
  totp: { secret: string; confirmed_at: string; last_step: number } | null;
  /** Shown, but nobody has shown yet that an app holds it. */
  unconfirmed_totp: { secret: string } | null;
  passkeys: StoredPasskey[];
  /** Hashes of those that were not used yet. */
  recovery_codes: string[];
  code_failures: Failures;
  password_failures: Failures;
  _etag?: string;
}

/** Says whose a passkey is; its id is a hash of the credential id, so that no passkey belongs to two accounts. */
export interface PasskeyOwnerDocument {
  id: string;
  pk: 'accounts';
  type: 'passkey_owner';
  schema_version: 1;
  user_id: string;
}

/** A log-in that waits for its second factor, in `platform` under the hash of its token. */
export interface PendingLogInDocument {
  id: string;
  pk: string;
  type: 'pending_log_in';
  schema_version: 1;
  user_id: string;
  /** The account's when its password was right: whatever ends the sessions ends this too. */
  session_version: number;
  proofs: readonly Proof[];
  tries: number;
  expires_at: string;
  ttl: number;
  _etag?: string;
}

export type PasskeyPurpose = 'add' | 'sign_in' | 'second_factor' | 'step_up';

/** A question to an authenticator, in `platform` under the challenge itself; whoever removes it has used it. */
export interface PasskeyChallengeDocument {
  id: string;
  pk: string;
  type: 'passkey_challenge';
  schema_version: 1;
  purpose: PasskeyPurpose;
  /** Null for a sign-in, where nobody is known yet. */
  user_id: string | null;
  expires_at: string;
  ttl: number;
}

export const factorMethods = ['totp', 'recovery_code', 'passkey'] as const;
export type FactorMethod = (typeof factorMethods)[number];

const Base64Url = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[A-Za-z0-9_-]+$/, 'must be base64url');

const credential = {
  id: Base64Url(1366).describe('Credential id'),
  rawId: Base64Url(1366),
  type: z.literal('public-key'),
  authenticatorAttachment: z.enum(['platform', 'cross-platform']).nullish(),
};

export const PasskeyRegistration = z
  .object({
    ...credential,
    response: z.object({
      clientDataJSON: Base64Url(4096),
      attestationObject: Base64Url(16_384),
      transports: z.array(z.string().max(32)).max(10).optional(),
    }),
  })
  .meta({
    id: 'PasskeyRegistration',
    description: 'What `navigator.credentials.create()` gave, as `toJSON()` writes it.',
  });
export type PasskeyRegistration = z.output<typeof PasskeyRegistration>;

export const PasskeyAssertion = z
  .object({
    ...credential,
    response: z.object({
      clientDataJSON: Base64Url(4096),
      authenticatorData: Base64Url(4096),
      signature: Base64Url(2048),
      userHandle: Base64Url(128).nullish(),
    }),
  })
  .meta({ id: 'PasskeyAssertion', description: 'What `navigator.credentials.get()` gave, as `toJSON()` writes it.' });
export type PasskeyAssertion = z.output<typeof PasskeyAssertion>;

const descriptor = z.object({
  id: z.string(),
  type: z.string(),
  transports: z.array(z.string()).optional(),
});

export const PasskeyCreationOptions = z
  .object({
    challenge: z.string(),
    rp: z.object({ id: z.string().optional(), name: z.string() }),
    user: z.object({ id: z.string(), name: z.string(), displayName: z.string() }),
    pubKeyCredParams: z.array(z.object({ alg: z.int(), type: z.string() })),
    timeout: z.int().optional(),
    attestation: z.string().optional(),
    excludeCredentials: z.array(descriptor).optional(),
    authenticatorSelection: z
      .object({
        residentKey: z.string().optional(),
        requireResidentKey: z.boolean().optional(),
        userVerification: z.string().optional(),
      })
      .optional(),
    extensions: z.object({ credProps: z.boolean().optional() }).optional(),
  })
  .meta({
    id: 'PasskeyCreationOptions',
    description: 'For `navigator.credentials.create()`, through `PublicKeyCredential.parseCreationOptionsFromJSON()`.',
  });

export const PasskeyRequestOptions = z
  .object({
    challenge: z.string(),
    rpId: z.string().optional(),
    timeout: z.int().optional(),
    userVerification: z.string().optional(),
    allowCredentials: z.array(descriptor).optional(),
  })
  .meta({
    id: 'PasskeyRequestOptions',
    description: 'For `navigator.credentials.get()`, through `PublicKeyCredential.parseRequestOptionsFromJSON()`.',
  });

export const Passkey = z
  .object({
    passkey_id: Id,
    name: z.string(),
    is_synced: z.boolean().describe('The password manager may copy it to other devices'),
    created_at: Timestamp,
    last_used_at: Timestamp.nullable(),
  })
  .meta({ id: 'Passkey', description: 'A passkey of the caller.' });
export type Passkey = z.output<typeof Passkey>;

const recoveryCodes = z.array(z.string()).describe('Each is good once, in place of a second factor; shown only now');

export const AddedPasskey = z
  .object({
    passkey: Passkey,
    recovery_codes: recoveryCodes.optional(),
    tokens: TokenAnswer.optional().describe('For a log-in that had to set up a second factor'),
  })
  .meta({ id: 'AddedPasskey', description: 'A new passkey; with recovery codes when it is the first second factor.' });
export type AddedPasskey = z.output<typeof AddedPasskey>;

export const TotpSetup = z
  .object({
    secret: z.string().describe('Base 32, for apps that cannot read the picture'),
    otpauth_uri: z.string(),
    qr_svg: z.string().describe('The address as a QR code'),
  })
  .meta({ id: 'TotpSetup', description: 'What an authenticator app needs; it counts when a code was confirmed.' });
export type TotpSetup = z.output<typeof TotpSetup>;

export const RecoveryCodes = z
  .object({
    recovery_codes: recoveryCodes,
    tokens: TokenAnswer.optional().describe('For a log-in that had to set up a second factor'),
  })
  .meta({ id: 'RecoveryCodes', description: 'A new set of recovery codes; all earlier ones are void.' });
export type RecoveryCodes = z.output<typeof RecoveryCodes>;

export const SecondFactorState = z
  .object({
    user_id: Id,
    totp: z.boolean(),
    passkeys: z.int(),
    recovery_codes_left: z.int(),
    methods: z.array(z.enum(factorMethods)),
    is_required: z.boolean().describe('The role must have a second factor'),
  })
  .meta({ id: 'SecondFactorState', description: 'Which second factors the caller has.' });
export type SecondFactorState = z.output<typeof SecondFactorState>;

export const Code = z.string().min(1).max(64).describe('From the authenticator app, or a recovery code');
export const MfaToken = z.string().min(1).max(2048).describe('From a log-in that asked for a second factor');
export const Password = z.string().min(1).max(1024);
export const PasskeyName = z.string().trim().min(1, 'must not be empty').max(100);

/** One of the ways to show a second factor. */
const factor = {
  code: Code.optional(),
  recovery_code: Code.optional().describe('The same as `code`'),
  passkey: PasskeyAssertion.optional(),
};

const countGiven = (given: readonly unknown[]): number => given.filter((one) => one !== undefined).length;

export const SecondFactorAnswer = z
  .object({ mfa_token: MfaToken, ...factor })
  .refine(
    (body) => countGiven([body.code, body.recovery_code, body.passkey]) === 1,
    'Send one of code, recovery_code and passkey',
  )
  .meta({ id: 'SecondFactorAnswer', description: 'The second half of a log-in.' });

export const FactorProof = z
  .object({ password: Password.optional().describe('Where the account has one'), ...factor })
  .refine(
    (body) => countGiven([body.code, body.recovery_code, body.passkey]) === 1,
    'Send one of code, recovery_code and passkey',
  )
  .meta({ id: 'FactorProof', description: 'Password and second factor, to change the second factor.' });
export type FactorProof = z.output<typeof FactorProof>;

export const StepUp = z
  .object({ password: Password.optional(), ...factor })
  .refine(
    (body) => countGiven([body.password, body.code, body.recovery_code, body.passkey]) > 0,
    'Send a password, a code or a passkey',
  )
  .meta({ id: 'StepUp', description: 'The second factor where there is one, the password otherwise.' });
export type StepUp = z.output<typeof StepUp>;

export const SteppedUp = z
  .object({
    proved_at: Timestamp,
    expires_in: z.int().describe('Seconds for which the proof counts'),
  })
  .meta({ id: 'SteppedUp', description: 'Who somebody is was proved again.' });
