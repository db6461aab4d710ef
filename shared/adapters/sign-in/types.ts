/** Who somebody is at a provider. */
export interface ExternalIdentity {
  /** What the provider calls the person for ever; never an address or a name, which can change hands. */
  subject: string;
  email: string | null;
  /** The provider vouches that the person owns the address. Without that the address proves nothing. */
  is_email_verified: boolean;
  name: string | null;
  /** What the person might like to be called here. */
  username: string | null;
}

/** What is made for one sign-in and belongs to it alone. */
export interface SignInSecrets {
  /** Comes back with the person. */
  state: string;
  /** Stands in the provider's token; not used by a provider that issues none. */
  nonce: string;
  /** Proves to the provider that who brings the code began the sign-in (PKCE). */
  code_verifier: string;
  redirect_uri: string;
}

/** A provider with which people sign in. */
export interface SignInProviderClient {
  /** Where the browser goes. Throws `provider_unavailable`. */
  authorizationUrl(secrets: SignInSecrets): Promise<string>;
  /**
   * Who brought the code. `issuer` is the `iss` that came with it, if any. Throws `sign_in_refused` when code, token or what
   * stands in it is not right, and `provider_unavailable` when the provider does not answer as it should.
   */
  identify(secrets: SignInSecrets, code: string, issuer?: string): Promise<ExternalIdentity>;
}
