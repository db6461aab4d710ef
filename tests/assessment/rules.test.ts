import fc from 'fast-check';
import { expect, test } from 'vitest';
import { answerHash, canManage, entryForStudent, outcomeForStudent } from '../../shared/assessment/rules.ts';
import type { EntryDocument } from '../../shared/assessment/schemas.ts';
import { permissionsOfRole } from '../../shared/platform/permissions.ts';

const person = (userId: string, role: string) => ({
  user_id: userId,
  permissions: permissionsOfRole(role) ?? new Set<never>(),
});
const owners = { owner_user_ids: ['ann', 'bob'] };

test('an administrator manages every component', () => {
  expect(canManage(person('zoe', 'admin'), owners)).toBe(true);
});

test('a configurator manages the components that list the account, and no other', () => {
  expect(canManage(person('bob', 'configurator'), owners)).toBe(true);
  expect(canManage(person('eve', 'configurator'), owners)).toBe(false);
  expect(canManage(person('bob', 'configurator'), { owner_user_ids: [] })).toBe(false);
});

test('a student manages nothing, not even as a listed owner', () => {
  expect(canManage(person('ann', 'student'), owners)).toBe(false);
});

const entry: EntryDocument = {
  id: 'e',
  type: 'entry',
  schema_version: 1,
  comp_id: 'c',
  entry_id: 'e',
  flex_age_comp_id: 'c',
  entry_title: 'Leaves',
  instructions: 'Explain.',
  rubric_definition: { criteria: [{ text: 'secret', marks: 3 }] },
  rubric_visible: false,
  rubric_hash: 'h',
  created_by_user_id: 'ann',
  created_at: '2026-01-01T00:00:00.000Z',
  updated_at: '2026-01-01T00:00:00.000Z',
  deleted_at: null,
};

test('a student reads the rubric only where the entry shows it', () => {
  expect(entryForStudent(entry).rubric_definition).toEqual({});
  expect(entryForStudent({ ...entry, rubric_visible: true }).rubric_definition).toEqual(entry.rubric_definition);
  expect(entryForStudent(entry)).toMatchObject({ entry_title: 'Leaves', instructions: 'Explain.' });
});

const outcome = {
  outcome_id: 'o',
  submission_id: 's',
  outcome_data: {
    feedback_text: 'Good.',
    score: 7,
    llm_confidence: 0.5,
    points: 7,
    max_points: 10,
    criteria_scores: [{ criterion: 0, points: 7, max_points: 10, level: null, reason: 'r', evidence: [] }],
    review: [{ criterion: null, reason: 'look' }],
  },
  is_llm_generated: true,
  generated_at: '2026-01-01T00:00:00.000Z',
};

test('scores per criterion go to a student only where the rubric may go; the rest of the outcome always', () => {
  expect(outcomeForStudent(outcome, false)?.outcome_data.criteria_scores).toEqual([]);
  expect(outcomeForStudent(outcome, true)?.outcome_data.criteria_scores).toEqual(outcome.outcome_data.criteria_scores);
  expect(outcomeForStudent(outcome, false)).toMatchObject({
    outcome_id: 'o',
    is_llm_generated: true,
    outcome_data: { feedback_text: 'Good.', score: 7, points: 7, max_points: 10, llm_confidence: 0.5 },
  });
});

test('doubts of the machine and points that nobody confirmed never go to a student', () => {
  const scores = outcome.outcome_data.criteria_scores.map((score) => ({ ...score, points: 0, proposed_points: 7 }));
  const doubted = { ...outcome.outcome_data, criteria_scores: scores };
  const shown = outcomeForStudent({ ...outcome, outcome_data: doubted }, true);
  expect(JSON.stringify(shown)).not.toMatch(/review|proposed_points|look/);
});

test('where there is no outcome there is none for the student', () => {
  expect(outcomeForStudent(null, true)).toBeNull();
});

test('two answers have one hash exactly when title and content are the same, wherever the border lies between them', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), fc.string(), (a, b, c, d) => {
      const one = answerHash({ submission_title: a, content: b });
      const other = answerHash({ submission_title: c, content: d });
      expect(one === other).toBe(a === c && b === d);
    }),
  );
  expect(answerHash({ submission_title: 'ab', content: 'c' })).not.toBe(
    answerHash({ submission_title: 'a', content: 'bc' }),
  );
  expect(answerHash({ submission_title: 'a', content: 'b' })).toMatch(/^[0-9a-f]{64}$/);
});
