import { expect, test } from 'vitest';
import { createIds } from '../../shared/platform/ids.ts';

test('ids never repeat and sort by the order in which they were made, also within one millisecond', () => {
  const ids = createIds({ now: () => 1_750_000_000_000 });
  // More than are made from one draw of randomness.
  const made = Array.from({ length: 2_000 }, () => ids.next());
  expect(made).toEqual([...new Set(made)].sort());
  for (const id of made) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test('no two ids share their random part, within one process and across two', () => {
  const clock = { now: () => 1_750_000_000_000 };
  const processes = [createIds(clock), createIds(clock)];
  const tails = processes.flatMap((ids) => Array.from({ length: 1_000 }, () => ids.next().slice(-10)));
  expect(new Set(tails).size).toBe(2_000);
});
