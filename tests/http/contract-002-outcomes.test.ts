import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Lab,
  type Person,
  rubric,
  startLab,
  type WireLedgerEvent,
  type WireOutcome,
  type WireState,
  type WireSubmission,
} from './client.ts';

const submissionFields = [
  'content',
  'entry_id',
  'outcome',
  'student_name',
  'student_user_id',
  'submission_id',
  'submission_title',
  'submitted_at',
];
const outcomeFields = ['generated_at', 'is_llm_generated', 'outcome_data', 'outcome_id', 'submission_id'];
const byPerson = {
  outcome_data: { feedback_text: '<p>Well done.</p>', score: 9.5, llm_confidence: 0.9 },
  is_llm_generated: false,
};

let lab: Lab;

beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab.close());

async function graded() {
  const course = await lab.makeCourse();
  const { submission_id } = await lab.submit(course.student, course.entryId);
  const submission = await lab.waitForOutcome(course.student, submission_id);
  return { ...course, id: submission_id, outcome: submission.outcome };
}

/** Staff of a component that has a submission without an outcome that nobody grades any more. */
async function ungraded() {
  const course = await graded();
  await lab
    .container('coursework')
    .item(`result:${course.id}`, [course.compId, course.student.id])
    .patch([
      { op: 'set', path: '/outcome', value: null },
      { op: 'set', path: '/status', value: 'needs_attention' },
      { op: 'set', path: '/grading/status', value: 'needs_attention' },
    ]);
  return course;
}

const stateOf = async (staff: Person, entryId: string) =>
  (await staff.get(`/api/configure/entries/${entryId}/student_states`)).json<WireState[]>()[0]?.status;

describe('reading submissions', () => {
  test('one submission has all its fields and its outcome', async () => {
    const { staff, student, entryId, id } = await graded();
    const reply = await staff.get(`/api/configure/submissions/${id}`);
    expect(reply.status).toBe(200);
    const submission = reply.json<WireSubmission>();
    expect(Object.keys(submission)).toEqual(expect.arrayContaining(submissionFields));
    expect(submission).toMatchObject({
      submission_id: id,
      entry_id: entryId,
      student_user_id: student.id,
      student_name: 'Ann Example',
    });
    expect(Object.keys(submission.outcome ?? {}).sort()).toEqual(outcomeFields);
    expect(submission.outcome).toMatchObject({ submission_id: id, is_llm_generated: true });
  });

  test('the outcome has what the pages read, as numbers and texts', async () => {
    const { outcome } = await graded();
    const { score, llm_confidence, feedback_text, criteria_scores, points, max_points } = outcome.outcome_data;
    expect(score).toBeGreaterThan(0);
    expect(score).toBeLessThanOrEqual(10);
    expect(llm_confidence).toBeGreaterThanOrEqual(0);
    expect(llm_confidence).toBeLessThanOrEqual(1);
    expect(feedback_text.length).toBeGreaterThan(0);
    expect(max_points).toBe(rubric.criteria.reduce((sum, criterion) => sum + criterion.marks, 0));
    expect(points).toBeLessThanOrEqual(max_points);
    expect(Array.isArray(criteria_scores)).toBe(true);
    expect(JSON.stringify(outcome)).not.toContain('llm_raw_response');
  });

  test('the list takes each filter alone and all together, newest first', async () => {
    const { staff, student, entryId, compId, id } = await graded();
    const other = await lab.makePerson('student');
    await lab.enrol(staff, other, compId);
    const second = await lab.submit(other, entryId);
    const elsewhere = await lab.makeEntry(staff, compId);
    const third = await lab.submit(student, elsewhere.entry_id);
    const list = async (query: string) =>
      (await staff.get(`/api/configure/submissions/${query}`)).json<WireSubmission[]>().map((one) => one.submission_id);
    expect(await list('')).toEqual([third.submission_id, second.submission_id, id]);
    expect(await list(`?entry_id=${entryId}`)).toEqual([second.submission_id, id]);
    expect(await list(`?student_user_id=${student.id}`)).toEqual([third.submission_id, id]);
    expect(await list(`?entry_id=${entryId}&student_user_id=${student.id}`)).toEqual([id]);
    expect(await list(`?student_user_id=${randomUUID()}`)).toEqual([]);
    expect(await list('?skip=1&limit=1')).toEqual([second.submission_id]);
    const names = (await staff.get('/api/configure/submissions/')).json<WireSubmission[]>();
    expect(names.map((one) => one.student_name)).toEqual(['Ann Example', other.username, 'Ann Example']);
    expect(names[2]?.outcome?.submission_id).toBe(id);
  });

  test('what does not exist is a 404 with the text of the page', async () => {
    const staff = await lab.makePerson('configurator');
    expect((await staff.get(`/api/configure/submissions/${randomUUID()}`)).refusal).toEqual([
      404,
      'Submission not found',
    ]);
    expect((await staff.get(`/api/configure/outcomes/${randomUUID()}`)).refusal).toEqual([404, 'Outcome not found']);
    const put = await staff.put(`/api/configure/outcomes/${randomUUID()}`, byPerson);
    expect(put.refusal).toEqual([404, 'Outcome not found']);
  });
});

