import type { AuditRecorder } from '../audit/record.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Principal } from '../platform/define-endpoint.ts';
import { AppError, validationError } from '../platform/errors.ts';
import { untilWritten } from '../platform/optimistic.ts';
import type { ApiKeyDocument, KeySetDocument, StoredSecret } from './documents.ts';
import { type KeyAccess, keyNotFound } from './key-access.ts';
import { keyEvent } from './key-event.ts';
import { hashOf, makeSecret, type NewSecret, type RandomBytes } from './key-format-rules.ts';
import {
  activeEntries,
  activeKeysMax,
  type KeyBounds,
  keptS,
  newKeySet,
  rotatedSecrets,
  statusOf,
  toApiKey,
} from './key-rules.ts';
import { type ApiKeys, keyDocumentId } from './repository.ts';
import type { ApiKeyCreated, KeyRequest } from './schemas.ts';
import { grantsAdministration } from './scope-rules.ts';
import type { KeyVerification } from './verification-service.ts';

/** The two ways to a new secret. Throw `already_done` when a repeat finds it made, and `step_up_required` for administration. */
export interface KeySecretsService {
  /** Throws `api_key_limit`, and `forbidden` for what the maker does not have. */
  create(user: Principal, request: KeyRequest, newId: string): Promise<ApiKeyCreated>;
  /** A new secret in place of the present one, which is let in for `graceS` more. */
  rotate(user: Principal, keyId: string, graceS: number, requestId: string): Promise<ApiKeyCreated>;
}

const dayMs = 24 * 60 * 60 * 1000;
const longestDays = 3650;
const prefixTries = 8;
const unlimited = { per_minute: null, per_hour: null, per_day: null };

/** The request that made it died before it could show the secret. */
const alreadyMade = (id: string) =>
  new AppError('already_done', 'This was done before; its secret was shown once and is not kept.', {
    extensions: { id },
  });

const stored = (secret: NewSecret): StoredSecret => ({
  prefix: secret.prefix,
  hash: hashOf(secret.value),
  valid_until: null,
});

