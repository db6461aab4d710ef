import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isSameText } from '../../shared/platform/same-text.ts';

test('texts are the same when they are equal, and otherwise not, whatever their lengths', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (one, other) => {
      expect(isSameText(one, one)).toBe(true);
      expect(isSameText(one, other)).toBe(one === other);
      expect(isSameText(one, `${one}${other}`)).toBe(other === '');
    }),
  );
});
