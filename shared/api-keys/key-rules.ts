import type { NamedLimit } from '../platform/define-endpoint.ts';
import type { ApiKeyDocument, KeySetDocument, RateLimits, StoredSecret } from './documents.ts';
import type { ApiKey, KeyStatus } from './schemas.ts';
import { coversScope } from './scope-rules.ts';

export const activeKeysMax = 5;
const daysKept = 90;
const dayS = 24 * 60 * 60;

const hasPassed = (at: string | null, nowMs: number): boolean => at !== null && Date.parse(at) <= nowMs;

export function statusOf(key: Pick<ApiKeyDocument, 'status' | 'expires_at'>, nowMs: number): KeyStatus {
  return key.status !== 'revoked' && hasPassed(key.expires_at, nowMs) ? 'expired' : key.status;
}

/** Whether a secret that was replaced has had its grace. */
export function isReplaced(secret: StoredSecret, nowMs: number): boolean {
  return hasPassed(secret.valid_until, nowMs);
}

export function toNamedLimits(limits: RateLimits): NamedLimit[] {
  const named: NamedLimit[] = [];
  const add = (name: NamedLimit['name'], windowS: number, calls: number | null) => {
    if (calls !== null) named.push({ name, window_s: windowS, max_calls: calls });
  };
  add('minute', 60, limits.per_minute);
  add('hour', 3600, limits.per_hour);
  add('day', dayS, limits.per_day);
  return named;
}

/** The keys that count against the limit. */
export function activeEntries(set: KeySetDocument | undefined, nowMs: number): KeySetDocument['active'] {
  return (set?.active ?? []).filter((entry) => !hasPassed(entry.expires_at, nowMs));
}

export function newKeySet(
  userId: string,
  before: KeySetDocument | undefined,
  active: KeySetDocument['active'],
): KeySetDocument {
  return { id: 'api-keys', pk: userId, type: 'api_key_set', schema_version: 1, ...before, active };
}

/** Seconds that the database keeps a key which expires by itself: long enough to say why it does not work. */
export function keptS(expiresAt: string | null, nowMs: number): number | undefined {
  if (expiresAt === null) return undefined;
  return Math.max(0, Math.ceil((Date.parse(expiresAt) - nowMs) / 1000)) + daysKept * dayS;
}

export const revokedKeptS = daysKept * dayS;

/** How far a key reaches: what it may do, from where, how often and until when. */
export type KeyBounds = Pick<
  ApiKeyDocument,
  'scopes' | 'place_ids' | 'ip_whitelist' | 'origins' | 'rate_limits' | 'expires_at'
> & { credits: unknown };

/** An empty list lets everything in, so it lies only within an empty list. */
function isListWithin(outer: readonly string[], inner: readonly string[]): boolean {
  return outer.length === 0 || (inner.length > 0 && inner.every((item) => outer.includes(item)));
}

function isLimitWithin(outer: number | null, inner: number | null): boolean {
  return outer === null || (inner !== null && inner <= outer);
}

/** Whether `inner` reaches nowhere that `outer` does not: a key makes, changes and replaces only such keys. */
export function isWithin(outer: KeyBounds, inner: KeyBounds): boolean {
  const limits = (['per_minute', 'per_hour', 'per_day'] as const).every((span) =>
    isLimitWithin(outer.rate_limits[span], inner.rate_limits[span]),
  );
  const until = (key: KeyBounds) => (key.expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(key.expires_at));
  return (
    limits &&
    inner.scopes.every((scope) => coversScope(outer.scopes, scope)) &&
    isListWithin(outer.place_ids, inner.place_ids) &&
    isListWithin(outer.ip_whitelist, inner.ip_whitelist) &&
    isListWithin(outer.origins, inner.origins) &&
    until(inner) <= until(outer) &&
    (outer.credits === null || inner.credits !== null)
  );
}

/**
 * The secrets after a rotation: the new one, and the one before it for as long as its grace lasts. Only one old secret is
 * ever let in, so a second rotation ends the grace of the first.
 */
export function rotatedSecrets(
  present: readonly StoredSecret[],
  fresh: StoredSecret,
  graceEndsAt: string,
): StoredSecret[] {
  const [replaced] = present;
  return replaced === undefined ? [fresh] : [fresh, { ...replaced, valid_until: graceEndsAt }];
}

/** Changes with every change of the key, and when its counts do; `versionIn` finds out of it what people changed. */
export function etagOf(key: Pick<ApiKeyDocument, 'version' | '_etag'>): string {
  return `${key.version}-${(key._etag ?? '').replace(/[^0-9a-z]/gi, '')}`;
}

/** The part of an ETag that says which settings the caller saw: counting in the background does not outdate them. */
export function versionIn(etag: string): string {
  return etag.split('-', 1)[0] ?? '';
}

/** The key as it is shown: nothing by which it could be used, and the names that each client looks for. */
export function toApiKey(key: ApiKeyDocument, nowMs: number): ApiKey & { _etag: string } {
  const status = statusOf(key, nowMs);
  const [current, replaced] = key.secrets;
  const refused = Object.values(key.usage.refused).reduce((sum, count) => sum + count, 0);
  return {
    id: key.key_id,
    key_id: key.key_id,
    user_id: key.user_id,
    name: key.name,
    description: key.description,
    prefix: current?.prefix ?? '',
    client_type: key.client_type,
    scopes: [...key.scopes],
    place_ids: [...key.place_ids],
    ip_whitelist: [...key.ip_whitelist],
    origins: [...key.origins],
    rate_limit: key.rate_limits.per_hour,
    rate_limits: key.rate_limits,
    credits: key.credits && { remaining: key.credits.remaining, refill: key.credits.refill },
    metadata: key.metadata,
    status,
    is_active: status === 'active',
    is_expired: status === 'expired',
    expires_at: key.expires_at,
    created_at: key.created_at,
    updated_at: key.updated_at,
    rotated_at: key.rotated_at,
    replaced_secret_until:
      replaced !== undefined && !isReplaced(replaced, nowMs) && status !== 'revoked' ? replaced.valid_until : null,
    revoked_at: key.revoked_at,
    revoked_reason: key.revoked_reason,
    last_used: key.usage.last_used_at,
    last_used_at: key.usage.last_used_at,
    usage_count: key.usage.valid,
    refused_count: refused,
    _etag: etagOf(key),
  };
}
