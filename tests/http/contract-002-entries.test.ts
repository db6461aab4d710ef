import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  goodAnswer,
  type Lab,
  type Person,
  rubric,
  startLab,
  type WireEntry,
  type WireState,
  type WireSubmission,
} from './client.ts';

const base = '/api/configure/entries';
const missing = [404, 'Entry not found'];

let lab: Lab;
let staff: Person;
let compId: string;

beforeAll(async () => {
  lab = await startLab();
  staff = await lab.makePerson('configurator');
  compId = (await lab.makeComponent(staff)).comp_id;
});
afterAll(() => lab.close());

describe('making and reading entries', () => {
  test('an entry is answered with 201 and reads the same afterwards', async () => {
    const json = {
      flex_age_comp_id: compId,
      entry_title: 'Week 1',
      instructions: '<p>Write about <em>thinking</em>.</p>',
      rubric_definition: rubric,
    };
    const made = await staff.post(`${base}/`, json);
    expect([made.status, made.json()]).toEqual([201, expect.objectContaining(json)]);
    const entry = made.json<WireEntry>();
    const fields = [
      'entry_id',
      'flex_age_comp_id',
      'entry_title',
      'instructions',
      'rubric_definition',
      'created_at',
      'updated_at',
    ];
    expect(Object.keys(entry)).toEqual(expect.arrayContaining(fields));
    expect((await staff.get(`${base}/${entry.entry_id}`)).json()).toEqual(entry);
  });

  test.each([
    ['absent', undefined, {}],
    ['empty', {}, {}],
    [
      'of the old editor',
      {
        criteria: [{ text: 'Sample Criterion', marks: 0 }],
        performance_levels: [{ text: 'Placeholder' }],
        cell_descriptions: [['']],
      },
      undefined,
    ],
    ['of another shape', { levels: ['a'], cells: { x: [1, null, true] } }, undefined],
    ['with more than the three keys', { ...rubric, note: 'ünïcödé 🌱' }, undefined],
  ])('a rubric that is %s round-trips unchanged', async (_what, rubric_definition, expected) => {
    const json = { flex_age_comp_id: compId, entry_title: 'R', rubric_definition };
    const entry = (await staff.post(`${base}/`, json)).json<WireEntry>();
    const read = (await staff.get(`${base}/${entry.entry_id}`)).json<WireEntry>();
    expect(read.rubric_definition).toEqual(expected ?? rubric_definition);
  });

  test.each([
    ['no title', { entry_title: undefined }],
    ['an empty title', { entry_title: '' }],
    ['a title of 256 characters', { entry_title: 'x'.repeat(256) }],
    ['a rubric that is a list', { rubric_definition: [] }],
    ['a rubric that is a text', { rubric_definition: '{}' }],
    ['no component', { flex_age_comp_id: undefined }],
    ['a component that is no UUID', { flex_age_comp_id: 'abc' }],
    ['instructions that are too long', { instructions: 'x'.repeat(100_001) }],
  ])('%s is a 422', async (_what, fields) => {
    const reply = await staff.post(`${base}/`, { flex_age_comp_id: compId, entry_title: 'x', ...fields });
    expect(reply.status).toBe(422);
  });

  test('a component that does not exist is named in the text', async () => {
    const id = randomUUID();
    const reply = await staff.post(`${base}/`, { flex_age_comp_id: id, entry_title: 'x' });
    expect(reply.refusal).toEqual([404, `FlexAGEComp with ID ${id} not found`]);
  });

  test('the list holds the entries of all own components, or of one, oldest first', async () => {
    const owner = await lab.makePerson('configurator');
    const [a, b] = [await lab.makeComponent(owner), await lab.makeComponent(owner)];
    const ids: string[] = [];
    for (const { comp_id } of [a, b, a]) ids.push((await lab.makeEntry(owner, comp_id)).entry_id);
    const list = async (query = '') =>
      (await owner.get(`${base}/${query}`)).json<WireEntry[]>().map((entry) => entry.entry_id);
    expect(await list()).toEqual(ids);
    expect(await list('?skip=1&limit=1')).toEqual([ids[1]]);
    expect(await list(`?flex_age_comp_id=${a.comp_id}`)).toEqual([ids[0], ids[2]]);
    expect(await list(`?flex_age_comp_id=${a.comp_id}&skip=1`)).toEqual([ids[2]]);
  });
});

