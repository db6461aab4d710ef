import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeDeviceToken, readDeviceToken } from '../../shared/identity/device-token-rules.ts';

const keys = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((array) => Buffer.from(array));
const devices = fc.record({
  user_id: fc.uuid(),
  device_id: fc.uuid(),
  expires_at_ms: fc.integer({ min: 1, max: 4_000_000_000 }).map((seconds) => seconds * 1000),
});

test('a device token is read as it was made, until it expires', () => {
  fc.assert(
    fc.property(keys, devices, (key, device) => {
      const token = makeDeviceToken(key, device);
      expect(token).toMatch(/^lyd_[\w-]{94}$/);
      expect(readDeviceToken(key, token, device.expires_at_ms - 1)).toEqual(device);
      expect(readDeviceToken(key, token, device.expires_at_ms)).toBeUndefined();
    }),
  );
});

test('another key, a changed byte or another length makes it none', () => {
  fc.assert(
    fc.property(
      keys,
      keys,
      devices,
      fc.nat(69),
      fc.integer({ min: 1, max: 255 }),
      (key, other, device, place, change) => {
        const token = makeDeviceToken(key, device);
        fc.pre(!key.equals(other));
        expect(readDeviceToken(other, token, 0)).toBeUndefined();
        const bytes = Buffer.from(token.slice(4), 'base64url');
        bytes.writeUInt8(bytes.readUInt8(place) ^ change, place);
        expect(readDeviceToken(key, `lyd_${bytes.toString('base64url')}`, 0)).toBeUndefined();
        for (const text of [token.slice(0, -2), `${token}AA`, token.slice(4), `lyr_${token.slice(4)}`, '']) {
          expect(readDeviceToken(key, text, 0)).toBeUndefined();
        }
      },
    ),
  );
});

test('no text is one by chance', () => {
  fc.assert(
    fc.property(keys, fc.string(), (key, text) => {
      expect(readDeviceToken(key, text, 0)).toBeUndefined();
      expect(readDeviceToken(key, `lyd_${text}`, 0)).toBeUndefined();
    }),
  );
});
