import { randomBytes } from 'node:crypto';
import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import { decodeAttestationObject, decodeClientDataJSON, isoBase64URL } from '@simplewebauthn/server/helpers';

/** What is kept of a passkey to recognise its signatures. */
export interface PublicPasskey {
  /** Base64url, as the authenticator made it. */
  credential_id: string;
  /** COSE key, base64url. */
  public_key: string;
  counter: number;
  transports: string[];
  /** Whether it can be copied to other devices; an authenticator never changes that. */
  is_synced: boolean;
}

interface Credential {
  id: string;
  rawId: string;
  type: 'public-key';
}

/** What an authenticator answers when it makes a passkey. */
export interface Registration extends Credential {
  response: { clientDataJSON: string; attestationObject: string; transports?: string[] | undefined };
}

/** What an authenticator answers when it signs with one. */
export interface Assertion extends Credential {
  response: {
    clientDataJSON: string;
    authenticatorData: string;
    signature: string;
    userHandle?: string | null | undefined;
  };
}

export interface PasskeyAnswer {
  counter: number;
  /** The person showed a PIN, a finger or a face, and not only that somebody was there. */
  is_user_verified: boolean;
}

/** The ceremonies of WebAuthn. What does not hold is `undefined`, whatever is wrong with it. */
export interface PasskeyCeremonies {
  newChallenge(): string;
  /** The challenge that an answer claims to be for; it is worth nothing until the answer was verified. */
  challengeOf(response: { response: { clientDataJSON: string } }): string | undefined;
  registrationOptions(
    challenge: string,
    user: { user_id: string; username: string; display_name: string },
    known: readonly PublicPasskey[],
  ): Promise<PublicKeyCredentialCreationOptionsJSON>;
  verifyRegistration(response: Registration, challenge: string): Promise<PublicPasskey | undefined>;
  /** Without `known` the person chooses among all passkeys for this site. */
  authenticationOptions(
    challenge: string,
    known?: readonly PublicPasskey[],
  ): Promise<PublicKeyCredentialRequestOptionsJSON>;
  verifyAuthentication(
    response: Assertion,
    challenge: string,
    passkey: PublicPasskey,
  ): Promise<PasskeyAnswer | undefined>;
  /** Whom the authenticator believes to answer for, as a user id. */
  userOf(response: Assertion): string | undefined;
}

const challengePattern = /^[A-Za-z0-9_-]{43}$/;
const timeoutMs = 300_000;
/** EdDSA, ES256 and RS256: what authenticators make, and what Node verifies in every supported version. */
const algorithms = [-8, -7, -257];

/**
 * Attestation is not asked for, so nothing is learnt of the make of an authenticator. Statements with certificates are refused
 * before the library reads them: the bundle leaves out the code that would (tools/bundle-plugins.ts).
 */
function hasPlainAttestation(response: Registration): boolean {
  const object = decodeAttestationObject(isoBase64URL.toBuffer(response.response.attestationObject));
  const format = object.get('fmt');
  return format === 'none' || (format === 'packed' && object.get('attStmt').get('x5c') === undefined);
}