describe('changing and deleting entries', () => {
  test('the whole form of the page is taken, and the entry does not move', async () => {
    const entry = await lab.makeEntry(staff, compId);
    const elsewhere = await lab.makeComponent(staff);
    const json = {
      flex_age_comp_id: elsewhere.comp_id,
      entry_title: 'Changed',
      instructions: 'New',
      rubric_definition: { criteria: [{ text: 'Only', marks: 3 }] },
    };
    const reply = await staff.put(`${base}/${entry.entry_id}`, json);
    expect([reply.status, reply.json()]).toEqual([200, expect.objectContaining({ ...json, flex_age_comp_id: compId })]);
    const list = (await staff.get(`/api/configure/flexagecomps/${elsewhere.comp_id}/entries`)).json();
    expect(list).toEqual([]);
  });

  test('what is absent stays as it is', async () => {
    const entry = await lab.makeEntry(staff, compId);
    const reply = await staff.put(`${base}/${entry.entry_id}`, { entry_title: 'Only the title' });
    const { updated_at: _then, ...same } = entry;
    expect(reply.json()).toMatchObject({ ...same, entry_title: 'Only the title' });
  });

  test('a deleted entry is answered once more and is gone from everywhere', async () => {
    const { staff: owner, student, entryId, compId: comp } = await lab.makeCourse();
    const gone = await owner.delete(`${base}/${entryId}`);
    expect([gone.status, gone.json<WireEntry>().entry_id]).toEqual([200, entryId]);
    expect((await owner.get(`${base}/${entryId}`)).refusal).toEqual(missing);
    expect((await owner.get(`${base}/${entryId}/submissions`)).refusal).toEqual(missing);
    expect((await owner.get(`${base}/?flex_age_comp_id=${comp}`)).json()).toEqual([]);
    expect((await student.get(`/api/student/flexagecomps/${comp}/entries`)).json()).toEqual([]);
    expect((await student.get(`/api/student/entries/${entryId}`)).refusal).toEqual(missing);
  });

  test.each([
    ['GET', ''],
    ['PUT', ''],
    ['DELETE', ''],
    ['GET', '/student_states'],
    ['GET', '/submissions'],
  ])('%s of an entry that does not exist is a 404 with the text of the page: %s', async (method, rest) => {
    const json = method === 'PUT' ? { entry_title: 'x' } : undefined;
    const reply = await staff.call(method, `${base}/${randomUUID()}${rest}`, { json });
    expect(reply.refusal).toEqual(missing);
  });
});

describe('the work of students on an entry', () => {
  test('staff see each student who has opened it, with the latest submission and its score', async () => {
    const { staff: owner, student, compId: comp, entryId } = await lab.makeCourse();
    const states = async () => (await owner.get(`${base}/${entryId}/student_states`)).json<WireState[]>();
    expect(await states()).toEqual([]);

    const idle = await lab.makePerson('student');
    await lab.enrol(owner, idle, comp);
    await idle.get(`/api/student/entries/${entryId}`);
    expect(await states()).toMatchObject([{ student_user_id: idle.id, status: 'not_submitted', submission: null }]);

    await lab.waitForOutcome(student, (await lab.submit(student, entryId, '<p>first</p>')).submission_id);
    const second = await lab.submit(student, entryId, goodAnswer);
    const { outcome } = await lab.waitForOutcome(student, second.submission_id);
    const both = await states();
    expect(both).toHaveLength(2);
    const own = both.find((state) => state.student_user_id === student.id);
    expect(own).toMatchObject({ entry_id: entryId, status: 'outcome_available' });
    expect(own?.submission?.submission_id).toBe(second.submission_id);
    expect(own?.submission?.outcome?.outcome_data.score).toBe(outcome.outcome_data.score);
  });

  test('staff see all submissions, newest first, with names and outcomes, with skip and limit', async () => {
    const { staff: owner, student, compId: comp, entryId } = await lab.makeCourse();
    const nameless = await lab.makePerson('student');
    await lab.enrol(owner, nameless, comp);
    const ids: string[] = [];
    for (const [person, text] of [
      [student, 'one'],
      [nameless, 'two'],
      [student, 'three'],
    ] as const) {
      const { submission_id } = await lab.submit(person, entryId, `<p>Answer ${text}</p>`);
      await lab.waitForOutcome(person, submission_id);
      ids.unshift(submission_id);
    }
    const list = async (query = '') =>
      (await owner.get(`${base}/${entryId}/submissions${query}`)).json<WireSubmission[]>();
    const all = await list();
    expect(all.map((submission) => submission.submission_id)).toEqual(ids);
    expect(all.map((submission) => submission.student_name)).toEqual(['Ann Example', nameless.username, 'Ann Example']);
    for (const { outcome } of all) expect(outcome?.outcome_data.score).toEqual(expect.any(Number));
    expect((await list('?skip=1&limit=1')).map((submission) => submission.submission_id)).toEqual([ids[1]]);
  });
});
