import { type SignInProvider, signInProviders, type UserDocument } from './schemas.ts';

export function isSignInProvider(name: string): name is SignInProvider {
  return signInProviders.some((one) => one === name);
}

/** What a provider says about somebody, as far as it decides anything. */
interface Vouched {
  email: string | null;
  is_email_verified: boolean;
}

/** The address that counts: one that the provider does not vouch for is nobody's. */
export function provenEmail(identity: Vouched): string | null {
  return identity.is_email_verified ? identity.email : null;
}

/**
 * What happens to somebody whom no account knows by the provider. `sameAddress` is the account with the address that the
 * provider vouches for. It is linked only when its own address was proved too: else whoever typed the address of somebody
 * else into an account would share that account with them.
 */
export function decideStranger(
  sameAddress: Pick<UserDocument, 'is_verified'> | undefined,
  isOpen: boolean,
): 'link' | 'link_required' | 'register' | 'closed' {
  if (sameAddress !== undefined) return sameAddress.is_verified ? 'link' : 'link_required';
  return isOpen ? 'register' : 'closed';
}

/** Whether the account can still be entered when the provider is taken away. */
export function canUnlink(
  account: Pick<UserDocument, 'password_hash' | 'second_factors' | 'external_logins'>,
  provider: SignInProvider,
): boolean {
  return (
    account.password_hash !== null ||
    account.second_factors.passkeys > 0 ||
    account.external_logins.some((login) => login.provider !== provider)
  );
}

const usernameMax = 40;

/**
 * A user name made of what the provider calls somebody: plain letters, digits, dots, dashes and underscores, so that it looks
 * like nothing else. `try_` counts from 0; from the second on the end of `id` is added.
 */
export function usernameFor(said: string | null, id: string, try_: number): string {
  const plain = (said ?? '')
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}+/gu, '')
    .replace(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+|[._-]+$/g, '')
    .slice(0, usernameMax)
    .replace(/[._-]+$/, '');
  const isUsable = plain.length >= 3;
  const ending = id.replaceAll('-', '').slice(-8);
  if (isUsable && try_ === 0) return plain;
  return `${isUsable ? plain : 'member'}-${ending}`;
}
