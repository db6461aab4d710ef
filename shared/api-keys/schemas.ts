import { z } from 'zod';
import { Id, Timestamp } from '../platform/schemas.ts';
import { isAddressRange } from './address-rules.ts';
import { isScope } from './scope-rules.ts';

const dayMs = 24 * 60 * 60 * 1000;
const listMax = 50;

/** What verification answers; the words that clients program against. */
export const refusalCodes = [
  'not_found',
  'expired',
  'revoked',
  'disabled',
  'ip_refused',
  'origin_refused',
  'place_refused',
  'scope_missing',
  'rate_limited',
  'no_credits',
] as const;
export type RefusalCode = (typeof refusalCodes)[number];

export const keyStatuses = ['active', 'disabled', 'expired', 'revoked'] as const;
export type KeyStatus = (typeof keyStatuses)[number];

const controlCharacters = /\p{Cc}/u;
const singleLine = (text: string) => !controlCharacters.test(text);

const Name = (min: number) =>
  z.string().trim().min(min).max(100).refine(singleLine, 'must not contain control characters');
const Description = z.string().trim().max(500);

const Scope = z.string().max(60).refine(isScope, 'is not a scope');
const Scopes = z.array(Scope).min(1).max(listMax).describe('`read`, `write`, `admin`, features, or single permissions');

const PlaceId = z
  .union([z.string(), z.int().nonnegative().transform(String)])
  .pipe(z.string().regex(/^\d{1,20}$/, 'must be a number'));
const PlaceIds = z.array(PlaceId).max(listMax).describe('Only game servers of these places may use it; empty: any');

const AddressRange = z
  .string()
  .trim()
  .max(49)
  .refine(isAddressRange, 'must be an address or a range like 192.0.2.0/24 or 2001:db8::/32');
const AddressRanges = z.array(AddressRange).max(listMax).describe('Only these addresses may use it; empty: any');

