import type { Principal } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import type { ApiKeyDocument } from './documents.ts';
import { isWithin, type KeyBounds } from './key-rules.ts';
import type { ApiKeys } from './repository.ts';
import { effectiveScopes } from './scope-rules.ts';

export interface KeyPlace {
  keyId: string;
  /** The owner, when it is not the caller. */
  ownerId: string | undefined;
}

/** Which keys a caller may know about and what they may give to one. */
export interface KeyAccess {
  /** The key that makes the call; undefined for a person. */
  actingKey(user: Principal): Promise<ApiKeyDocument | undefined>;
  /** Whose keys are meant. Only administrators learn whether others have any. */
  ownerOf(user: Principal, ownerId: string | undefined): string;
  /** Leaves out, for a key, what reaches further than itself. */
  visible(user: Principal, owner: string, keys: readonly ApiKeyDocument[]): Promise<ApiKeyDocument[]>;
  /** A key that the caller may know about; throws `not_found`. */
  find(user: Principal, place: KeyPlace): Promise<ApiKeyDocument>;
  /** Throws `forbidden` for a scope that the caller does not have. */
  assertGivable(user: Principal, scopes: readonly string[]): void;
  /** Throws `forbidden` when a key wants to make or change one that reaches further than itself. */
  assertWithin(acting: ApiKeyDocument | undefined, key: KeyBounds): void;
}

export const keyNotFound = () => new AppError('not_found', 'API key not found');

export function createKeyAccess({ keys }: { keys: Pick<ApiKeys, 'find'> }): KeyAccess {
  async function actingKey(user: Principal): Promise<ApiKeyDocument | undefined> {
    if (user.via.kind === 'session') return undefined;
    const key = await keys.find(user.user_id, user.via.key_id);
    if (key === undefined) throw new AppError('unauthenticated', 'Could not validate credentials');
    return key;
  }

  function ownerOf(user: Principal, ownerId: string | undefined): string {
    if (ownerId === undefined || ownerId === user.user_id) return user.user_id;
    if (user.permissions.has('api_key:admin')) return ownerId;
    throw new AppError('forbidden', 'Only an administrator can see the API keys of others');
  }

  async function visible(user: Principal, owner: string, all: readonly ApiKeyDocument[]): Promise<ApiKeyDocument[]> {
    const acting = owner === user.user_id ? await actingKey(user) : undefined;
    return all.filter((key) => acting === undefined || isWithin(acting, key));
  }

  return {
    actingKey,
    ownerOf,
    visible,

    async find(user, { keyId, ownerId }) {
      const owner = ownerOf(user, ownerId);
      const found = await keys.find(owner, keyId);
      const [key] = await visible(user, owner, found === undefined ? [] : [found]);
      if (key === undefined) throw keyNotFound();
      return key;
    },

    assertGivable(user, scopes) {
      const held = effectiveScopes(user.permissions, scopes);
      const missing = scopes.filter((scope) => !held.includes(scope));
      if (missing.length > 0)
        throw new AppError('forbidden', `You cannot give a scope that you do not have: ${missing.join(', ')}`);
    },

    assertWithin(acting, key) {
      if (acting !== undefined && !isWithin(acting, key))
        throw new AppError('forbidden', 'An API key makes and changes only keys that reach no further than itself');
    },
  };
}
