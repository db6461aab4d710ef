import type { ExternalIdentity } from './types.ts';

/** What a provider's token or interface says of somebody; nothing in it is certain. */
export type Claims = Readonly<Record<string, unknown>>;

const textMax = 320;

export function textOf(claims: Claims, name: string): string | null {
  const value = claims[name];
  return typeof value === 'string' && value.trim() !== '' && value.length <= textMax ? value.trim() : null;
}

const isTrue = (value: unknown) => value === true || value === 1 || value === 'true' || value === '1';

/** Decides from the claims whether the provider vouches for the address. */
export type Vouching = (claims: Claims) => boolean;

/** What OpenID Connect says; for providers of which no more is known. */
const vouchesAsStandard: Vouching = (claims) => isTrue(claims['email_verified']);

/**
 * Microsoft Entra lets the administrator of any tenant write any address into `email`: taking it for proof would let everyone
 * into every account ("nOAuth"). Only `xms_edov` (the owner of the domain was verified) says more; it is an optional claim.
 */
const vouchesAsMicrosoft: Vouching = (claims) => isTrue(claims['xms_edov']);

/**
 * Google answers for its own addresses and those of its Workspace domains (`hd`); another address was proved once, and may
 * belong to somebody else by now.
 */
const vouchesAsGoogle: Vouching = (claims) =>
  isTrue(claims['email_verified']) &&
  (textOf(claims, 'hd') !== null || /@(?:gmail|googlemail)\.com$/i.test(textOf(claims, 'email') ?? ''));

const microsoftHosts = /(?:^|\.)(?:microsoftonline\.(?:com|us|cn)|ciamlogin\.com|b2clogin\.com|windows\.net)$/;

/** Which of these a provider is judged by: what it is, not what the settings call it. */
export function vouchingOf(issuer: string): Vouching {
  const { hostname } = new URL(issuer);
  if (microsoftHosts.test(hostname)) return vouchesAsMicrosoft;
  return hostname === 'accounts.google.com' ? vouchesAsGoogle : vouchesAsStandard;
}

/** The person behind an ID token. `sub` is the person's name within one tenant, where the provider has tenants. */
export function identityOf(claims: Claims & { sub: string }, vouches: Vouching): ExternalIdentity {
  const tenant = textOf(claims, 'tid');
  const email = textOf(claims, 'email')?.toLowerCase() ?? null;
  return {
    subject: tenant === null ? claims.sub : `${tenant}:${claims.sub}`,
    email,
    is_email_verified: email !== null && vouches(claims),
    name: textOf(claims, 'name'),
    username: (textOf(claims, 'preferred_username') ?? email)?.split('@')[0] ?? null,
  };
}
