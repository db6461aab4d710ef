import type { TokenCredential } from '@azure/identity';

export type { TokenCredential };

/**
 * The identity that the function app runs as. Never the default chain of credentials, which probes one source after the other before the
 * first call. Loaded on first use: a process that works with keys (the local stack) never pays for the library.
 */
export async function managedIdentity(clientId: string | undefined): Promise<TokenCredential> {
  const { ManagedIdentityCredential } = await import('@azure/identity');
  return clientId === undefined ? new ManagedIdentityCredential() : new ManagedIdentityCredential({ clientId });
}
