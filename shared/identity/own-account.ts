import type { Principal } from '../platform/define-endpoint.ts';
import { AppError } from '../platform/errors.ts';
import type { Accounts } from './accounts-repository.ts';
import type { UserDocument } from './schemas.ts';

/** The account of who is signed in. Throws `unauthenticated` when it is gone since the credentials were checked. */
export async function ownAccount(accounts: Pick<Accounts, 'find'>, user: Principal): Promise<UserDocument> {
  const account = await accounts.find(user.user_id);
  if (account === undefined) throw new AppError('unauthenticated', 'Could not validate credentials');
  return account;
}
