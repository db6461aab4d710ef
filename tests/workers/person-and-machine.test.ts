import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { VendorBehaviour } from '../adapters/llm/vendor-stub.ts';
import type { Person, WireOutcome, WireSubmission } from '../http/client.ts';
import { expectSettled, good, goodVerdict, ledgerOf, type ModelLab, models, startModelLab, until } from './fixture.ts';
import { readAsStudent } from './model-failures.ts';

function generate(staff: Person, submissionId: string, isForced = false) {
  return staff.post(`/api/configure/submissions/${submissionId}/generate_outcome?force_regenerate=${isForced}`);
}

describe('a person and the machine', () => {
  let lab: ModelLab;
  beforeAll(async () => {
    lab = await startModelLab('anthropic,openai');
  });
  afterAll(() => lab.close());

  async function graded() {
    lab.stub.script(() => good);
    const course = await lab.makeCourse();
    const { submission_id: id } = await lab.submit(course.student, course.entryId);
    const { outcome } = await lab.waitForOutcome(course.student, id);
    return { ...course, id, outcome };
  }

  async function presentOutcome(staff: Person, id: string): Promise<WireOutcome | null> {
    return (await staff.get(`/api/configure/submissions/${id}`)).json<WireSubmission>().outcome;
  }

  test.each([
    ['an outage', { kind: 'status', status: 500 }],
    ['an unusable answer', { kind: 'answer', text: 'no JSON' }],
    ['a refusal', { kind: 'answer', text: 'no', stop: 'refused' }],
  ] as [string, VendorBehaviour][])('regeneration during %s is 503 and changes nothing', async (_, behaviour) => {
    const { staff, id } = await graded();
    const before = await presentOutcome(staff, id);
    lab.stub.script(() => behaviour);
    const reply = await generate(staff, id, true);
    expect(reply.status).toBe(503);
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(before).not.toBeNull();
    expect(await presentOutcome(staff, id)).toEqual(before);
    expect((await ledgerOf(staff, id)).map((event) => event.event)).toEqual(['submitted', 'graded']);
  });

  test('the second provider grades while the first is down, and the ledger names it', async () => {
    lab.stub.script((call) => (call.vendor === 'anthropic' ? { kind: 'status', status: 529 } : good));
    const { staff, student, entryId } = await lab.makeCourse();
    const { submission_id: id } = await lab.submit(student, entryId);
    const { grading } = await lab.waitForOutcome(student, id);
    expect(grading.attempts).toBe(1);
    expect((await ledgerOf(staff, id))[1]).toMatchObject({ event: 'graded', provider: 'openai', model: models.openai });
  });

  test('an outcome is not replaced unless that is asked for; replaced, it stays in the ledger, whole', async () => {
    const { staff, student, id } = await graded();
    const before = await presentOutcome(staff, id);
    expect((await generate(staff, id)).refusal).toEqual([400, expect.stringContaining('already exists')]);
    lab.stub.script(() => ({ kind: 'answer', value: { ...goodVerdict, criteria: goodVerdict.criteria.slice(0, 1) } }));
    const reply = await generate(staff, id, true);
    expect(reply.status).toBe(200);
    expect(reply.json<WireOutcome>().outcome_data.score).toBe(4);
    const last = (await ledgerOf(staff, id)).at(-1);
    expect(last).toMatchObject({
      event: 'regenerated',
      actor: { kind: 'person', id: staff.id },
      score_before: 10,
      score_after: 4,
    });
    expect(last?.previous_outcome).toEqual(before);
    expect((await readAsStudent(student, id)).outcome?.outcome_data.score).toBe(4);
  });

  test('a machine that comes late does not overwrite what a person set meanwhile', async () => {
    const { staff, student, entryId } = await lab.makeCourse();
    const answer = Promise.withResolvers<VendorBehaviour>();
    const asked = lab.stub.calls.length;
    lab.stub.script(() => answer.promise);
    const { submission_id: id } = await lab.submit(student, entryId);
    await until('the model to be asked', async () => (lab.stub.calls.length > asked ? true : undefined));
    const outcome_data = { feedback_text: '<p>Mine.</p>', score: 3 };
    const set = await staff.put(`/api/v1/submissions/${id}/outcome`, { outcome_data, reason: 'I was faster' });
    expect(set.status).toBe(200);
    answer.resolve(good);
    await until('the job to end', async () =>
      lab.app.lines().filter((line) => line.operation === 'grade-submission').length === lab.handedIn.size
        ? true
        : undefined,
    );
    expect(await presentOutcome(staff, id)).toMatchObject({ is_llm_generated: false, outcome_data: { score: 3 } });
    expect((await ledgerOf(staff, id)).map((event) => event.event)).toEqual(['submitted', 'overridden']);
  });

  test('a regeneration that was asked for before a person decided does not overwrite the decision', async () => {
    const { staff, id, outcome } = await graded();
    const answer = Promise.withResolvers<VendorBehaviour>();
    const asked = lab.stub.calls.length;
    lab.stub.script(() => answer.promise);
    const regenerating = generate(staff, id, true);
    await until('the model to be asked', async () => (lab.stub.calls.length > asked ? true : undefined));
    const outcome_data = { feedback_text: '<p>Mine.</p>', score: 2 };
    expect((await staff.put(`/api/configure/outcomes/${outcome.outcome_id}`, { outcome_data })).status).toBe(200);
    answer.resolve(good);
    expect((await regenerating).status).toBe(409);
    expect(await presentOutcome(staff, id)).toMatchObject({ is_llm_generated: false, outcome_data: { score: 2 } });
    // Asked for once more, by someone who has seen it, the machine may.
    lab.stub.script(() => good);
    expect((await generate(staff, id, true)).status).toBe(200);
    const events = (await ledgerOf(staff, id)).map((event) => [event.event, event.score_before, event.score_after]);
    expect(events).toEqual([
      ['submitted', null, null],
      ['graded', null, 10],
      ['overridden', 10, 2],
      ['regenerated', 2, 10],
    ]);
  });

  test('afterwards everything is settled', async () => {
    await expectSettled(lab, lab.handedIn.size);
  });
});