/** The origin as browsers send it. */
const WebOrigin = z
  .string()
  .trim()
  .max(300)
  .refine(
    (text) => /^https?:\/\/[^/?#@]+\/?$/.test(text) && URL.canParse(text),
    'must be an origin like https://app.example.org',
  )
  .transform((text) => new URL(text).origin);
const WebOrigins = z.array(WebOrigin).max(listMax).describe('Only pages of these origins may use it; empty: any');

const RateLimits = z
  .object({
    per_minute: z.int().min(1).max(600).nullable().default(null),
    per_hour: z.int().min(10).max(10_000).default(1000),
    per_day: z.int().min(10).max(100_000).nullable().default(null),
  })
  .describe('Calls at most, in place of the limits of the owner');

const Metadata = z
  .record(z.string().min(1).max(50), z.union([z.string().max(500), z.number(), z.boolean(), z.null()]))
  .refine((metadata) => Object.keys(metadata).length <= 20, 'must have at most 20 entries');

export const CreditsShown = z.object({
  remaining: z.int().nonnegative().max(1_000_000_000).describe('Calls that are left; instances hold a few of them'),
  refill: z
    .object({ amount: z.int().nonnegative().max(1_000_000_000), every: z.enum(['day', 'month']) })
    .nullable()
    .default(null)
    .describe('What the balance is brought up to at the start of each day or month, UTC'),
});

const common = {
  description: Description.nullish(),
  place_ids: PlaceIds.default([]),
  ip_whitelist: AddressRanges.default([]),
  origins: WebOrigins.default([]),
  rate_limits: RateLimits.optional(),
  metadata: Metadata.default({}),
  expires_at: z.iso.datetime({ offset: true }).optional().describe('In place of `expires_in_days`'),
};
const expiresInDays = (max: number) => z.int().min(1).max(max).nullish().describe('Days; absent: it does not expire');

const hasOneExpiry = (body: { expires_in_days?: number | null | undefined; expires_at?: string | undefined }) =>
  body.expires_in_days == null || body.expires_at === undefined;
const oneExpiry = { path: ['expires_at'], error: 'cannot be sent with expires_in_days' };

/** A key for a program of one's own, as the command line makes one. */
export const CliKeyCreate = z
  .object({
    name: Name(1),
    client_type: z.string().trim().min(1).max(50).refine(singleLine).default('cli'),
    scopes: Scopes.default(['read', 'write']),
    expires_in_days: expiresInDays(3650),
    ...common,
  })
  .refine(hasOneExpiry, oneExpiry)
  .meta({ id: 'CliKeyCreate', description: 'A new API key, by default for all that its owner does every day.' });

export const ApiKeyCreate = z
  .object({
    name: Name(3),
    client_type: z.string().trim().min(1).max(50).refine(singleLine).default('service'),
    scopes: Scopes.default(['read']),
    expires_in_days: expiresInDays(365),
    rate_limit: z.int().min(10).max(10_000).default(1000).describe('Calls an hour; `rate_limits` goes before it'),
    ...common,
  })
  .refine(hasOneExpiry, oneExpiry)
  .meta({ id: 'ApiKeyCreate', description: 'A new API key, by default for reading.' });

/** What both ways to make a key come to. */
export interface KeyRequest {
  name: string;
  description?: string | null | undefined;
  client_type: string;
  scopes: string[];
  place_ids: string[];
  ip_whitelist: string[];
  origins: string[];
  rate_limit?: number | undefined;
  rate_limits?: z.output<typeof RateLimits> | undefined;
  metadata: z.output<typeof Metadata>;
  expires_in_days?: number | null | undefined;
  expires_at?: string | undefined;
}

export const ApiKeyChange = z
  .object({
    name: Name(1).optional(),
    description: Description.nullish(),
    scopes: Scopes.optional(),
    place_ids: PlaceIds.optional(),
    ip_whitelist: AddressRanges.optional(),
    origins: WebOrigins.optional(),
    rate_limits: RateLimits.nullish().describe('Null: the limits of the owner'),
    metadata: Metadata.optional(),
    credits: CreditsShown.nullish().describe(
      'Only an administrator sets them; null: as many calls as the limits allow',
    ),
    status: z.enum(['active', 'disabled']).optional(),
  })
  .meta({ id: 'ApiKeyChange', description: 'What is to be different; the rest stays.' });
export type ApiKeyChange = z.output<typeof ApiKeyChange>;

export const ApiKeyRotation = z
  .object({
    grace_s: z
      .int()
      .min(0)
      .max((7 * dayMs) / 1000)
      .default(0)
      .describe('Seconds for which the old secret is let in too, at most 7 days'),
  })
  .meta({ id: 'ApiKeyRotation', description: 'How the old secret ends.' });

export const ApiKey = z
  .object({
    id: Id,
    key_id: Id.describe('The same as `id`'),
    user_id: Id.describe('The owner'),
    name: z.string(),
    description: z.string().nullable(),
    prefix: z.string().describe('Eight digits by which the key is known; stands in the key after its first underscore'),
    client_type: z.string(),
    scopes: z.array(z.string()),
    place_ids: z.array(z.string()),
    ip_whitelist: z.array(z.string()),
    origins: z.array(z.string()),
    rate_limit: z.int().nullable().describe('The same as `rate_limits.per_hour`'),
    rate_limits: z.object({
      per_minute: z.int().nullable(),
      per_hour: z.int().nullable(),
      per_day: z.int().nullable(),
    }),
    credits: CreditsShown.nullable(),
    metadata: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
    status: z.enum(keyStatuses),
    is_active: z.boolean(),
    is_expired: z.boolean(),
    expires_at: Timestamp.nullable(),
    created_at: Timestamp,
    updated_at: Timestamp,
    rotated_at: Timestamp.nullable(),
    replaced_secret_until: Timestamp.nullable().describe('Until when the secret before the last rotation is let in'),
    revoked_at: Timestamp.nullable(),
    revoked_reason: z.string().nullable(),
    last_used: Timestamp.nullable().describe('Up to a minute behind'),
    last_used_at: Timestamp.nullable().describe('The same as `last_used`'),
    usage_count: z.int(),
    refused_count: z.int(),
  })
  .meta({ id: 'ApiKey', description: 'An API key without its secret.' });
export type ApiKey = z.output<typeof ApiKey>;

const Secret = z.string().describe('The key itself; shown this once');

export const CliKeyCreated = z
  .object({ success: z.literal(true), api_key: Secret, key_info: ApiKey, warning: z.string() })
  .meta({ id: 'CliKeyCreated', description: 'The new API key.' });

export const ApiKeyCreated = ApiKey.extend({ api_key: Secret }).meta({
  id: 'ApiKeyCreated',
  description: 'The new API key, or the new secret of one.',
});
export type ApiKeyCreated = z.output<typeof ApiKeyCreated>;

export const KeyOwnerQuery = z.object({
  user_id: Id.optional().describe('The owner; administrators may name another than themselves'),
});

export const KeyVerdict = z
  .union([
    z.object({
      valid: z.literal(true),
      code: z.literal('valid'),
      key_id: Id,
      user_id: Id,
      name: z.string(),
      scopes: z.array(z.string()).describe('Those that its owner can still give'),
      place_ids: z.array(z.string()),
      rate_limit_remaining: z.int().nullable().describe('Calls left in the span that ends first; null without limits'),
    }),
    z.object({ valid: z.literal(false), code: z.enum(refusalCodes), error: z.string() }),
  ])
  .meta({ id: 'KeyVerdict', description: 'Whether a key is good for a call, and why not.' });
export type KeyVerdict = z.output<typeof KeyVerdict>;

export const CredentialInfo = z
  .object({
    valid: z.literal(true),
    user: z.object({ id: Id, email: z.string().nullable(), username: z.string(), is_active: z.boolean() }),
    key_id: Id.nullable().describe('Null when no API key was shown'),
    message: z.string(),
  })
  .meta({ id: 'CredentialInfo', description: 'Whose credential it is.' });
export type CredentialInfo = z.output<typeof CredentialInfo>;

export const KeyStats = z
  .object({
    total_keys: z.int().describe('Revoked ones of the last 90 days included'),
    active_keys: z.int(),
    disabled_keys: z.int(),
    expired_keys: z.int(),
    revoked_keys: z.int(),
    max_keys: z.int().describe('How many that are not revoked or expired an owner can have'),
    usage_count: z.int(),
    refused_count: z.int(),
    last_used: Timestamp.nullable(),
  })
  .meta({ id: 'ApiKeyStats', description: 'The API keys of an owner, counted.' });
export type KeyStats = z.output<typeof KeyStats>;

export const KeyUsageStats = z
  .object({
    key_id: Id.nullable().describe('Null: all keys together'),
    usage_count: z.int(),
    refused_count: z.int(),
    refused_by_code: z.record(z.string(), z.int()),
    last_used_at: Timestamp.nullable(),
    keys: z.array(z.object({ key_id: Id, name: z.string(), usage_count: z.int(), last_used_at: Timestamp.nullable() })),
  })
  .meta({ id: 'ApiKeyUsage', description: 'How API keys were used.' });
export type KeyUsageStats = z.output<typeof KeyUsageStats>;
