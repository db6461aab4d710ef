import type { Container } from '../adapters/cosmos/container.ts';
import { isConflict } from '../adapters/cosmos/errors.ts';
import type { SignInTransaction } from './external-schemas.ts';

/** Sign-ins that have begun, each in a logical partition of its own. */
export interface SignInTransactions {
  create(transaction: SignInTransaction): Promise<void>;
  find(id: string): Promise<SignInTransaction | undefined>;
  /** Whether this call, and no other, has used it up. */
  use(transaction: SignInTransaction): Promise<boolean>;
}

export function createSignInTransactions(container: Container): SignInTransactions {
  return {
    async create(transaction) {
      await container.create(transaction, transaction.pk);
    },
    find: (id) => container.read<SignInTransaction>(id, id),
    async use(transaction) {
      try {
        return await container.remove(transaction.id, transaction.pk, transaction._etag);
      } catch (error) {
        if (isConflict(error)) return false;
        throw error;
      }
    },
  };
}
