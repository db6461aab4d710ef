import type { Clock } from '../platform/clock.ts';
import type { Permission } from '../platform/permissions.ts';
import { createReadCache } from '../platform/read-cache.ts';
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
  const remembered = createReadCache<UserDocument>({
    clock,
    cacheMs,
    foundMax: rememberedMax,
    missingMax: rememberedMax,
    read: accounts.find,
  });
  return {
    async of(userId) {
      const account = await remembered.of(userId);
      // Not remembered with the account: what is known of roles ages by itself, and the two ages must not add up.
      return account && { account, permissions: await roles.permissionsOf(account.role) };
    },
    forget: remembered.forget,
  };
}
