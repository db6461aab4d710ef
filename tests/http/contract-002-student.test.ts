import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  goodAnswer,
  type Lab,
  rubric,
  startLab,
  type WireComponent,
  type WireEntry,
  type WireSubmission,
} from './client.ts';

const base = '/api/student';
const notEnrolled = [403, 'Not enrolled in this FlexAGEComp'];

let lab: Lab;

beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab.close());

describe('what a student sees', () => {
  test('only the components of the own enrolments, oldest first, with skip and limit', async () => {
    const { staff, student, compId } = await lab.makeCourse();
    await lab.makeComponent(staff, { comp_name: 'Not enrolled' });
    const second = await lab.makeComponent(staff, { comp_name: 'Also enrolled' });
    await lab.enrol(staff, student, second.comp_id);
    const list = async (query = '') =>
      (await student.get(`${base}/flexagecomps${query}`)).json<WireComponent[]>().map((component) => component.comp_id);
    expect(await list()).toEqual([compId, second.comp_id]);
    expect(await list('?skip=1&limit=1')).toEqual([second.comp_id]);
    const shown = (await student.get(`${base}/flexagecomps`)).json<Record<string, unknown>[]>()[0];
    const fields = ['comp_id', 'comp_name', 'created_at', 'general_instructions', 'updated_at'];
    expect(Object.keys(shown ?? {}).sort()).toEqual(fields);
  });

  test('a changed component is shown changed soon after', async () => {
    const { staff, student, compId } = await lab.makeCourse();
    await staff.put(`/api/configure/flexagecomps/${compId}`, { comp_name: 'Renamed' });
    const name = async () => (await student.get(`${base}/flexagecomps`)).json<WireComponent[]>()[0]?.comp_name;
    await expect.poll(name, { timeout: 5000 }).toBe('Renamed');
  });

  test('the entries of a component, each with a state that is made when it is first seen', async () => {
    const { staff, student, compId, entryId } = await lab.makeCourse();
    const second = await lab.makeEntry(staff, compId, { entry_title: 'Second' });
    const reply = await student.get(`${base}/flexagecomps/${compId}/entries`);
    expect(reply.status).toBe(200);
    const entries = reply.json<WireEntry[]>();
    expect(entries.map((entry) => entry.entry_id)).toEqual([entryId, second.entry_id]);
    for (const { student_state } of entries) {
      expect(student_state).toMatchObject({ student_user_id: student.id, status: 'not_submitted', submission: null });
    }
    const again = (await student.get(`${base}/flexagecomps/${compId}/entries`)).json<WireEntry[]>();
    expect(again).toEqual(entries);
    const one = (await student.get(`${base}/entries/${entryId}`)).json<WireEntry>();
    expect(one).toEqual(entries[0]);
  });

  test('six simultaneous first looks make one state', async () => {
    const { staff, student, entryId } = await lab.makeCourse();
    const looks = await Promise.all(Array.from({ length: 6 }, () => student.get(`${base}/entries/${entryId}`)));
    const states = new Set(looks.map((look) => look.json<WireEntry>().student_state?.state_id));
    expect(looks.map((look) => look.status)).toEqual(Array.from({ length: 6 }, () => 200));
    expect(states.size).toBe(1);
    expect((await staff.get(`/api/configure/entries/${entryId}/student_states`)).json()).toHaveLength(1);
  });

  test('the rubric is shown only where the entry says so', async () => {
    const { staff, student, entryId } = await lab.makeCourse();
    const seen = async () => (await student.get(`${base}/entries/${entryId}`)).json<WireEntry>().rubric_definition;
    expect(await seen()).toEqual({});
    await staff.put(`/api/configure/entries/${entryId}`, { rubric_visible: true });
    expect(await seen()).toEqual(rubric);
    await staff.put(`/api/configure/entries/${entryId}`, { rubric_visible: false });
    expect(await seen()).toEqual({});
  });

  test.each([
    ['GET', (id: string) => `${base}/flexagecomps/${id}/entries`, 'FlexAGEComp not found'],
    ['GET', (id: string) => `${base}/entries/${id}`, 'Entry not found'],
    ['GET', (id: string) => `${base}/entries/${id}/submissions`, 'Entry not found'],
    ['POST', (id: string) => `${base}/entries/${id}/submit`, 'Entry not found'],
    ['GET', (id: string) => `${base}/submissions/${id}`, 'Submission not found'],
  ])('%s of what does not exist is a 404 with the text of the page: %s', async (method, path, text) => {
    const student = await lab.makePerson('student');
    const json = method === 'POST' ? { submission_title: 'x', content: 'x' } : undefined;
    expect((await student.call(method, path(randomUUID()), { json })).refusal).toEqual([404, text]);
  });

  test('nothing of a component without an enrolment', async () => {
    const { compId, entryId } = await lab.makeCourse();
    const stranger = await lab.makePerson('student');
    expect((await stranger.get(`${base}/flexagecomps/${compId}/entries`)).refusal).toEqual(notEnrolled);
    expect((await stranger.get(`${base}/entries/${entryId}`)).refusal).toEqual(notEnrolled);
    expect((await stranger.get(`${base}/entries/${entryId}/submissions`)).refusal).toEqual(notEnrolled);
    const json = { submission_title: 'x', content: 'x' };
    expect((await stranger.post(`${base}/entries/${entryId}/submit`, json)).refusal).toEqual(notEnrolled);
    expect((await stranger.get(`${base}/flexagecomps`)).json()).toEqual([]);
  });

  test.each(['configurator', 'admin'] as const)('these pages are not for the role %s', async (role) => {
    const person = await lab.makePerson(role);
    expect((await person.get(`${base}/flexagecomps`)).refusal).toEqual([403, 'Operation requires student role']);
    expect((await person.get(`${base}/submissions`)).refusal).toEqual([403, 'Operation requires student role']);
  });
});

