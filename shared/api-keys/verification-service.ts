import type { AccountState, AccountStates } from '../identity/account-states.ts';
import { toPrincipal } from '../identity/authentication.ts';
import type { Clock } from '../platform/clock.ts';
import type { Caller, NamedLimit, Principal } from '../platform/define-endpoint.ts';
import { AppError, type ErrorCode } from '../platform/errors.ts';
import type { Permission } from '../platform/permissions.ts';
import { createReadCache } from '../platform/read-cache.ts';
import type { KeyCalls } from '../platform/runtime.ts';
import { isSameText } from '../platform/same-text.ts';
import type { CreditLeases } from './credit-leases.ts';
import type { ApiKeyDocument, StoredSecret } from './documents.ts';
import { hashOf, parseKey } from './key-format-rules.ts';
import { toNamedLimits } from './key-rules.ts';
import type { ApiKeys } from './repository.ts';
import type { KeyVerdict, RefusalCode } from './schemas.ts';
import { coversScope, effectivePermissions, effectiveScopes } from './scope-rules.ts';
import type { UsageRecorder } from './usage-recorder.ts';
import { type OwnerStatus, refusalOf } from './verification-rules.ts';

/** The limits that keys have of their own; one count per key, whatever it is used for. */
export interface KeyLimiter {
  /** Counts one call. `remaining` is what is left in the tightest span, null without limits. */
  take(keyId: string, limits: readonly NamedLimit[]): Promise<{ allowed: boolean; remaining: number | null }>;
}

export interface KeyVerification {
  /** Whether a text has the form and the checksum of an API key; asks nobody. */
  isKey(text: string): boolean;
  /** Whom the key speaks for, and what it may do; throws what it is refused with. */
  authenticate(text: string, caller: Caller): Promise<Principal>;
  /** Whether a key is good for one call now; counts as that call. */
  verify(text: string | undefined, caller: Caller, requiredScope: string | undefined): Promise<KeyVerdict>;
  calls: KeyCalls;
  /** This instance has changed the key with these secrets: what it remembers of it is out of date. */
  forget(secrets: readonly Pick<StoredSecret, 'prefix'>[]): void;
}

/** What is kept of a key that was let in, until its call is counted. */
interface Admitted {
  key: ApiKeyDocument;
  state: AccountState;
}

const sentences: Record<RefusalCode, string> = {
  not_found: 'API key not found',
  expired: 'The API key has expired',
  revoked: 'The API key was revoked',
  disabled: 'The API key is disabled',
  ip_refused: 'The API key may not be used from this address',
  origin_refused: 'The API key may not be used from this origin',
  place_refused: 'The API key may not be used from this place',
  scope_missing: 'The API key lacks the scope',
  rate_limited: 'The API key was used too often; try again later.',
  no_credits: 'The API key has no credits left',
};

const statusCodes: Record<Exclude<RefusalCode, 'no_credits'>, ErrorCode> = {
  not_found: 'unauthenticated',
  expired: 'unauthenticated',
  revoked: 'unauthenticated',
  disabled: 'unauthenticated',
  ip_refused: 'api_key_refused',
  origin_refused: 'api_key_refused',
  place_refused: 'api_key_refused',
  scope_missing: 'forbidden',
  rate_limited: 'rate_limited',
};

/** The refusal of an ordinary call. `key_code` says it in the words of verification. */
function refusalError(code: keyof typeof statusCodes, detail = sentences[code]): AppError {
  return new AppError(statusCodes[code], detail, { extensions: { key_code: code } });
}

/** Waiting helps where credits come again; otherwise only an administrator does. */
function withoutCreditsError(retryAfterS: number | undefined): AppError {
  const extensions = { key_code: 'no_credits' };
  return retryAfterS === undefined
    ? new AppError('api_key_refused', sentences.no_credits, { extensions })
    : new AppError('rate_limited', sentences.no_credits, { extensions, retryAfterS });
}

/** How verification calls what the pipeline refuses. */
const codeOfRefused: Partial<Record<ErrorCode, RefusalCode>> = {
  forbidden: 'scope_missing',
  rate_limited: 'rate_limited',
};

const keysMax = 20_000;
const unknownPrefixesMax = 50_000;

/** The secret whose hash this is, in a time that says nothing about the others. */
function secretOf(key: ApiKeyDocument, text: string): StoredSecret | undefined {
  const shown = hashOf(text);
  let found: StoredSecret | undefined;
  for (const secret of key.secrets) {
    if (isSameText(secret.hash, shown)) found = secret;
  }
  return found;
}

function statusOfOwner(state: AccountState | undefined): OwnerStatus {
  if (state === undefined) return 'gone';
  return state.account.status === 'active' ? 'active' : 'inactive';
}

