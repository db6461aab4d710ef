import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checksumOf, hashOf, makeSecret, parseKey } from '../../shared/api-keys/key-format-rules.ts';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const digits = (text: string) => [...text].map((one) => alphabet.indexOf(one));

/** Bytes in a fixed order, over and over. */
function fixed(...bytes: number[]) {
  let at = 0;
  return (count: number) => Uint8Array.from({ length: count }, () => bytes[at++ % bytes.length] ?? 0);
}

const formats = fc.stringMatching(/^[a-z]{2,8}$/);
const seeds = fc.uint8Array({ minLength: 200, maxLength: 400 }).filter((bytes) => bytes.some((byte) => byte < 248));

describe('the checksum', () => {
  test('is the CRC-32 of the text in six digits to the base 62, the highest first', () => {
    for (const text of ['', 'lyc', 'lyc_00000000_', 'x'.repeat(1000)]) {
      expect(checksumOf(text)).toMatch(/^[0-9A-Za-z]{6}$/);
      expect(digits(checksumOf(text)).reduce((value, digit) => value * 62 + digit, 0)).toBe(crc32(text));
    }
    expect(checksumOf('')).toBe('000000');
  });
});

describe('a new key', () => {
  test('has the format, and its own checksum at the end', () => {
    fc.assert(
      fc.property(formats, seeds, (format, bytes) => {
        const { value, prefix } = makeSecret(format, fixed(...bytes, 1, 2, 3));
        const [, ownFormat, ownPrefix, secret, checksum = ''] =
          /^([a-z]+)_([0-9a-f]{8})_([0-9A-Za-z]{32})([0-9A-Za-z]{6})$/.exec(value) ?? [];
        expect([ownFormat, ownPrefix, secret?.length]).toEqual([format, prefix, 32]);
        expect(checksum).toBe(checksumOf(value.slice(0, -6)));
        expect(parseKey(value)).toEqual({ format, prefix });
      }),
    );
  });

  test('draws every character with the same chance: bytes above the last full round of the alphabet are thrown away', () => {
    // 4 bytes of prefix, then 248..255 which must not be used, then what must.
    const bytes = [0x12, 0x34, 0x56, 0x78, 248, 249, 250, 251, 252, 253, 254, 255, 61, 62, 247, 0];
    const { value } = makeSecret('lyc', fixed(...bytes));
    // 61 -> z, 62 -> 0, 247 = 3 * 62 + 61 -> z, 0 -> 0; then the bytes of the prefix, which come round again.
    expect(value.slice('lyc_12345678_'.length).slice(0, 8)).toBe(
      `z0z0${[0x12, 0x34, 0x56, 0x78].map((b) => alphabet[b % 62]).join('')}`,
    );
  });

  test('uses all 62 characters in all 32 places', () => {
    const seen = Array.from({ length: 32 }, () => new Set<string>());
    for (let i = 0; i < 2000; i += 1) {
      for (const [at, one] of [...makeSecret('lyc', randomBytes).value.slice(13, 45)].entries()) seen[at]?.add(one);
    }
    expect(seen.map((chars) => chars.size)).toEqual(Array.from({ length: 32 }, () => 62));
  });

  test('has a prefix that does not begin as the key itself does', () => {
    const { prefix } = makeSecret('ab', fixed(0xab, 1, 2, 3, 0xac, 1, 2, 3));
    expect(prefix).toBe('ac010203');
  });
});

describe('what is no key', () => {
  const key = makeSecret('lyc', randomBytes).value;

  test('is told by its checksum: no key is another with one character changed', () => {
    fc.assert(
      fc.property(fc.nat(key.length - 1), fc.constantFrom(...alphabet, '_', '-', ' '), (at, char) => {
        const other = key.slice(0, at) + char + key.slice(at + 1);
        expect(parseKey(other)).toEqual(other === key ? parseKey(key) : undefined);
      }),
    );
  });

  test('is told by its checksum: two neighbours in the wrong order', () => {
    for (let at = 0; at < key.length - 1; at += 1) {
      const other = key.slice(0, at) + key.charAt(at + 1) + key.charAt(at) + key.slice(at + 2);
      expect(parseKey(other) === undefined).toBe(other !== key);
    }
  });

  test.each([
    ['nothing', ''],
    ['something before it', ` ${key}`],
    ['something after it', `${key}x`],
    ['a new line after it', `${key}\n`],
    ['capitals in its prefix', key.toUpperCase()],
    ['cut', key.slice(0, -1)],
    ['twice', key + key],
    ['a token', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl'],
    ['a format of one letter', rechecked(`l${key.slice(3)}`)],
    ['a format of nine letters', rechecked(`abcdefghi${key.slice(3)}`)],
    ['a secret that is too long', rechecked(`${key.slice(0, -6)}x`, 0)],
  ])('%s', (_what, text) => {
    expect(parseKey(text)).toBeUndefined();
  });

  function rechecked(text: string, cut = 6): string {
    const body = cut === 0 ? text : text.slice(0, -cut);
    return body + checksumOf(body);
  }
});

test('keys of an earlier prefix are read too, so a changed setting voids none', () => {
  expect(parseKey(makeSecret('zbl', randomBytes).value)?.format).toBe('zbl');
});

test('the hash is SHA-256 of the whole key', () => {
  expect(hashOf('lyc_x')).toBe(createHash('sha256').update('lyc_x').digest('hex'));
});
