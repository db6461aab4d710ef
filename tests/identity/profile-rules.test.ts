import fc from 'fast-check';
import { expect, test } from 'vitest';
import { preferenceLimits, preferencesProblem } from '../../shared/identity/profile-rules.ts';

const { charactersMax, depthMax, entriesMax } = preferenceLimits;

function nested(levels: number): object {
  return levels <= 1 ? {} : { a: nested(levels - 1) };
}

test('preferences nest to a limit and no deeper', () => {
  expect(preferencesProblem(nested(depthMax))).toBeUndefined();
  expect(preferencesProblem(nested(depthMax + 1))).toBe(`must not nest deeper than ${depthMax} levels`);
  expect(preferencesProblem({ a: [[[[[[]]]]]] })).toContain('nest');
});

test('preferences have entries to a limit, counted on every level', () => {
  const list = (length: number) => Array.from({ length }, () => 0);
  expect(preferencesProblem({ a: list(entriesMax - 1) })).toBeUndefined();
  expect(preferencesProblem({ a: list(entriesMax) })).toBe(`must not have more than ${entriesMax} entries`);
  expect(preferencesProblem({ a: list(entriesMax / 2), b: list(entriesMax / 2) })).toContain('entries');
});

test('preferences are as long as JSON to a limit and no longer', () => {
  const frame = JSON.stringify({ a: '' }).length;
  expect(preferencesProblem({ a: 'x'.repeat(charactersMax - frame) })).toBeUndefined();
  expect(preferencesProblem({ a: 'x'.repeat(charactersMax - frame + 1) })).toContain('longer');
});

test('whatever is accepted is within all three limits', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 8 })), (preferences) => {
      fc.pre(preferencesProblem(preferences) === undefined);
      const text = JSON.stringify(preferences);
      expect(text.length).toBeLessThanOrEqual(charactersMax);
    }),
  );
});
