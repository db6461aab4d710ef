/** The value of a cookie of the request; undefined when there is none of that name. */
export function readCookie(header: string | null, name: string): string | undefined {
  for (const pair of (header ?? '').split(';')) {
    const [key, ...value] = pair.trim().split('=');
    if (key === name) return value.join('=');
  }
  return undefined;
}

/**
 * A cookie that only this host gets back, over TLS (or from this machine), from pages of its own site, and that no script
 * reads: the prefix makes browsers refuse any other form of it, also one planted by a neighbour under the same domain.
 */
export function hostCookie(name: `__Host-${string}`, value: string, maxAgeS: number): string {
  return `${name}=${value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${maxAgeS}`;
}

/** Holds the secret of a sign-in with a provider in the browser that began it. */
export const signInCookie = '__Host-lyceum_sign_in';
