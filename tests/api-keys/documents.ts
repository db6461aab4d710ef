import { randomUUID } from 'node:crypto';
import type { ApiKeyDocument, StoredSecret } from '../../shared/api-keys/documents.ts';

/** A key that is good for everything that its scopes say. */
export function keyDocument(said: Partial<ApiKeyDocument> = {}): ApiKeyDocument {
  const [keyId, userId] = [randomUUID(), randomUUID()];
  return {
    id: `key:${keyId}`,
    pk: userId,
    type: 'api_key',
    schema_version: 1,
    key_id: keyId,
    user_id: userId,
    version: 1,
    secrets: [secret()],
    name: 'a key',
    description: null,
    client_type: 'cli',
    scopes: ['read'],
    place_ids: [],
    ip_whitelist: [],
    origins: [],
    rate_limits: { per_minute: null, per_hour: null, per_day: null },
    credits: null,
    metadata: {},
    status: 'active',
    expires_at: null,
    created_at: '2026-03-14T12:00:00.000Z',
    updated_at: '2026-03-14T12:00:00.000Z',
    rotated_at: null,
    rotation_id: null,
    revoked_at: null,
    revoked_reason: null,
    made_by_key_id: null,
    usage: { valid: 0, refused: {}, last_used_at: null },
    ...said,
  };
}

export const secret = (validUntil: string | null = null, prefix = '0a1b2c3d'): StoredSecret => ({
  prefix,
  hash: '00',
  valid_until: validUntil,
});
