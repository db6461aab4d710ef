import { isInRanges } from './address-rules.ts';
import type { ApiKeyDocument, StoredSecret } from './documents.ts';
import { isReplaced, statusOf } from './key-rules.ts';
import type { RefusalCode } from './schemas.ts';

/** Where a call comes from, as far as a key cares. */
export interface Origin {
  address: string;
  origin: string | null;
  place_id: string | null;
}

/** The owner's account: `gone` when there is none any more. */
export type OwnerStatus = 'active' | 'inactive' | 'gone';

/** Why a key whose secret is right is not let in, if it is not. The first reason counts, what the owner decided before where it is used. */
export function refusalOf(
  key: ApiKeyDocument,
  secret: StoredSecret,
  owner: OwnerStatus,
  from: Origin,
  nowMs: number,
): Exclude<RefusalCode, 'scope_missing' | 'rate_limited' | 'no_credits'> | undefined {
  if (owner === 'gone') return 'not_found';
  const status = statusOf(key, nowMs);
  if (status === 'revoked' || isReplaced(secret, nowMs)) return 'revoked';
  if (status === 'disabled' || status === 'expired') return status;
  if (owner === 'inactive') return 'disabled';
  if (key.ip_whitelist.length > 0 && !isInRanges(from.address, key.ip_whitelist)) return 'ip_refused';
  if (key.origins.length > 0 && !(from.origin !== null && key.origins.includes(from.origin))) return 'origin_refused';
  if (key.place_ids.length > 0 && !(from.place_id !== null && key.place_ids.includes(from.place_id)))
    return 'place_refused';
  return undefined;
}
