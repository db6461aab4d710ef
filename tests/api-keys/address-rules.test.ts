import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isAddressRange, isInRanges } from '../../shared/api-keys/address-rules.ts';

describe('a range', () => {
  test.each([
    '192.0.2.1',
    '192.0.2.0/24',
    '0.0.0.0/0',
    '10.0.0.1/32',
    '2001:db8::1',
    '2001:db8::/32',
    '::/0',
    '::1/128',
    '::ffff:192.0.2.1',
    '::ffff:192.0.2.0/120',
  ])('%s is one', (text) => expect(isAddressRange(text)).toBe(true));

  test.each([
    '',
    ' ',
    'localhost',
    '192.0.2',
    '192.0.2.1.1',
    '127.1',
    '010.0.0.1',
    '0x7f.0.0.1',
    '2130706433',
    '256.0.0.1',
    '192.0.2.1/33',
    '192.0.2.1/-1',
    '192.0.2.1/',
    '192.0.2.1/8/8',
    '192.0.2.1/ 8',
    '192.0.2.1:80',
    '[2001:db8::1]',
    '2001:db8::/129',
    '2001:db8:::1',
    'fe80::1%eth0',
    '::ffff:192.0.2.0/95',
    'unknown',
    '*',
  ])('%j is none', (text) => expect(isAddressRange(text)).toBe(false));
});

describe('an address', () => {
  const cases: [string, string, boolean][] = [
    ['192.0.2.1', '192.0.2.1', true],
    ['192.0.2.2', '192.0.2.1', false],
    ['192.0.2.255', '192.0.2.0/24', true],
    ['192.0.3.0', '192.0.2.0/24', false],
    ['192.0.2.129', '192.0.2.128/25', true],
    ['192.0.2.127', '192.0.2.128/25', false],
    ['192.0.2.77', '192.0.2.1/24', true],
    ['203.0.113.9', '0.0.0.0/0', true],
    ['2001:db8::5', '0.0.0.0/0', false],
    ['192.0.2.1', '::/0', false],
    ['2001:db8:ffff::1', '2001:db8::/32', true],
    ['2001:db9::1', '2001:db8::/32', false],
    ['2001:DB8:0:0::5', '2001:db8::5', true],
    ['::ffff:192.0.2.1', '192.0.2.0/24', true],
    ['192.0.2.1', '::ffff:192.0.2.0/120', true],
    ['192.0.3.1', '::ffff:192.0.2.0/120', false],
    ['unknown', '0.0.0.0/0', false],
    ['', '::/0', false],
    ['192.0.2.1, 10.0.0.1', '192.0.2.0/24', false],
    ['10.0.0.1', 'no range at all', false],
  ];
  test.each(cases)('%j lies in %s: %j', (address, range, isIn) => {
    expect(isInRanges(address, [range])).toBe(isIn);
    expect(isInRanges(address, ['198.51.100.7', range])).toBe(isIn);
  });

  test('lies in no empty list', () => expect(isInRanges('192.0.2.1', [])).toBe(false));

  test('of version 4 lies in a range exactly when its first bits are those of the range', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), fc.nat(32), (address, base, bits) => {
        const number = (text: string) => text.split('.').reduce((value, part) => value * 256 + Number(part), 0);
        const first = (text: string) => Math.floor(number(text) / 2 ** (32 - bits));
        expect(isInRanges(address, [`${base}/${bits}`])).toBe(first(address) === first(base));
      }),
    );
  });

  test('of whatever form never makes the check fail', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (address, range) => {
        expect(typeof isInRanges(address, [range])).toBe('boolean');
        expect(isAddressRange(range) || !isInRanges('192.0.2.1', [range])).toBe(true);
      }),
    );
  });
});
