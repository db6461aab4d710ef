import fc from 'fast-check';
import { expect, test } from 'vitest';
import { completeOutcome, PersonOutcomeData } from '../../shared/grading/person-rules.ts';
import { gradingLimits, OutcomeData } from '../../shared/grading/schemas.ts';

const least = { feedback_text: 'Well argued.', score: 8 };

test('score and feedback are enough: the points are then the score, out of 10', () => {
  expect(completeOutcome(PersonOutcomeData.parse(least))).toEqual({
    ...least,
    llm_confidence: 1,
    points: 8,
    max_points: 10,
    criteria_scores: [],
    review: [],
  });
});

test('what a person gives is taken over, and the doubts of the machine are settled', () => {
  const criteria_scores = [{ criterion: 0, points: 3, max_points: 4, level: 1, reason: 'ok', evidence: [] }];
  const given = { ...least, points: 3, max_points: 4, criteria_scores, llm_confidence: 0.25 };
  const review = [{ criterion: 0, reason: 'look' }];
  expect(completeOutcome(PersonOutcomeData.parse({ ...given, review }))).toEqual({ ...given, review: [] });
});

test('a confidence above 1 is a percentage', () => {
  expect(completeOutcome({ ...least, llm_confidence: 85 }).llm_confidence).toBe(0.85);
});

test('a score outside 0 to 10, negative points and too long a feedback are refused', () => {
  for (const wrong of [
    { score: -0.1 },
    { score: 10.1 },
    { score: Number.NaN },
    { points: -1 },
    { max_points: -1 },
    { llm_confidence: -1 },
    { llm_confidence: 101 },
    { feedback_text: 'x'.repeat(gradingLimits.feedbackCharacters + 1) },
    { feedback_text: null },
  ]) {
    expect(PersonOutcomeData.safeParse({ ...least, ...wrong }).success, JSON.stringify(wrong)).toBe(false);
  }
});

test('lists are bounded, and unknown fields are dropped', () => {
  const score = { criterion: 0, points: 0, max_points: 1, level: null, reason: '', evidence: [] };
  const flags = Array.from({ length: gradingLimits.reviewFlags + 1 }, () => ({ criterion: null, reason: 'r' }));
  const scores = Array.from({ length: gradingLimits.criteria + 1 }, () => score);
  expect(PersonOutcomeData.safeParse({ ...least, criteria_scores: scores }).success).toBe(false);
  expect(PersonOutcomeData.safeParse({ ...least, review: flags }).success).toBe(false);
  expect(PersonOutcomeData.parse({ ...least, llm_raw_response: 'secret' })).toEqual(least);
});

test('whatever passes the check can be stored as an outcome', () => {
  const number = fc.double({ min: 0, max: 10, noNaN: true });
  fc.assert(
    fc.property(
      fc.string(),
      number,
      fc.option(fc.double({ min: 0, max: 100, noNaN: true })),
      (text, score, confidence) => {
        const input = { feedback_text: text, score, ...(confidence === null ? {} : { llm_confidence: confidence }) };
        expect(OutcomeData.safeParse(completeOutcome(PersonOutcomeData.parse(input))).success).toBe(true);
      },
    ),
  );
});