export function createPasskeyCeremonies(deps: { rpId: string; origins: readonly string[] }): PasskeyCeremonies {
  const { rpId } = deps;
  const origins = [...deps.origins];
  /** The library's own types; it reads nothing of extensions, which we do not ask for. */
  const asRegistration = ({ id, rawId, type, response }: Registration): RegistrationResponseJSON => ({
    id,
    rawId,
    type,
    response: { clientDataJSON: response.clientDataJSON, attestationObject: response.attestationObject },
    clientExtensionResults: {},
  });
  const asAssertion = ({ id, rawId, type, response }: Assertion): AuthenticationResponseJSON => ({
    id,
    rawId,
    type,
    response: {
      clientDataJSON: response.clientDataJSON,
      authenticatorData: response.authenticatorData,
      signature: response.signature,
    },
    clientExtensionResults: {},
  });
  const bytesOf = (challenge: string) => Uint8Array.from(Buffer.from(challenge, 'base64url'));
  const described = (known: readonly PublicPasskey[]) =>
    known.map(({ credential_id, transports }) => ({ id: credential_id, transports }));

  /** The library throws a sentence for each thing that can be wrong, and for what it cannot read at all. */
  async function orNothing<T>(verify: () => Promise<T | undefined>): Promise<T | undefined> {
    try {
      return await verify();
    } catch {
      return undefined;
    }
  }

  /** A page of somebody else that shows ours in a frame has no business with passkeys. */
  const isFramed = (response: { response: { clientDataJSON: string } }) =>
    decodeClientDataJSON(response.response.clientDataJSON).crossOrigin === true;

  return {
    newChallenge: () => randomBytes(32).toString('base64url'),
    challengeOf(response) {
      try {
        const { challenge } = decodeClientDataJSON(response.response.clientDataJSON);
        return challengePattern.test(challenge) ? challenge : undefined;
      } catch {
        return undefined;
      }
    },
    registrationOptions: (challenge, user, known) =>
      generateRegistrationOptions({
        rpName: 'Lyceum',
        rpID: rpId,
        userID: Uint8Array.from(Buffer.from(user.user_id)),
        userName: user.username,
        userDisplayName: user.display_name,
        challenge: bytesOf(challenge),
        timeout: timeoutMs,
        attestationType: 'none',
        excludeCredentials: described(known),
        authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
        supportedAlgorithmIDs: algorithms,
      }),
    verifyRegistration: (response, challenge) =>
      orNothing(async () => {
        if (isFramed(response) || !hasPlainAttestation(response)) return undefined;
        const { verified, registrationInfo } = await verifyRegistrationResponse({
          response: asRegistration(response),
          expectedChallenge: challenge,
          expectedOrigin: origins,
          expectedRPID: rpId,
          // A key without a PIN is a good second factor; the sign-in with a passkey alone asks for more.
          requireUserVerification: false,
          supportedAlgorithmIDs: algorithms,
        });
        if (!verified) return undefined;
        const { credential, credentialDeviceType } = registrationInfo;
        if (credential.id !== response.id) return undefined;
        return {
          credential_id: credential.id,
          public_key: Buffer.from(credential.publicKey).toString('base64url'),
          counter: credential.counter,
          transports: response.response.transports ?? [],
          is_synced: credentialDeviceType === 'multiDevice',
        };
      }),
    authenticationOptions: (challenge, known) =>
      generateAuthenticationOptions({
        rpID: rpId,
        challenge: bytesOf(challenge),
        timeout: timeoutMs,
        // With a passkey alone it must be more than something that somebody holds.
        userVerification: known === undefined ? 'required' : 'preferred',
        ...(known === undefined ? {} : { allowCredentials: described(known) }),
      }),
    verifyAuthentication: (response, challenge, passkey) =>
      orNothing(async () => {
        if (isFramed(response) || response.id !== passkey.credential_id) return undefined;
        const { verified, authenticationInfo } = await verifyAuthenticationResponse({
          response: asAssertion(response),
          expectedChallenge: challenge,
          expectedOrigin: origins,
          expectedRPID: rpId,
          credential: {
            id: passkey.credential_id,
            publicKey: Uint8Array.from(Buffer.from(passkey.public_key, 'base64url')),
            counter: passkey.counter,
          },
          requireUserVerification: false,
        });
        const isSynced = authenticationInfo.credentialDeviceType === 'multiDevice';
        if (!verified || isSynced !== passkey.is_synced) return undefined;
        return { counter: authenticationInfo.newCounter, is_user_verified: authenticationInfo.userVerified };
      }),
    userOf(response) {
      const { userHandle } = response.response;
      return userHandle == null ? undefined : Buffer.from(userHandle, 'base64url').toString('utf8');
    },
  };
}
