import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const base = alphabet.length;
const secretChars = 32;
const checksumChars = 6;
const prefixBytes = 4;
/** The largest multiple of 62 that a byte can reach: bytes from here on would make some characters likelier than others. */
const fairBytes = 256 - (256 % base);

/** Any prefix of the format is read, so that keys outlive a change of `API_KEY_PREFIX`; the hash covers the prefix too. */
const grammar = /^([a-z]{2,8})_([0-9a-f]{8})_[0-9A-Za-z]{32}([0-9A-Za-z]{6})$/;

/** Gives so many random bytes. */
export type RandomBytes = (count: number) => Uint8Array;

export interface ParsedKey {
  /** What the key begins with, e.g. `lyc`. */
  format: string;
  /** The eight hexadecimal digits by which a key is known; no secret. */
  prefix: string;
}

export interface NewSecret {
  /** The whole key, shown once. */
  value: string;
  prefix: string;
}

/** The last six characters of a key: the CRC-32 of everything before them. */
export function checksumOf(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let at = 0; at < checksumChars; at += 1) {
    digits = alphabet.charAt(rest % base) + digits;
    rest = Math.floor(rest / base);
  }
  return digits;
}

/** Characters that are all equally likely. */
function drawText(count: number, random: RandomBytes): string {
  let text = '';
  while (text.length < count) {
    for (const byte of random(count - text.length)) {
      if (byte < fairBytes) text += alphabet.charAt(byte % base);
    }
  }
  return text;
}

/** Never begins as keys themselves do: a list that shows `<format>_<prefix>...` would look like `lyc_lyc_...`. */
function drawPrefix(format: string, random: RandomBytes): string {
  let prefix: string;
  do prefix = Buffer.from(random(prefixBytes)).toString('hex');
  while (prefix.startsWith(format));
  return prefix;
}

export function makeSecret(format: string, random: RandomBytes): NewSecret {
  const prefix = drawPrefix(format, random);
  const body = `${format}_${prefix}_${drawText(secretChars, random)}`;
  return { value: body + checksumOf(body), prefix };
}

/** What a text says as an API key; undefined when it is none, which its checksum tells without asking anybody. */
export function parseKey(text: string): ParsedKey | undefined {
  const [, format, prefix, checksum] = grammar.exec(text) ?? [];
  if (format === undefined || prefix === undefined) return undefined;
  return checksumOf(text.slice(0, -checksumChars)) === checksum ? { format, prefix } : undefined;
}

/**
 * What is stored of a key. The secret has 190 bits of chance, so nobody can find it by trying; what makes password
 * hashes slow, or keyed, would protect nothing and cost every call.
 */
export function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}
