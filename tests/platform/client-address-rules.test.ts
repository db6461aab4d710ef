import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clientAddress, networkOf } from '../../shared/platform/client-address-rules.ts';

describe('the address of the caller', () => {
  test.each([
    ['203.0.113.9:50123', '203.0.113.9'],
    ['203.0.113.9', '203.0.113.9'],
    ['198.51.100.1, 203.0.113.9:50123', '203.0.113.9'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['2001:0DB8:0:0::1', '2001:db8::1'],
    ['[::ffff:203.0.113.9]:443', '203.0.113.9'],
    ['::ffff:cb00:7109', '203.0.113.9'],
    ['fe80::1%eth0', 'fe80::1'],
    ['', 'unknown'],
    ['unknown', 'unknown'],
    ['203.0.113', 'unknown'],
    ['203.0.113.9, nonsense', 'unknown'],
    ['0xcb007109', 'unknown'],
    ['203.0.113.9:50123, ', 'unknown'],
  ])('of %j is %s', (header, address) => {
    expect(clientAddress(header, 1)).toBe(address);
  });

  test('is unknown without the header, and without a proxy of ours to believe', () => {
    expect(clientAddress(null, 1)).toBe('unknown');
    expect(clientAddress('203.0.113.9', 0)).toBe('unknown');
  });

  test('is the one before our proxies when there are several, and unknown when one of them was passed by', () => {
    expect(clientAddress('198.51.100.7, 203.0.113.9, 192.0.2.1:1', 2)).toBe('203.0.113.9');
    expect(clientAddress('192.0.2.1:1', 2)).toBe('unknown');
  });

  test('never depends on what the caller wrote before it', () => {
    fc.assert(
      fc.property(fc.string(), fc.ipV4(), (written, address) => {
        expect(clientAddress(`${written}, ${address}:1`, 1)).toBe(address);
      }),
    );
  });

  test('is unknown or an address, whatever the header is', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 0, max: 3 }), (header, hops) => {
        expect(clientAddress(header, hops)).toMatch(/^(unknown|[0-9.]+|[0-9a-f:.]+)$/);
      }),
    );
  });
});

describe('what is limited together', () => {
  test('is an address of version 4, a /64 of version 6, and all that is unknown', () => {
    expect(networkOf('203.0.113.9')).toBe('203.0.113.9');
    expect(networkOf('2001:db8::1')).toBe('2001:db8:0:0::');
    expect(networkOf('2001:db8:0:0:ffff::')).toBe('2001:db8:0:0::');
    expect(networkOf('2001:db8:0:1::1')).toBe('2001:db8:0:1::');
    expect(networkOf('unknown')).toBe('unknown');
  });

  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2::1', '2001:db8:1:2::'],
    ['2001:0DB8:1:2:ffff:ffff:ffff:ffff', '2001:db8:1:2::'],
    ['::1', '0:0:0:0::'],
    ['unknown', 'unknown'],
    ['', ''],
    ['192.0.2.1, 192.0.2.2', '192.0.2.1, 192.0.2.2'],
  ])('with %j is %j', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });

  test('of version 6 is told by the first half alone', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        expect(networkOf(address)).toMatch(/^(([0-9a-f]{1,4}:){4}:|\d+\.\d+\.\d+\.\d+)$/);
      }),
    );
  });

  test('can be part of a document id', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        expect(networkOf(clientAddress(address, 1))).not.toMatch(/[/\\?#]/);
      }),
    );
  });
});
