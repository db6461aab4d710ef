import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Person } from '../http/client.ts';
import { good, ledgerOf, type ModelLab, startModelLab, untilStatus } from './fixture.ts';
import { readAsStudent, testFailures, testSettled } from './model-failures.ts';

const hourMs = 3_600_000;

describe('with Anthropic', () => {
  let lab: ModelLab;
  let aheadMs = 0;
  beforeAll(async () => {
    lab = await startModelLab('anthropic', {
      settings: { LLM_TIMEOUT_S: '2', LLM_BUDGET_USER_DAY_MICRO_USD: '400000' },
      overrides: { clock: { now: () => Date.now() + aheadMs } },
    });
  });
  afterAll(() => lab.close());

  async function attention(person: Person) {
    const reply = await person.get('/api/v1/grading/attention');
    return reply.status === 200 ? reply.json<{ submission_id: string }[]>() : reply.status;
  }

  testFailures('anthropic', () => lab);

  test('a model that never answers usefully is given up for a person after five attempts', async () => {
    const { staff, student, entryId } = await lab.makeCourse();
    lab.stub.script(() => ({ kind: 'answer', text: 'no JSON' }));
    const { submission_id: id } = await lab.submit(student, entryId);
    const { grading, outcome } = await untilStatus(lab, id, 'needs_attention');
    expect(outcome).toBeNull();
    expect(grading).toMatchObject({ attempts: 5, last_error_code: 'llm_bad_output', next_attempt_at: null });
    const [, failed] = await ledgerOf(staff, id);
    expect(failed).toMatchObject({ event: 'grading_failed', reason: 'llm_bad_output: too_many_bad_outputs' });
  });

  test('a refusal goes to a person at once, who can decide, and only staff of the component are told', async () => {
    const { staff, student, entryId } = await lab.makeCourse();
    const stranger = await lab.makePerson('configurator');
    const before = lab.stub.calls.length;
    lab.stub.script(() => ({ kind: 'answer', text: 'I will not grade this.', stop: 'refused' }));
    const { submission_id: id } = await lab.submit(student, entryId);
    await untilStatus(lab, id, 'needs_attention');
    expect(lab.stub.calls.length).toBe(before + 1);
    expect((await readAsStudent(student, id)).outcome).toBeNull();
    expect(await attention(staff)).toMatchObject([
      { submission_id: id, grading: { status: 'needs_attention', attempts: 1, last_error_code: 'llm_refused' } },
    ]);
    expect(await attention(stranger)).toEqual([]);
    expect(await attention(lab.root)).toContainEqual(expect.objectContaining({ submission_id: id }));
    expect(await attention(student)).toBe(403);

    const outcome_data = { feedback_text: '<p>Read by a person.</p>', score: 7 };
    const reply = await staff.put(`/api/v1/submissions/${id}/outcome`, { outcome_data, reason: 'by hand' });
    expect(reply.status).toBe(200);
    expect(await attention(staff)).toEqual([]);
    expect((await readAsStudent(student, id)).outcome?.outcome_data.score).toBe(7);
  });

  test('work that could not be graded for a day is given to a person, not graded with 0', async () => {
    const { staff, student, entryId } = await lab.makeCourse();
    lab.stub.script(() => ({ kind: 'status', status: 500 }));
    const { submission_id: id } = await lab.submit(student, entryId);
    await untilStatus(lab, id, 'retrying');
    aheadMs = 25 * hourMs;
    const { grading, outcome } = await untilStatus(lab, id, 'needs_attention');
    aheadMs = 0;
    expect(outcome).toBeNull();
    expect(grading).toMatchObject({ last_error_code: 'llm_unavailable', next_attempt_at: null });
    expect(await attention(staff)).toMatchObject([{ submission_id: id }]);
    expect((await ledgerOf(staff, id)).at(-1)).toMatchObject({
      event: 'grading_failed',
      reason: 'llm_unavailable: too_old',
      actor: { kind: 'system', id: 'grading' },
    });
    // The model is back: staff can have it graded after all.
    lab.stub.script(() => good);
    expect((await staff.post(`/api/configure/submissions/${id}/generate_outcome`)).status).toBe(200);
    const events = (await ledgerOf(staff, id)).map((event) => event.event);
    expect(events).toEqual(['submitted', 'grading_failed', 'graded']);
    expect(await attention(staff)).toEqual([]);
  });

  test('work beyond the budget waits for the next day, and no model is asked', async () => {
    const { student, staff, compId, entryId } = await lab.makeCourse();
    const second = await lab.makeEntry(staff, compId);
    // 12,000 tokens cost 180,000 of the student's 400,000 micro-USD; another call may cost 240,000.
    lab.stub.script(() => ({ ...good, usage: { input: 0, output: 12_000 } }));
    await lab.waitForOutcome(student, (await lab.submit(student, entryId)).submission_id);
    const before = lab.stub.calls.length;
    const { submission_id: id } = await lab.submit(student, second.entry_id);
    const { grading, outcome } = await untilStatus(lab, id, 'retrying');
    expect(outcome).toBeNull();
    expect(grading.last_error_code).toBe('llm_budget_exceeded');
    const tomorrow = new Date(Date.now() + 24 * hourMs).toISOString().slice(0, 10);
    expect(grading.next_attempt_at?.slice(0, 10)).toBe(tomorrow);
    expect(lab.stub.calls.length).toBe(before);
    // Nobody needs to wait for it: a person may decide today.
    const outcome_data = { feedback_text: '<p>Read by a person.</p>', score: 6 };
    expect((await staff.put(`/api/v1/submissions/${id}/outcome`, { outcome_data })).status).toBe(200);
  });

  testSettled(() => lab);
});
