import { expect, test } from 'vitest';
import { rubricHash } from '../../shared/grading/engine.ts';
import { gradingPromptVersion } from '../../shared/grading/prompts/grading-v1.ts';
import type { VendorBehaviour } from '../adapters/llm/vendor-stub.ts';
import { goodAnswer, type Person, rubric, type WireSubmission } from '../http/client.ts';
import { expectSettled, good, goodVerdict, ledgerOf, type ModelLab, models, untilStatus } from './fixture.ts';

export async function readAsStudent(student: Person, submissionId: string) {
  const reply = await student.get(`/api/student/submissions/${submissionId}`);
  expect(reply.status).toBe(200);
  return reply.json<WireSubmission & { grading: { last_error_code: string | null; next_attempt_at: string | null } }>();
}

/** How a model can fail, and what is said about it. Each passes by itself, so none is a reason to ask a person yet. */
const failures: Record<string, { behaviour: VendorBehaviour; code: string }> = {
  'an error of the server': { behaviour: { kind: 'status', status: 500 }, code: 'llm_unavailable' },
  'no answer in time': { behaviour: { kind: 'hang' }, code: 'llm_timeout' },
  'a connection that is cut': { behaviour: { kind: 'cut' }, code: 'llm_unavailable' },
  'a page instead of an answer': {
    behaviour: { kind: 'garbage', contentType: 'text/html', body: '<h1>Bad gateway</h1>' },
    code: 'llm_unavailable',
  },
  'text instead of JSON': {
    behaviour: { kind: 'answer', text: 'I would give 10 out of 10.' },
    code: 'llm_bad_output',
  },
  'JSON of another form': { behaviour: { kind: 'answer', value: { score: 10 } }, code: 'llm_bad_output' },
  'an answer that is cut off': {
    behaviour: { kind: 'answer', value: goodVerdict, stop: 'truncated' },
    code: 'llm_truncated',
  },
  'a limit of the rate': {
    behaviour: { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
    code: 'llm_rate_limited',
  },
  'a key that is not right': { behaviour: { kind: 'status', status: 401 }, code: 'llm_not_configured' },
};

/** What holds for every vendor, whichever way its model fails. */
export function testFailures(provider: 'anthropic' | 'openai', lab: () => ModelLab): void {
  test('an outcome says which model gave it for which rubric, with which prompt and at what cost', async () => {
    lab().stub.script(() => ({ ...good, usage: { input: 2000, output: 500 } }) as VendorBehaviour);
    const { staff, student, entryId } = await lab().makeCourse();
    const { submission_id: id } = await lab().submit(student, entryId);
    const { outcome, grading } = await lab().waitForOutcome(student, id);
    expect(outcome.outcome_data).toMatchObject({ score: 10, points: 10, max_points: 10, llm_confidence: 0.9 });
    expect(grading).toEqual({ status: 'done', attempts: 1, next_attempt_at: null, last_error_code: null });
    const text = goodAnswer.replace(/<\/?p>/g, '');
    for (const { evidence } of outcome.outcome_data.criteria_scores) {
      expect(evidence).toHaveLength(1);
      for (const { start, end, quote } of evidence) expect(text.slice(start, end)).toBe(quote);
    }
    const ledger = await ledgerOf(staff, id);
    expect(ledger.map((event) => event.event)).toEqual(['submitted', 'graded']);
    const model = models[provider];
    expect(ledger[1]).toMatchObject({
      actor: { kind: 'model', id: model },
      provider,
      model,
      outcome_id: outcome.outcome_id,
      score_before: null,
      score_after: 10,
      prompt_version: gradingPromptVersion,
      rubric_hash: rubricHash(rubric),
      input_tokens: 2000,
      output_tokens: 500,
      // In micro-USD: 2,000 x 3 + 500 x 15, and 2,000 x 0.25 + 500 x 2.
      cost_micro_usd: provider === 'anthropic' ? 13_500 : 1_500,
      previous_outcome: null,
    });
    lab().stub.script(() => good);
  });

  test.each(Object.entries(failures))(
    '%s is no grade: the work is tried again until it is graded',
    async (_, { behaviour, code }) => {
      const { staff, student, entryId } = await lab().makeCourse();
      lab().stub.script(() => behaviour);
      const { submission_id: id } = await lab().submit(student, entryId);
      await untilStatus(lab(), id, 'retrying');
      const waiting = await readAsStudent(student, id);
      expect(waiting.outcome).toBeNull();
      expect(waiting.grading.status).toMatch(/^(retrying|running)$/);
      expect(waiting.grading.last_error_code).toBe(code);
      expect((await ledgerOf(staff, id)).map((event) => event.event)).toEqual(['submitted']);
      lab().stub.script(() => good);
      const { outcome, grading } = await lab().waitForOutcome(student, id);
      expect(outcome.outcome_data.score).toBe(10);
      expect(grading.attempts).toBeGreaterThan(1);
      expect((await ledgerOf(staff, id)).map((event) => event.event)).toEqual(['submitted', 'graded']);
    },
  );

  test('the time of the next attempt is told, and is not before what the provider asked for', async () => {
    const { student, entryId } = await lab().makeCourse();
    lab().stub.script(() => ({ kind: 'status', status: 429, headers: { 'retry-after': '3' } }));
    const { submission_id: id } = await lab().submit(student, entryId);
    const asked = Date.now();
    const { grading } = await untilStatus(lab(), id, 'retrying');
    const waitMs = Date.parse(grading.next_attempt_at ?? '') - asked;
    expect(waitMs).toBeGreaterThan(2_000);
    expect(waitMs).toBeLessThan(6_000);
    const calls = lab().stub.calls.length;
    lab().stub.script(() => good);
    const graded = await lab().waitForOutcome(student, id);
    expect(graded.grading.attempts).toBe(2);
    expect(lab().stub.calls.length).toBe(calls + 1);
  });

  test('what was spent on failed attempts is on the bill of the grading that succeeds', async () => {
    const { staff, student, entryId } = await lab().makeCourse();
    lab().stub.script(() => ({ kind: 'answer', text: 'no JSON', usage: { input: 1000, output: 100 } }));
    const { submission_id: id } = await lab().submit(student, entryId);
    await untilStatus(lab(), id, 'retrying');
    const before = lab().stub.calls.length;
    lab().stub.script(() => ({ ...good, usage: { input: 1000, output: 100 } }) as VendorBehaviour);
    await lab().waitForOutcome(student, id);
    const [, graded] = await ledgerOf(staff, id);
    // Two calls of the first attempt, the question and its repair, and those after it.
    const calls = lab().stub.calls.length - before + 2;
    expect(graded?.input_tokens).toBe(1000 * calls);
  });
}

/** The end of a file: whatever happened before, nothing is left over. */
export function testSettled(lab: () => ModelLab): void {
  test('afterwards everything is settled, and nothing is among the dead letters', async () => {
    const settled = await expectSettled(lab(), lab().handedIn.size);
    for (const { result } of settled) expect(result.outcome?.outcome_data.score).not.toBe(0);
    expect((await lab().root.get('/api/v1/admin/dead-letters')).json()).toEqual([]);
  });
}
