import type { Clock } from '../platform/clock.ts';
import type { Page, Principal } from '../platform/define-endpoint.ts';
import { toPage } from '../platform/paging.ts';
import type { Paging } from '../platform/schemas.ts';
import type { ApiKeyDocument } from './documents.ts';
import type { KeyAccess, KeyPlace } from './key-access.ts';
import type { KeyChangesService } from './key-changes-service.ts';
import { activeKeysMax, toApiKey } from './key-rules.ts';
import type { KeySecretsService } from './key-secrets-service.ts';
import type { ApiKeys } from './repository.ts';
import type { ApiKey, CredentialInfo, KeyStats, KeyUsageStats } from './schemas.ts';

interface KeyReading {
  list(
    user: Principal,
    query: Paging & { user_id?: string | undefined; include_revoked: boolean },
  ): Promise<Page<ApiKey>>;
  get(user: Principal, place: KeyPlace): Promise<ApiKey>;
  /** Whose credential a call came with. */
  describe(user: Principal): CredentialInfo;
  stats(user: Principal, ownerId: string | undefined): Promise<KeyStats>;
  /** Of one key, or of all that the caller may know about. */
  usage(user: Principal, keyId: string | undefined, ownerId: string | undefined): Promise<KeyUsageStats>;
}

/** What people and programs do with API keys; a key manages only keys that reach no further than itself. */
export type ApiKeysService = KeyReading & KeySecretsService & KeyChangesService;

/** More than anybody makes by hand within the time that revoked keys are kept. */
const countedMax = 1000;

export function createApiKeysService(deps: {
  keys: Pick<ApiKeys, 'list'>;
  access: KeyAccess;
  secrets: KeySecretsService;
  changes: KeyChangesService;
  clock: Clock;
}): ApiKeysService {
  const { keys, access, clock } = deps;

  async function known(user: Principal, ownerId: string | undefined): Promise<ApiKeyDocument[]> {
    const owner = access.ownerOf(user, ownerId);
    return access.visible(user, owner, await keys.list(owner, { limit: countedMax, skip: 0 }, true));
  }

  const sum = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);
  const latest = (times: (string | null)[]): string | null =>
    times.reduce((a, b) => (a === null || (b !== null && b > a) ? b : a), null);

  return {
    ...deps.secrets,
    ...deps.changes,

    async list(user, query) {
      const owner = access.ownerOf(user, query.user_id);
      const page = toPage(await keys.list(owner, query, query.include_revoked), query, (key) => key.key_id);
      const visible = await access.visible(user, owner, page.items);
      return { ...page, items: visible.map((key) => toApiKey(key, clock.now())) };
    },

    async get(user, place) {
      return toApiKey(await access.find(user, place), clock.now());
    },

    describe(user) {
      const { user_id: id, email, username, via } = user;
      const isKey = via.kind === 'api_key';
      return {
        valid: true,
        user: { id, email, username, is_active: true },
        key_id: isKey ? via.key_id : null,
        message: isKey ? 'API key is valid' : 'Token is valid',
      };
    },

    async stats(user, ownerId) {
      const shown = (await known(user, ownerId)).map((key) => toApiKey(key, clock.now()));
      const count = (status: ApiKey['status']) => shown.filter((key) => key.status === status).length;
      return {
        total_keys: shown.length,
        active_keys: count('active'),
        disabled_keys: count('disabled'),
        expired_keys: count('expired'),
        revoked_keys: count('revoked'),
        max_keys: activeKeysMax,
        usage_count: sum(shown.map((key) => key.usage_count)),
        refused_count: sum(shown.map((key) => key.refused_count)),
        last_used: latest(shown.map((key) => key.last_used)),
      };
    },

    async usage(user, keyId, ownerId) {
      const of = keyId === undefined ? await known(user, ownerId) : [await access.find(user, { keyId, ownerId })];
      const refused: Record<string, number> = {};
      for (const [code, count] of of.flatMap((key) => Object.entries(key.usage.refused)))
        refused[code] = (refused[code] ?? 0) + count;
      return {
        key_id: keyId ?? null,
        usage_count: sum(of.map((key) => key.usage.valid)),
        refused_count: sum(Object.values(refused)),
        refused_by_code: refused,
        last_used_at: latest(of.map((key) => key.usage.last_used_at)),
        keys: of.map((key) => ({
          key_id: key.key_id,
          name: key.name,
          usage_count: key.usage.valid,
          last_used_at: key.usage.last_used_at,
        })),
      };
    },
  };
}
