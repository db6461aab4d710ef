import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { deriveKey } from '../../shared/platform/derived-keys.ts';
import { createSecretBox } from '../../shared/platform/secret-box.ts';

const secret = 'thirty-two bytes or more of some text';
const box = createSecretBox({ key: deriveKey(secret, 'tests') });

test('what was sealed is opened for its owner, whatever the text', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (text, owner) => {
      expect(box.open(box.seal(text, owner), owner)).toBe(Buffer.from(text).toString());
    }),
  );
});

test('the same text is sealed differently each time, and cannot be read', () => {
  const sealed = Array.from({ length: 100 }, () => box.seal('JBSWY3DPEHPK3PXP', 'ann'));
  expect(new Set(sealed).size).toBe(100);
  for (const one of sealed) {
    expect(one).toMatch(/^v1\.[\w-]+$/);
    expect(Buffer.from(one.slice(3), 'base64url').toString('latin1')).not.toContain('JBSWY3DPEHPK3PXP');
  }
});

test('nobody opens what was sealed for somebody else, with another secret or for another purpose', () => {
  const sealed = box.seal('text', 'ann');
  expect(() => box.open(sealed, 'bob')).toThrow();
  expect(() => createSecretBox({ key: deriveKey(`${secret}.`, 'tests') }).open(sealed, 'ann')).toThrow();
  expect(() => createSecretBox({ key: deriveKey(secret, 'other tests') }).open(sealed, 'ann')).toThrow();
});

test('nothing opens that was changed in any bit, or cut', () => {
  const sealed = Buffer.from(box.seal('text', 'ann').slice(3), 'base64url');
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const changed = Buffer.from(sealed);
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    expect(() => box.open(`v1.${changed.toString('base64url')}`, 'ann')).toThrow();
  }
  for (let length = 0; length < sealed.length; length += 1)
    expect(() => box.open(`v1.${sealed.subarray(0, length).toString('base64url')}`, 'ann')).toThrow();
});

test('nothing opens that was never sealed', () => {
  const texts = ['', 'v1', 'v1.', 'v2.AAAA', 'JBSWY3DPEHPK3PXP', `v1.${randomBytes(64).toString('base64url')}`];
  for (const text of texts) expect(() => box.open(text, 'ann')).toThrow();
});