describe.each(['generate_outcome', 'generate-outcome', 'grade'])('POST .../%s', (name) => {
  test('grades at once where there is no outcome', async () => {
    const { staff, student, entryId, id, outcome } = await ungraded();
    const reply = await staff.post(`/api/configure/submissions/${id}/${name}`);
    expect(reply.status).toBe(200);
    expect(Object.keys(reply.json()).sort()).toEqual(outcomeFields);
    const made = reply.json<WireOutcome>();
    expect(made.outcome_data.score).toBe(outcome.outcome_data.score);
    expect((await staff.get(`/api/configure/outcomes/${made.outcome_id}`)).json()).toEqual(made);
    const seen = await student.get(`/api/student/submissions/${id}`);
    expect(seen.json<WireSubmission>().outcome?.outcome_id).toBe(made.outcome_id);
    expect(await stateOf(staff, entryId)).toBe('outcome_available');
  });

  test('refuses where there is an outcome, and says how to replace it', async () => {
    const { staff, id, outcome } = await graded();
    const reply = await staff.post(`/api/configure/submissions/${id}/${name}`);
    expect(reply.status).toBe(400);
    expect(String(reply.detail)).toMatch(/^Outcome already exists.*force_regenerate=true/);
    const read = await staff.get(`/api/configure/submissions/${id}`);
    expect(read.json<WireSubmission>().outcome?.outcome_id).toBe(outcome.outcome_id);
  });

  test('replaces the outcome when forced, and the old one is only in the ledger', async () => {
    const { staff, entryId, id, outcome } = await graded();
    const reply = await staff.post(`/api/configure/submissions/${id}/${name}?force_regenerate=true`);
    expect(reply.status).toBe(200);
    const made = reply.json<WireOutcome>();
    expect(made.outcome_id).not.toBe(outcome.outcome_id);
    expect((await staff.get(`/api/configure/outcomes/${outcome.outcome_id}`)).refusal).toEqual([
      404,
      'Outcome not found',
    ]);
    expect((await staff.get(`/api/configure/outcomes/${made.outcome_id}`)).status).toBe(200);
    const ledger = (await staff.get(`/api/v1/submissions/${id}/ledger`)).json<WireLedgerEvent[]>();
    expect(ledger.map((event) => event.event)).toEqual(['submitted', 'graded', 'regenerated']);
    expect(ledger[2]?.actor).toEqual({ kind: 'person', id: staff.id });
    expect(ledger[2]?.previous_outcome?.outcome_id).toBe(outcome.outcome_id);
    expect(await stateOf(staff, entryId)).toBe('outcome_available');
  });

  test('of a submission that does not exist is a 404', async () => {
    const staff = await lab.makePerson('configurator');
    const reply = await staff.post(`/api/configure/submissions/${randomUUID()}/${name}?force_regenerate=true`);
    expect(reply.refusal).toEqual([404, 'Submission not found']);
  });
});

