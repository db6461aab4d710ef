import { generateKeyPairSync, sign, verify } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { unwrapEC2Signature } from '../../tools/ec-signature.ts';

describe.each([
  ['P-256', 1],
  ['P-384', 2],
  ['P-521', 3],
] as const)('a signature on %s', (namedCurve, crv) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });

  test('is the same signature in the form of Web Crypto', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (data) => {
        const der = sign('sha256', data, privateKey);
        const raw = unwrapEC2Signature(der, crv);
        expect(verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, raw)).toBe(true);
      }),
      // One signature in 256 has a short half.
      { numRuns: 600 },
    );
  });

  test('that was cut, lengthened or changed in its form is refused, or is another signature', () => {
    const data = Buffer.from('challenge');
    const der = new Uint8Array(sign('sha256', data, privateKey));
    for (const broken of [der.subarray(1), der.subarray(0, -1), Uint8Array.of(...der, 0), Uint8Array.of()]) {
      expect(() => unwrapEC2Signature(broken, crv)).toThrow(/two integers/);
    }
    const accepts = (bytes: Uint8Array) => {
      try {
        const raw = unwrapEC2Signature(bytes, crv);
        return verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, raw);
      } catch {
        return false;
      }
    };
    expect(accepts(der)).toBe(true);
    for (let i = 0; i < der.length; i += 1) {
      const changed = der.slice();
      changed[i] = (changed[i] ?? 0) ^ 0x01;
      expect([i, accepts(changed)]).toEqual([i, false]);
    }
  });
});

test('bytes that are no signature never come through as anything but an error or two halves', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      try {
        expect(unwrapEC2Signature(bytes, 1)).toHaveLength(64);
      } catch (error) {
        expect(String(error)).toMatch(/two integers/);
      }
    }),
  );
  expect(() => unwrapEC2Signature(new Uint8Array(70), 8)).toThrow(/curve 8/);
});
