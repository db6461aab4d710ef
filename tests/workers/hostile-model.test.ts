import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { expectSettled, good, goodVerdict, type ModelLab, startModelLab, untilStatus } from './fixture.ts';

describe('a hostile model', () => {
  const Outcome = z.object({
    feedback_text: z.string().max(20_000),
    score: z.number().min(0).max(10),
    llm_confidence: z.number().min(0).max(1),
    points: z.number().min(0).max(10),
    max_points: z.literal(10),
    criteria_scores: z
      .array(z.object({ points: z.number().min(0).max(6), reason: z.string().max(2_000) }).loose())
      .length(2),
    review: z.array(z.object({ reason: z.string() }).loose()).min(1),
  });
  const criterion = (fields: object) => ({ ...goodVerdict.criteria[0], ...fields });
  const script = '<script>alert(1)</script><img src=x onerror=alert(2)><a href="javascript:alert(3)">x</a>';
  const hostile: Record<string, { verdict: object; score: number }> = {
    'points far above the marks': {
      verdict: { ...goodVerdict, criteria: goodVerdict.criteria.map((one) => ({ ...one, points: 1e308 })), score: 1e9 },
      score: 10,
    },
    'negative points': {
      verdict: { ...goodVerdict, criteria: goodVerdict.criteria.map((one) => ({ ...one, points: -50 })) },
      score: 0,
    },
    'invented quotations': {
      verdict: { ...goodVerdict, criteria: goodVerdict.criteria.map((one) => ({ ...one, quotes: ['never written'] })) },
      score: 0,
    },
    'a hundred criteria, and more of them than the rubric has': {
      verdict: { ...goodVerdict, criteria: Array.from({ length: 100 }, (_, index) => criterion({ criterion: index })) },
      score: 4 + 6 * (4 / 6),
    },
    'script in feedback and reasons': {
      verdict: {
        ...goodVerdict,
        feedback: script,
        criteria: goodVerdict.criteria.map((one) => ({ ...one, reason: script, level: 99 })),
      },
      score: 10,
    },
    'endless texts': {
      verdict: {
        feedback: 'word '.repeat(50_000),
        confidence: 1e9,
        criteria: goodVerdict.criteria.map((one) => ({ ...one, level: 7, reason: 'x'.repeat(100_000) })),
      },
      score: 10,
    },
  };
  let lab: ModelLab;
  beforeAll(async () => {
    lab = await startModelLab('anthropic');
  });
  afterAll(() => lab.close());

  test.each(Object.entries(hostile))(
    '%s: bounded, sanitised, flagged for staff only',
    async (_, { verdict, score }) => {
      lab.stub.script(() => ({
        kind: 'answer',
        text: typeof verdict === 'string' ? verdict : JSON.stringify(verdict),
      }));
      const { staff, student, entryId } = await lab.makeCourse();
      const { submission_id: id } = await lab.submit(student, entryId);
      await lab.waitForOutcome(student, id);
      const read = (await staff.get(`/api/configure/submissions/${id}`)).text;
      const data = Outcome.parse(JSON.parse(read).outcome.outcome_data);
      expect(data.score).toBeCloseTo(score, 5);
      expect(data.feedback_text).not.toMatch(/<script|onerror|javascript:/i);

      // What the student gets names none of the machine's doubts.
      const shown = [
        await student.get(`/api/student/submissions/${id}`),
        await student.get(`/api/student/entries/${entryId}`),
        await student.get(`/api/student/entries/${entryId}/submissions`),
        await student.get('/api/student/submissions'),
      ];
      for (const reply of shown) {
        expect(reply.status).toBe(200);
        expect(reply.text).toContain(id);
        expect(reply.text).not.toMatch(/"review"|proposed_points|provider|prompt_version|raw/);
      }
      expect((await student.get(`/api/v1/submissions/${id}/ledger`)).status).toBe(403);
    },
  );

  test('points without an end are no points: the answer counts as unusable', async () => {
    // JSON has no Infinity, but a number that is too large to hold is read as one.
    const text = JSON.stringify(goodVerdict).replace('"points":4', '"points":1e999');
    lab.stub.script(() => ({ kind: 'answer', text }));
    const { student, entryId } = await lab.makeCourse();
    const { submission_id: id } = await lab.submit(student, entryId);
    const { outcome, grading } = await untilStatus(lab, id, 'retrying');
    expect([outcome, grading.last_error_code]).toEqual([null, 'llm_bad_output']);
    lab.stub.script(() => good);
    await untilStatus(lab, id, 'done');
  });

  test('afterwards everything is settled', async () => {
    await expectSettled(lab, lab.handedIn.size);
  });
});
