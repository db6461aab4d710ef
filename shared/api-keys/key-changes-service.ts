import type { AuditRecorder } from '../audit/record.ts';
import { type Clock, isoTime } from '../platform/clock.ts';
import type { Principal } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import { assertVersion, untilWritten } from '../platform/optimistic.ts';
import { newCredits } from './credit-rules.ts';
import type { ApiKeyDocument } from './documents.ts';
import { type KeyAccess, type KeyPlace, keyNotFound } from './key-access.ts';
import { keyEvent } from './key-event.ts';
import { activeEntries, newKeySet, revokedKeptS, toApiKey, versionIn } from './key-rules.ts';
import type { ApiKeys } from './repository.ts';
import type { ApiKey, ApiKeyChange } from './schemas.ts';
import { grantsAdministration } from './scope-rules.ts';
import type { KeyVerification } from './verification-service.ts';

export interface KeyChangesService {
  change(user: Principal, place: KeyPlace, change: ApiKeyChange, ifMatch: string | undefined): Promise<ApiKey>;
  /** It is refused from now on, and cannot come back. */
  revoke(user: Principal, place: KeyPlace, reason: string | null): Promise<void>;
}

const unlimited = { per_minute: null, per_hour: null, per_day: null };

export function createKeyChangesService(deps: {
  keys: ApiKeys;
  access: KeyAccess;
  verification: Pick<KeyVerification, 'forget'>;
  assertFresh(user: Principal): Promise<void>;
  audit: AuditRecorder;
  clock: Clock;
}): KeyChangesService {
  const { keys, access, verification, assertFresh, audit, clock } = deps;

  /** What an administrator may change of another's key: never what would let it do more in that person's name. */
  function assertMayChange(user: Principal, key: ApiKeyDocument, change: ApiKeyChange): void {
    const isAdmin = user.permissions.has('api_key:admin');
    if (change.credits !== undefined && !isAdmin)
      throw new AppError('forbidden', 'Only an administrator can set the credits of an API key');
    if (key.user_id === user.user_id) return;
    const allowed = ['credits', 'rate_limits', 'status'];
    if (Object.keys(change).some((field) => !allowed.includes(field)))
      throw new AppError('forbidden', 'Of the API keys of others, only credits, limits and status can be changed');
  }

  function changed(key: ApiKeyDocument, change: ApiKeyChange, nowMs: number): ApiKeyDocument {
    const { credits, rate_limits, scopes, description, ...said } = change;
    // Fields that were not sent are absent, not undefined: the body was parsed from JSON.
    const rest = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
    return {
      ...key,
      ...rest,
      ...(description === undefined ? {} : { description }),
      ...(scopes === undefined ? {} : { scopes: [...new Set(scopes)] }),
      ...(rate_limits === undefined ? {} : { rate_limits: rate_limits ?? unlimited }),
      ...(credits === undefined ? {} : { credits: credits && newCredits(credits, key.credits, nowMs) }),
      version: key.version + 1,
      updated_at: isoTime(nowMs),
    };
  }

  /** A key that reaches into administration is changed only by who has just proved who they are; it is stopped by anyone who may. */
  function needsProof(before: ApiKeyDocument, after: ApiKeyDocument, change: ApiKeyChange): boolean {
    const isStop = Object.keys(change).every((field) => field === 'status') && change.status === 'disabled';
    return !isStop && (grantsAdministration(before.scopes) || grantsAdministration(after.scopes));
  }

  async function change(
    user: Principal,
    place: KeyPlace,
    wanted: ApiKeyChange,
    ifMatch: string | undefined,
  ): Promise<ApiKey> {
    const acting = await access.actingKey(user);
    const done = await untilWritten(async () => {
      const key = await access.find(user, place);
      if (key.status === 'revoked') throw keyNotFound();
      if (ifMatch !== undefined) assertVersion(versionIn(ifMatch), String(key.version));
      assertMayChange(user, key, wanted);
      const after = changed(key, wanted, clock.now());
      if (wanted.scopes !== undefined) access.assertGivable(user, after.scopes);
      if (key.user_id === user.user_id) access.assertWithin(acting, after);
      if (needsProof(key, after, wanted)) await assertFresh(user);
      const trail = keyEvent(audit, user, key, 'api_key.changed', { fields: Object.keys(wanted) });
      return (await keys.replace(after, [trail])) ? after : undefined;
    });
    verification.forget(done.secrets);
    return toApiKey(done, clock.now());
  }

  async function revoke(user: Principal, place: KeyPlace, reason: string | null): Promise<void> {
    const revoked = await untilWritten(async () => {
      const key = await access.find(user, place);
      if (key.status === 'revoked') throw keyNotFound();
      const set = await keys.findSet(key.user_id);
      const now = isoTime(clock.now());
      const after: ApiKeyDocument = {
        ...key,
        version: key.version + 1,
        status: 'revoked',
        revoked_at: now,
        revoked_reason: reason,
        updated_at: now,
        ttl: revokedKeptS,
      };
      const rest = activeEntries(set, clock.now()).filter((entry) => entry.key_id !== key.key_id);
      const trail = keyEvent(audit, user, key, 'api_key.revoked', { name: key.name, reason });
      const isDone = await keys.replace(after, [trail], newKeySet(key.user_id, set, rest));
      return isDone ? after : undefined;
    });
    verification.forget(revoked.secrets);
    const { user_id, key_id } = revoked;
    // A prefix that outlives its key leads to nothing and is only refused with another word.
    await Promise.all(
      revoked.secrets.map(({ prefix }) => keys.agePrefix(prefix, { user_id, key_id, ttl: revokedKeptS })),
    ).catch(() => undefined);
  }

  return { change, revoke };
}