export function createKeyVerification(deps: {
  keys: Pick<ApiKeys, 'locate' | 'find'>;
  states: AccountStates;
  usage: UsageRecorder;
  credits: Pick<CreditLeases, 'spend'>;
  limiter: KeyLimiter;
  clock: Clock;
  cacheMs: number;
}): KeyVerification {
  const { keys, states, usage, credits, limiter, clock } = deps;
  const byPrefix = createReadCache<ApiKeyDocument>({
    clock,
    cacheMs: deps.cacheMs,
    foundMax: keysMax,
    missingMax: unknownPrefixesMax,
    async read(prefix) {
      const place = await keys.locate(prefix);
      return place && keys.find(place.user_id, place.key_id);
    },
  });
  const admitted = new WeakMap<Principal, ApiKeyDocument>();
  const permissionsOf = new WeakMap<ApiKeyDocument, { of: ReadonlySet<Permission>; are: ReadonlySet<Permission> }>();

  /** The same set again while neither the key nor the owner's role has changed. */
  function effectiveFor(key: ApiKeyDocument, owner: ReadonlySet<Permission>): ReadonlySet<Permission> {
    const known = permissionsOf.get(key);
    if (known?.of === owner) return known.are;
    const are = effectivePermissions(owner, key.scopes);
    permissionsOf.set(key, { of: owner, are });
    return are;
  }

  async function check(text: string, caller: Caller): Promise<Admitted | keyof typeof statusCodes> {
    const parsed = parseKey(text);
    const key = parsed && (await byPrefix.of(parsed.prefix));
    const secret = key && secretOf(key, text);
    if (key === undefined || secret === undefined) return 'not_found';
    const state = await states.of(key.user_id);
    const refusal = refusalOf(key, secret, statusOfOwner(state), caller, clock.now());
    if (refusal !== undefined || state === undefined) {
      usage.refused(key, refusal ?? 'not_found', caller);
      return refusal ?? 'not_found';
    }
    return { key, state };
  }

  /** Takes the credit of a call; undefined when there was one, else how long there will be none. */
  async function withoutCredit(key: ApiKeyDocument): Promise<{ retryAfterS: number | undefined } | undefined> {
    const spent = await credits.spend(key);
    if (spent.ok) return undefined;
    const { refillAtMs } = spent;
    return { retryAfterS: refillAtMs === null ? undefined : Math.ceil((refillAtMs - clock.now()) / 1000) };
  }

  const invalid = (code: RefusalCode, error = sentences[code]): KeyVerdict => ({ valid: false, code, error });

  return {
    isKey: (text) => parseKey(text) !== undefined,

    async authenticate(text, caller) {
      const result = await check(text, caller);
      if (typeof result === 'string') {
        // Nobody learns more of a key that is not there than of a token that is not right.
        throw refusalError(result, result === 'not_found' ? 'Could not validate credentials' : undefined);
      }
      const { key, state } = result;
      const user: Principal = {
        ...toPrincipal(state, caller, {
          kind: 'api_key',
          key_id: key.key_id,
          limits: toNamedLimits(key.rate_limits),
        }),
        permissions: effectiveFor(key, state.permissions),
      };
      admitted.set(user, key);
      return user;
    },

    async verify(text, caller, requiredScope) {
      if (text === undefined || text === '') return invalid('not_found', 'API key required');
      const result = await check(text, caller);
      if (typeof result === 'string') return invalid(result);
      const { key, state } = result;
      const refuse = (code: RefusalCode, error?: string): KeyVerdict => {
        usage.refused(key, code, caller);
        return invalid(code, error);
      };
      const scopes = effectiveScopes(state.permissions, key.scopes);
      const isAllowed = requiredScope === undefined || coversScope(scopes, requiredScope);
      if (!isAllowed) return refuse('scope_missing');
      const taken = await limiter.take(key.key_id, toNamedLimits(key.rate_limits));
      if (!taken.allowed) return refuse('rate_limited');
      if ((await withoutCredit(key)) !== undefined) return refuse('no_credits');
      usage.used(key);
      return {
        valid: true,
        code: 'valid',
        key_id: key.key_id,
        user_id: key.user_id,
        name: key.name,
        scopes,
        place_ids: [...key.place_ids],
        rate_limit_remaining: taken.remaining,
      };
    },

    calls: {
      async accepted(user) {
        const key = admitted.get(user);
        if (key === undefined) return;
        const none = await withoutCredit(key);
        if (none === undefined) {
          usage.used(key);
          return;
        }
        usage.refused(key, 'no_credits', user.caller);
        throw withoutCreditsError(none.retryAfterS);
      },
      refused(user, error) {
        const key = admitted.get(user);
        const code = error instanceof AppError ? codeOfRefused[error.code] : undefined;
        if (key === undefined || code === undefined || !(error instanceof AppError)) return error;
        usage.refused(key, code, user.caller);
        return new AppError(error.code, error.message, {
          extensions: { ...error.extensions, key_code: code },
          headers: error.headers,
          ...(error.retryAfterS === undefined ? {} : { retryAfterS: error.retryAfterS }),
        });
      },
    },

    forget(secrets) {
      for (const { prefix } of secrets) byPrefix.forget(prefix);
    },
  };
}
