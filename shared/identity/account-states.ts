import { LRUCache } from 'lru-cache';
import type { Clock } from '../platform/clock.ts';
import type { Permission } from '../platform/permissions.ts';
import type { Accounts } from './accounts-repository.ts';
import type { Roles } from './roles.ts';
import type { UserDocument } from './schemas.ts';

/** An account and what its role may do, as every request needs them. */
export interface AccountState {
  account: UserDocument;
  permissions: ReadonlySet<Permission>;
}

/**
 * The accounts that call, as they were at most `AUTH_CACHE_S` seconds ago: one point read per account in that time. The
 * instance that changes an account forgets it, so there the change counts at once.
 */
export interface AccountStates {
  of(userId: string): Promise<AccountState | undefined>;
  forget(userId: string): void;
}

const rememberedMax = 20_000;

export function createAccountStates(deps: {
  accounts: Pick<Accounts, 'find'>;
  roles: Pick<Roles, 'permissionsOf'>;
  clock: Clock;
  cacheMs: number;
}): AccountStates {
  const { accounts, roles, clock, cacheMs } = deps;
  const remembered = new LRUCache<string, { state: AccountState | undefined; atMs: number }>({ max: rememberedMax });

  async function read(userId: string): Promise<AccountState | undefined> {
    const account = await accounts.find(userId);
    return account && { account, permissions: await roles.permissionsOf(account.role) };
  }

  return {
    async of(userId) {
      const known = remembered.get(userId);
      // A clock that jumped back must not keep an old state alive.
      if (known !== undefined && Math.abs(clock.now() - known.atMs) < cacheMs) return known.state;
      const atMs = clock.now();
      const state = await read(userId);
      if (cacheMs > 0) remembered.set(userId, { state, atMs });
      return state;
    },
    forget(userId) {
      remembered.delete(userId);
    },
  };
}
