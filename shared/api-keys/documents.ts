/** What may be called how often; null sets no limit for that span. */
export interface RateLimits {
  per_minute: number | null;
  per_hour: number | null;
  per_day: number | null;
}

export interface Refill {
  /** What the balance is brought up to at the start of each day or month, UTC. */
  amount: number;
  every: 'day' | 'month';
}

export interface Credits {
  /** What no instance has taken yet. */
  remaining: number;
  refill: Refill | null;
  /** The day or month (UTC) of the last refill, e.g. `2026-03-14` or `2026-03`; null without one. */
  period: string | null;
  /** Counts up when an administrator sets the credits: what was taken from an earlier grant is void. */
  grant: number;
}

export interface StoredSecret {
  prefix: string;
  /** SHA-256 of the whole key, hexadecimal. */
  hash: string;
  /** Set on the secret that was replaced: when it stops working. */
  valid_until: string | null;
}

export interface KeyUsage {
  /** Calls that the key was let in with. */
  valid: number;
  /** Calls that it was refused, by the code of the refusal. */
  refused: Record<string, number>;
  last_used_at: string | null;
}

/** An API key, in the logical partition of its owner. It never leaves the service: `toApiKey` makes what does. */
export interface ApiKeyDocument {
  id: string;
  /** The owner's user id. */
  pk: string;
  type: 'api_key';
  schema_version: 1;
  key_id: string;
  user_id: string;
  /** Counts changes that people made; what is counted in the background leaves it as it is. */
  version: number;
  /** The newest first; a second one only while it is let in for its grace period. */
  secrets: readonly StoredSecret[];
  name: string;
  description: string | null;
  client_type: string;
  scopes: readonly string[];
  place_ids: readonly string[];
  ip_whitelist: readonly string[];
  origins: readonly string[];
  rate_limits: RateLimits;
  credits: Credits | null;
  metadata: Readonly<Record<string, string | number | boolean | null>>;
  status: 'active' | 'disabled' | 'revoked';
  expires_at: string | null;
  created_at: string;
  updated_at: string;
  rotated_at: string | null;
  /** The request that rotated it last, so that a repeat does not rotate it again. */
  rotation_id: string | null;
  revoked_at: string | null;
  revoked_reason: string | null;
  /** The key that made it, when it was not made by a person. */
  made_by_key_id: string | null;
  usage: KeyUsage;
  /** Seconds after which the database forgets a key that does not work any more. */
  ttl?: number;
  _etag?: string;
}

/** Where the key with this prefix lies; in a logical partition of its own. */
export interface KeyLookupDocument {
  id: string;
  pk: string;
  type: 'api_key_lookup';
  schema_version: 1;
  user_id: string;
  key_id: string;
  ttl?: number;
}

/** The keys of an owner that count against the limit. Whoever adds one replaces this, so that only one of several at once can. */
export interface KeySetDocument {
  id: 'api-keys';
  pk: string;
  type: 'api_key_set';
  schema_version: 1;
  active: readonly { key_id: string; expires_at: string | null }[];
  _etag?: string;
}
