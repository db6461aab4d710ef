import { HOTP, Secret, TOTP } from 'otpauth';
import { renderSVG } from 'uqr';

/** The one-time codes of authenticator apps (RFC 6238), with what every app understands: SHA-1, 6 digits, 30 seconds. */
export interface OneTimeCodes {
  /** A new secret of 160 bits, in base 32. */
  newSecret(): string;
  /** The code of a step; steps count the periods since 1970. */
  codeAt(secret: string, step: number): string;
  /** The address that an app reads, and the same as a picture of a QR code. */
  describe(secret: string, username: string): { otpauth_uri: string; qr_svg: string };
}

const issuer = 'Lyceum';
const algorithm = 'SHA1';
const digits = 6;
const period = 30;

export function createOneTimeCodes(): OneTimeCodes {
  return {
    newSecret: () => new Secret({ size: 20 }).base32,
    codeAt: (secret, step) => HOTP.generate({ secret: Secret.fromBase32(secret), algorithm, digits, counter: step }),
    describe(secret, username) {
      const uri = new TOTP({ issuer, label: username, secret, algorithm, digits, period }).toString();
      return { otpauth_uri: uri, qr_svg: renderSVG(uri, { ecc: 'M', border: 4 }) };
    },
  };
}
