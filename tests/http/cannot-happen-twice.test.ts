import { afterAll, beforeAll, expect, test } from 'vitest';
import { startVendorStub, type VendorStub } from '../adapters/llm/vendor-stub.ts';
import { goodAnswer, type Lab, startLab, type WireEntry, type WireLedgerEvent, type WireSubmission } from './client.ts';

// The model is a local stand-in of a vendor that answers only when the test lets it, so that grading takes as long as needed.
let vendor: VendorStub;
let release: () => void;
let lab: Lab;
beforeAll(async () => {
  vendor = await startVendorStub();
  lab = await startLab({ settings: { OPENAI_API_KEY: 'key-of-a-test', OPENAI_BASE_URL: vendor.openaiBaseUrl } });
});
afterAll(async () => {
  await lab.close();
  await vendor.close();
});

const verdict = {
  criteria: [0, 1].map((criterion) => ({
    criterion,
    level: 1,
    points: 3,
    reason: 'It is there.',
    quotes: ['Chlorophyll absorbs the light'],
  })),
  feedback: 'Good.',
  confidence: 0.9,
};

function hold(): void {
  const { promise, resolve } = Promise.withResolvers<void>();
  release = resolve;
  vendor.script(async () => {
    await promise;
    return { kind: 'answer', value: verdict };
  });
}

test('six identical submits, at once and one after the other, are one submission and one grading', async () => {
  hold();
  const { staff, student, entryId } = await lab.makeCourse();
  const before = vendor.calls.length;
  const submits = await Promise.all(Array.from({ length: 6 }, () => lab.submit(student, entryId)));
  await expect.poll(() => vendor.calls.length, { timeout: 10_000 }).toBe(before + 1);
  for (let i = 0; i < 6; i += 1) submits.push(await lab.submit(student, entryId));
  const ids = new Set(submits.map((submission) => submission.submission_id));
  expect(ids.size).toBe(1);
  const entry = (await student.get(`/api/student/entries/${entryId}`)).json<WireEntry>();
  expect(entry.student_state?.status).toBe('submitted_processing');

  release();
  const [id = ''] = ids;
  await lab.waitForOutcome(student, id);
  expect((await student.get('/api/student/submissions')).json()).toHaveLength(1);
  const ledger = (await staff.get(`/api/v1/submissions/${id}/ledger`)).json<WireLedgerEvent[]>();
  expect(ledger.map((event) => event.event)).toEqual(['submitted', 'graded']);
  expect(vendor.calls.length).toBe(before + 1);
});

test('the same words under another title, or with one letter changed, are another answer', async () => {
  hold();
  const { student, entryId } = await lab.makeCourse();
  const path = `/api/student/entries/${entryId}/submit`;
  const send = async (submission_title: string, content: string) =>
    (await student.post(path, { submission_title, content })).json<WireSubmission>().submission_id;
  const ids = [await send('a', goodAnswer), await send('b', goodAnswer), await send('b', `${goodAnswer}!`)];
  expect(new Set(ids).size).toBe(3);
  release();
  for (const id of ids) await lab.waitForOutcome(student, id);
});

test('two students with the same answer are graded apart', async () => {
  hold();
  const { staff, student, compId, entryId } = await lab.makeCourse();
  const other = await lab.makePerson('student');
  await lab.enrol(staff, other, compId);
  const before = vendor.calls.length;
  const [first, second] = [await lab.submit(student, entryId), await lab.submit(other, entryId)];
  expect(first.submission_id).not.toBe(second.submission_id);
  release();
  await lab.waitForOutcome(student, first.submission_id);
  await lab.waitForOutcome(other, second.submission_id);
  expect(vendor.calls.length).toBe(before + 2);
});

test('while the machine grades, a person can decide, and the machine does not overrule it', async () => {
  hold();
  const { staff, student, entryId } = await lab.makeCourse();
  const before = vendor.calls.length;
  const { submission_id } = await lab.submit(student, entryId);
  await expect.poll(() => vendor.calls.length, { timeout: 10_000 }).toBe(before + 1);
  const json = { outcome_data: { feedback_text: '<p>By me.</p>', score: 9 } };
  expect((await staff.put(`/api/v1/submissions/${submission_id}/outcome`, json)).status).toBe(200);
  const jobs = () =>
    lab.app.lines().filter((line) => line.event === 'job' && line.operation === 'grade-submission').length;
  const done = jobs();
  release();
  await expect.poll(jobs, { timeout: 10_000 }).toBeGreaterThan(done);
  const { outcome } = await lab.waitForOutcome(student, submission_id);
  expect(outcome).toMatchObject({ is_llm_generated: false, outcome_data: { score: 9 } });
});