describe('PUT /api/configure/outcomes/{outcome_id}', () => {
  test("stores the whole outcome of the page as a person's, with a new date", async () => {
    const { staff, student, entryId, id, outcome } = await graded();
    const merged = { ...outcome.outcome_data, feedback_text: '<p>Better than that.</p>', score: 9 };
    const before = await stateOf(staff, entryId);
    const reply = await staff.put(`/api/configure/outcomes/${outcome.outcome_id}`, {
      outcome_data: merged,
      is_llm_generated: false,
    });
    expect(reply.status).toBe(200);
    const made = reply.json<WireOutcome>();
    expect(made).toMatchObject({ outcome_id: outcome.outcome_id, submission_id: id, is_llm_generated: false });
    expect(made.outcome_data).toMatchObject({ feedback_text: '<p>Better than that.</p>', score: 9 });
    expect(made.generated_at > outcome.generated_at).toBe(true);
    const seen = (await student.get(`/api/student/submissions/${id}`)).json<WireSubmission>();
    expect(seen.outcome?.outcome_data.score).toBe(9);
    expect(await stateOf(staff, entryId)).toBe(before);
  });

  test('nothing of the old outcome is merged in', async () => {
    const { staff, outcome } = await graded();
    const reply = await staff.put(`/api/configure/outcomes/${outcome.outcome_id}`, byPerson);
    expect(reply.json<WireOutcome>().outcome_data.criteria_scores).toEqual([]);
    expect((await staff.get(`/api/configure/outcomes/${outcome.outcome_id}`)).json()).toEqual(reply.json());
  });

  test('who, when, why and what was before are in the ledger', async () => {
    const { staff, id, outcome } = await graded();
    await staff.put(`/api/configure/outcomes/${outcome.outcome_id}`, {
      ...byPerson,
      reason: 'The model missed a point.',
    });
    const ledger = (await staff.get(`/api/v1/submissions/${id}/ledger`)).json<WireLedgerEvent[]>();
    expect(ledger.map((event) => [event.seq, event.event])).toEqual([
      [1, 'submitted'],
      [2, 'graded'],
      [3, 'overridden'],
    ]);
    expect(ledger[2]).toMatchObject({
      actor: { kind: 'person', id: staff.id },
      reason: 'The model missed a point.',
      score_before: outcome.outcome_data.score,
      score_after: 9.5,
      previous_outcome: { outcome_id: outcome.outcome_id, outcome_data: { score: outcome.outcome_data.score } },
    });
  });

  test('a confidence in per cent is stored as a share', async () => {
    const { staff, outcome } = await graded();
    const json = { outcome_data: { feedback_text: 'x', score: 1, llm_confidence: 85 } };
    const reply = await staff.put(`/api/configure/outcomes/${outcome.outcome_id}`, json);
    expect(reply.json<WireOutcome>().outcome_data.llm_confidence).toBe(0.85);
  });

  test.each([
    ['no outcome', {}],
    ['no score', { outcome_data: { feedback_text: 'x' } }],
    ['a score of null', { outcome_data: { feedback_text: 'x', score: null } }],
    ['a score that is a text', { outcome_data: { feedback_text: 'x', score: '9' } }],
    ['a score above 10', { outcome_data: { feedback_text: 'x', score: 10.5 } }],
    ['a score below 0', { outcome_data: { feedback_text: 'x', score: -1 } }],
    ['no feedback', { outcome_data: { score: 5 } }],
    ['feedback of null', { outcome_data: { feedback_text: null, score: 5 } }],
    ['feedback that is too long', { outcome_data: { feedback_text: 'x'.repeat(20_001), score: 5 } }],
  ])('%s is a 422 and changes nothing', async (_what, json) => {
    const { staff, outcome } = await shared();
    const path = `/api/configure/outcomes/${outcome.outcome_id}`;
    expect((await staff.put(path, json)).status).toBe(422);
    expect((await staff.get(path)).json<WireOutcome>().is_llm_generated).toBe(true);
  });
});

test('PUT /api/v1/submissions/{id}/outcome grades by hand where the machine has no outcome', async () => {
  const { staff, student, entryId, id } = await ungraded();
  const reply = await staff.put(`/api/v1/submissions/${id}/outcome`, byPerson);
  expect(reply.status).toBe(200);
  expect(reply.json<WireOutcome>()).toMatchObject({ submission_id: id, is_llm_generated: false });
  const seen = (await student.get(`/api/student/submissions/${id}`)).json<WireSubmission>();
  expect(seen).toMatchObject({ grading: { status: 'done' }, outcome: { outcome_data: { score: 9.5 } } });
  expect(await stateOf(staff, entryId)).toBe('outcome_available');
});

let sharedCourse: ReturnType<typeof graded> | undefined;
/** One graded submission for the tests that change nothing. */
function shared(): ReturnType<typeof graded> {
  sharedCourse ??= graded();
  return sharedCourse;
}