export function createKeySecretsService(deps: {
  keys: ApiKeys;
  access: KeyAccess;
  verification: Pick<KeyVerification, 'forget'>;
  assertFresh(user: Principal): Promise<void>;
  audit: AuditRecorder;
  clock: Clock;
  random: RandomBytes;
  /** What new keys begin with. */
  format: string;
}): KeySecretsService {
  const { keys, access, verification, assertFresh, audit, clock, random, format } = deps;

  function expiryOf(request: KeyRequest, nowMs: number): string | null {
    if (request.expires_in_days != null) return isoTime(nowMs + request.expires_in_days * dayMs);
    if (request.expires_at === undefined) return null;
    const atMs = Date.parse(request.expires_at);
    if (atMs > nowMs && atMs <= nowMs + longestDays * dayMs) return isoTime(atMs);
    const msg = `must be in the future, at most ${longestDays} days from now`;
    throw validationError([{ loc: ['body', 'expires_at'], msg, type: 'not_in_future' }]);
  }

  /** What was asked for, or else what holds for the key that asks. */
  function boundsOf(
    request: KeyRequest,
    acting: ApiKeyDocument | undefined,
    nowMs: number,
  ): KeyBounds & { credits: null } {
    const orOf = (list: string[], outer: readonly string[] | undefined) =>
      list.length > 0 ? [...new Set(list)] : (outer ?? []);
    const hourly = request.rate_limit === undefined ? undefined : { ...unlimited, per_hour: request.rate_limit };
    return {
      scopes: [...new Set(request.scopes)],
      place_ids: orOf(request.place_ids, acting?.place_ids),
      ip_whitelist: orOf(request.ip_whitelist, acting?.ip_whitelist),
      origins: orOf(request.origins, acting?.origins),
      rate_limits: request.rate_limits ?? hourly ?? acting?.rate_limits ?? unlimited,
      expires_at: expiryOf(request, nowMs) ?? acting?.expires_at ?? null,
      credits: null,
    };
  }

  /** A secret with a prefix that no other key has; the prefix leads to the key before there is one. */
  async function newSecret(
    key: Pick<ApiKeyDocument, 'user_id' | 'key_id' | 'expires_at'>,
  ): Promise<{ secret: NewSecret; ttl: { ttl?: number } }> {
    const { user_id, key_id } = key;
    const seconds = keptS(key.expires_at, clock.now());
    const ttl = seconds === undefined ? {} : { ttl: seconds };
    for (let tries = 0; tries < prefixTries; tries += 1) {
      const secret = makeSecret(format, random);
      if (await keys.takePrefix(secret.prefix, { user_id, key_id, ...ttl })) return { secret, ttl };
    }
    throw new Error('No free prefix was found for an API key.');
  }

  /** Throws when the owner has as many keys as anyone may have, or this one already. */
  function roomIn(set: KeySetDocument | undefined, keyId: string): KeySetDocument['active'] {
    const active = activeEntries(set, clock.now());
    if (active.some((entry) => entry.key_id === keyId)) throw alreadyMade(keyId);
    if (active.length < activeKeysMax) return active;
    throw new AppError('api_key_limit', `You can have ${activeKeysMax} active API keys; revoke one first`);
  }

  /** Stores the key if there is room for one more; undefined when somebody else was first, and it must be tried again. */
  async function store(
    user: Principal,
    key: ApiKeyDocument,
    seen: KeySetDocument | undefined,
  ): Promise<true | undefined> {
    const { key_id, name, scopes, expires_at } = key;
    const set = newKeySet(key.user_id, seen, [...roomIn(seen, key_id), { key_id, expires_at }]);
    const trail = keyEvent(audit, user, key, 'api_key.created', { name, scopes, expires_at });
    const refused = await keys.create(key, set, [trail]);
    if (refused?.index === 0) throw alreadyMade(key_id);
    return refused === undefined ? true : undefined;
  }

  return {
    async create(user, request, newId) {
      const acting = await access.actingKey(user);
      const nowMs = clock.now();
      const bounds = boundsOf(request, acting, nowMs);
      access.assertGivable(user, bounds.scopes);
      access.assertWithin(acting, bounds);
      if (grantsAdministration(bounds.scopes)) await assertFresh(user);
      const first = await keys.findSet(user.user_id);
      roomIn(first, newId);
      const owner = { user_id: user.user_id, key_id: newId };
      const { secret, ttl } = await newSecret({ ...owner, expires_at: bounds.expires_at });
      const now = isoTime(nowMs);
      const key: ApiKeyDocument = {
        ...owner,
        id: keyDocumentId(newId),
        pk: user.user_id,
        type: 'api_key',
        schema_version: 1,
        version: 1,
        secrets: [stored(secret)],
        name: request.name,
        description: request.description ?? null,
        client_type: request.client_type,
        ...bounds,
        metadata: request.metadata,
        status: 'active',
        created_at: now,
        updated_at: now,
        rotated_at: null,
        rotation_id: null,
        revoked_at: null,
        revoked_reason: null,
        made_by_key_id: acting?.key_id ?? null,
        usage: { valid: 0, refused: {}, last_used_at: null },
        ...ttl,
      };
      let isFirst = true;
      try {
        await untilWritten(async () => {
          const seen = isFirst ? first : await keys.findSet(user.user_id);
          isFirst = false;
          return store(user, key, seen);
        });
      } catch (error) {
        // The prefix leads to nothing; if it stays, that does no harm.
        await keys.dropPrefix(secret.prefix).catch(() => undefined);
        throw error;
      }
      verification.forget(key.secrets);
      return { ...toApiKey(key, nowMs), api_key: secret.value };
    },

    async rotate(user, keyId, graceS, requestId) {
      const place = { keyId, ownerId: undefined };
      /** Only a key that works is given a new secret. */
      const findWorking = async () => {
        const key = await access.find(user, place);
        if (statusOf(key, clock.now()) !== 'active') throw keyNotFound();
        if (key.rotation_id === requestId) throw alreadyMade(keyId);
        return key;
      };
      const first = await findWorking();
      if (grantsAdministration(first.scopes)) await assertFresh(user);
      const { secret } = await newSecret(first);
      const done = await untilWritten(async () => {
        const key = await findWorking();
        const nowMs = clock.now();
        const after: ApiKeyDocument = {
          ...key,
          secrets: rotatedSecrets(key.secrets, stored(secret), isoTime(nowMs + graceS * 1000)),
          version: key.version + 1,
          rotated_at: isoTime(nowMs),
          rotation_id: requestId,
          updated_at: isoTime(nowMs),
        };
        const replaced = key.secrets[0]?.prefix ?? null;
        const detail = { grace_s: graceS, prefix: secret.prefix, replaced_prefix: replaced };
        const trail = keyEvent(audit, user, key, 'api_key.rotated', detail);
        return (await keys.replace(after, [trail])) ? { after, dropped: key.secrets.slice(1) } : undefined;
      });
      verification.forget([...done.after.secrets, ...done.dropped]);
      // The key does not know these any more; a prefix that stays is refused all the same.
      await Promise.all(done.dropped.map(({ prefix }) => keys.dropPrefix(prefix))).catch(() => undefined);
      return { ...toApiKey(done.after, clock.now()), api_key: secret.value };
    },
  };
}
