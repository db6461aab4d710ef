import { expect, test } from 'vitest';
import { createOneTimeCodes } from '../../../shared/adapters/one-time-codes/totp.ts';

const codes = createOneTimeCodes();

test('codes are those of RFC 6238, cut to six digits', () => {
  // Appendix B, SHA-1: the secret is the ASCII text 12345678901234567890.
  const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
  const published: [atS: number, code: string][] = [
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_111_111_111, '050471'],
    [1_234_567_890, '005924'],
    [2_000_000_000, '279037'],
    [20_000_000_000, '353130'],
  ];
  for (const [atS, code] of published) expect(codes.codeAt(secret, Math.floor(atS / 30))).toBe(code);
});

test('every secret is new and has 160 bits', () => {
  const secrets = Array.from({ length: 100 }, () => codes.newSecret());
  expect(new Set(secrets).size).toBe(100);
  for (const secret of secrets) expect(secret).toMatch(/^[A-Z2-7]{32}$/);
});

test('the address for apps holds names of any kind, and its picture is an SVG without scripts', () => {
  const secret = codes.newSecret();
  const { otpauth_uri, qr_svg } = codes.describe(secret, 'Ann & Bob: <3?/#é');
  const uri = new URL(otpauth_uri);
  expect([uri.protocol, uri.host]).toEqual(['otpauth:', 'totp']);
  expect(decodeURIComponent(uri.pathname)).toBe('/Lyceum:Ann & Bob: <3?/#é');
  expect(Object.fromEntries(uri.searchParams)).toEqual({
    issuer: 'Lyceum',
    secret,
    algorithm: 'SHA1',
    digits: '6',
    period: '30',
  });
  expect(qr_svg).toMatch(/^<svg [^<]*>.*<\/svg>$/s);
  expect(qr_svg).not.toMatch(/script|href|Ann/);
});
