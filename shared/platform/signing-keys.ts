import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';

/** A key for access tokens with the one algorithm that it is ever used with. */
export interface SigningKey {
  /** Absent for the one of `JWT_SECRET`, whose tokens name no key. */
  kid: string | undefined;
  algorithm: 'HS256' | 'EdDSA' | 'ES256';
  signing: KeyObject;
  verifying: KeyObject;
}

export const secretBytesMin = 32;
const keysMax = 10;

/** The key of `JWT_SECRET`, whose tokens carry no `kid`. */
export function secretKey(secret: string, kid?: string): SigningKey {
  const key = createSecretKey(secret, 'utf8');
  return { kid, algorithm: 'HS256', signing: key, verifying: key };
}

function algorithmOf(key: KeyObject): SigningKey['algorithm'] | undefined {
  if (key.asymmetricKeyType === 'ed25519') return 'EdDSA';
  const curve = key.asymmetricKeyDetails?.namedCurve;
  return key.asymmetricKeyType === 'ec' && curve === 'prime256v1' ? 'ES256' : undefined;
}

/** Undefined for what is no private key of Ed25519 or P-256; what was wrong with it is not told, because it would be quoted. */
function privateKey(kid: string, given: string | Record<string, unknown>): SigningKey | undefined {
  try {
    const signing = createPrivateKey(typeof given === 'string' ? given : { key: given, format: 'jwk' });
    const algorithm = algorithmOf(signing);
    return algorithm && { kid, algorithm, signing, verifying: createPublicKey(signing) };
  } catch {
    return undefined;
  }
}

const Kid = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/, 'kid: must be 1 to 64 letters, digits, dots, dashes and underscores');

const Key = z.union([
  z.strictObject({ kid: Kid, secret: z.string() }),
  z.strictObject({ kid: Kid, private_key: z.union([z.string(), z.record(z.string(), z.unknown())]) }),
]);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function toKey(entry: z.output<typeof Key>): SigningKey | string {
  if ('private_key' in entry) {
    return (
      privateKey(entry.kid, entry.private_key) ?? 'private_key: must be PEM (PKCS 8) or a JWK, of Ed25519 or P-256'
    );
  }
  if (Buffer.byteLength(entry.secret) >= secretBytesMin) return secretKey(entry.secret, entry.kid);
  return `secret: must have ${secretBytesMin} bytes or more`;
}

/** All keys, or what is wrong with the first that is; keys are counted and never quoted. */
function toKeys(text: string): SigningKey[] | string {
  const list = z.array(z.unknown()).min(1).max(keysMax).safeParse(parseJson(text));
  if (!list.success) return `must be a JSON array of 1 to ${keysMax} keys`;
  const keys: SigningKey[] = [];
  for (const [index, item] of list.data.entries()) {
    const entry = Key.safeParse(item);
    const key = entry.success ? toKey(entry.data) : 'must be {"kid", "secret"} or {"kid", "private_key"}';
    if (typeof key === 'string') return `key ${index + 1}: ${key}`;
    if (keys.some(({ kid }) => kid === key.kid)) return `key ${index + 1}: kid: is that of another key`;
    keys.push(key);
  }
  return keys;
}

/** `JWT_KEYS`: a JSON array of keys, the first of which signs. */
export const signingKeys = z.string().transform((text, context): SigningKey[] => {
  const keys = toKeys(text);
  if (typeof keys !== 'string') return keys;
  context.addIssue({ code: 'custom', message: keys });
  return z.NEVER;
});
