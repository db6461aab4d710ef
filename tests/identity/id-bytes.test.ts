import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromIdBytes, idBytes, toIdBytes } from '../../shared/identity/id-bytes.ts';

test('an identifier is read from the bytes that were made of it', () => {
  fc.assert(
    fc.property(fc.uuid(), (id) => {
      expect(toIdBytes(id)).toHaveLength(idBytes);
      expect(fromIdBytes(toIdBytes(id))).toBe(id);
    }),
  );
});

test.each([
  '',
  'ann',
  '01980000-0000-7000-8000-00000000000',
  '01980000-0000-7000-8000-0000000000000000',
  'x'.repeat(36),
])('nothing is made of %j, which is no UUID', (id) => {
  expect(() => toIdBytes(id)).toThrow(TypeError);
});