describe('handing in', () => {
  test('answers at once without an outcome; the outcome follows, and the state with it', async () => {
    const { student, entryId } = await lab.makeCourse();
    const status = async () =>
      (await student.get(`${base}/entries/${entryId}`)).json<WireEntry>().student_state?.status;
    expect(await status()).toBe('not_submitted');
    const json = { submission_title: 'Light', content: goodAnswer };
    const reply = await student.post(`${base}/entries/${entryId}/submit`, json);
    expect(reply.status).toBe(200);
    const made = reply.json<WireSubmission>();
    expect(made).toMatchObject({ ...json, entry_id: entryId, student_user_id: student.id, outcome: null });
    const graded = await lab.waitForOutcome(student, made.submission_id);
    expect(graded).toMatchObject({ ...json, grading: { status: 'done', attempts: 1 } });
    expect(await status()).toBe('outcome_available');
    const entry = (await student.get(`${base}/entries/${entryId}`)).json<WireEntry>();
    expect(entry.student_state?.submission).toEqual(graded);
  });

  test('again makes a new submission, newest first, and the older one with its outcome stays readable', async () => {
    const { student, entryId } = await lab.makeCourse();
    const first = await lab.submit(student, entryId, '<p>plants eat soil</p>');
    const before = await lab.waitForOutcome(student, first.submission_id);
    const second = await lab.submit(student, entryId);
    const status = (await student.get(`${base}/entries/${entryId}`)).json<WireEntry>().student_state?.status;
    expect(['submitted_processing', 'outcome_available']).toContain(status);
    const after = await lab.waitForOutcome(student, second.submission_id);
    const list = async (path: string) => (await student.get(`${base}${path}`)).json<WireSubmission[]>();
    const expected = [after, { ...before }];
    expect(await list(`/entries/${entryId}/submissions`)).toEqual(expected);
    expect(await list('/submissions')).toEqual(expected);
    expect(await list(`/entries/${entryId}/submissions?skip=1`)).toEqual([expected[1]]);
    expect(await list('/submissions?limit=1')).toEqual([expected[0]]);
    expect(after.outcome.outcome_data.score).toBeGreaterThan(before.outcome.outcome_data.score);
  });

  test.each([
    ['no title', { content: 'x' }, 'submission_title'],
    ['an empty title', { submission_title: '', content: 'x' }, 'submission_title'],
    ['a title of 300 characters', { submission_title: 'x'.repeat(300), content: 'x' }, 'submission_title'],
    ['no content', { submission_title: 'x' }, 'content'],
    ['an empty content', { submission_title: 'x', content: '' }, 'content'],
    ['content that is a number', { submission_title: 'x', content: 7 }, 'content'],
    ['content of tags only', { submission_title: 'x', content: '<p><br></p><p>&nbsp; </p>' }, 'content'],
  ])('%s is a 422 with messages that the page can join', async (_what, json, place) => {
    const { student, entryId } = await shared();
    const reply = await student.post(`${base}/entries/${entryId}/submit`, json);
    expect(reply.status).toBe(422);
    expect(typeof reply.detail).toBe('string');
    const { errors, message } = reply.json<{ errors: { loc: string[]; msg: string }[]; message: string }>();
    expect(errors.map((error) => error.loc)).toEqual([['body', place]]);
    expect(message).toBe(reply.detail);
  });

  test('the submission of another student is refused with the text of the page', async () => {
    const { staff, student, compId, entryId } = await lab.makeCourse();
    const other = await lab.makePerson('student');
    await lab.enrol(staff, other, compId);
    const { submission_id } = await lab.submit(student, entryId);
    const reply = await other.get(`${base}/submissions/${submission_id}`);
    expect(reply.refusal).toEqual([403, 'Not authorized to view this submission']);
    expect((await other.get(`${base}/submissions`)).json()).toEqual([]);
    expect((await other.get(`${base}/entries/${entryId}/submissions`)).json()).toEqual([]);
    const entry = (await other.get(`${base}/entries/${entryId}`)).json<WireEntry>();
    expect(entry.student_state).toMatchObject({ student_user_id: other.id, submission: null });
  });

  test('un-enrolling closes the component and keeps what was handed in', async () => {
    const { staff, student, compId, entryId } = await lab.makeCourse();
    const { submission_id } = await lab.submit(student, entryId);
    await lab.waitForOutcome(student, submission_id);
    await staff.delete('/api/auth/enroll', { student_user_id: student.id, flex_age_comp_id: compId });
    expect((await student.get(`${base}/flexagecomps`)).json()).toEqual([]);
    expect((await student.get(`${base}/flexagecomps/${compId}/entries`)).refusal).toEqual(notEnrolled);
    expect((await student.get(`${base}/entries/${entryId}`)).refusal).toEqual(notEnrolled);
    const json = { submission_title: 'x', content: 'x' };
    expect((await student.post(`${base}/entries/${entryId}/submit`, json)).refusal).toEqual(notEnrolled);
    expect((await staff.get(`/api/configure/submissions/${submission_id}`)).status).toBe(200);

    await lab.enrol(staff, student, compId);
    const back = (await student.get(`${base}/entries/${entryId}`)).json<WireEntry>();
    expect(back.student_state?.submission?.submission_id).toBe(submission_id);
  });
});

let sharedCourse: ReturnType<Lab['makeCourse']> | undefined;
/** One course for the tests that change nothing. */
function shared(): ReturnType<Lab['makeCourse']> {
  sharedCourse ??= lab.makeCourse();
  return sharedCourse;
}
