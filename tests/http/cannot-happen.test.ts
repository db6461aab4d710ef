import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  goodAnswer,
  type Lab,
  type Person,
  startLab,
  type WireEntry,
  type WireLedgerEvent,
  type WireSubmission,
} from './client.ts';

let lab: Lab;

beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab.close());

const override = { outcome_data: { feedback_text: 'x', score: 1 } };

describe('reading without leave', () => {
  test('nothing of a component is readable without a token', async () => {
    const { student, compId, entryId } = await lab.makeCourse();
    const { submission_id } = await lab.submit(student, entryId);
    const { outcome } = await lab.waitForOutcome(student, submission_id);
    const paths = [
      '/api/configure/flexagecomps/',
      `/api/configure/flexagecomps/${compId}`,
      `/api/configure/flexagecomps/${compId}/entries`,
      '/api/configure/entries/',
      `/api/configure/entries/${entryId}`,
      `/api/configure/entries/${entryId}/submissions`,
      `/api/configure/submissions/${submission_id}`,
      `/api/configure/outcomes/${outcome.outcome_id}`,
      `/api/student/entries/${entryId}`,
      `/api/student/flexagecomps/${compId}/entries`,
    ];
    for (const path of paths) {
      const reply = await lab.anyone('GET', path);
      expect([path, reply.status]).toEqual([path, 401]);
      for (const id of [compId, entryId, submission_id]) {
        expect(reply.text).not.toContain(id);
      }
    }
  });

  test('a hidden rubric reaches its students on no way at all', async () => {
    const canary = `Criterion-${randomUUID()}`;
    const hidden = {
      criteria: [{ text: canary, marks: 7 }],
      performance_levels: [{ text: `Level-${canary}` }],
      cell_descriptions: [[`Cell-${canary}`]],
    };
    const { staff, student, compId, entryId } = await lab.makeCourse({ entry: { rubric_definition: hidden } });
    const replies = [
      await student.get(`/api/student/flexagecomps/${compId}/entries`),
      await student.get(`/api/student/entries/${entryId}`),
      await student.post(`/api/student/entries/${entryId}/submit`, { submission_title: 'x', content: goodAnswer }),
    ];
    const { submission_id } = replies[2]?.json<WireSubmission>() ?? { submission_id: '' };
    await lab.waitForOutcome(student, submission_id);
    const forced = await staff.post(`/api/configure/submissions/${submission_id}/grade?force_regenerate=true`);
    // Staff see the criteria, so the silence towards the student is not for want of them.
    expect(forced.json<{ outcome_data: { criteria_scores: unknown[] } }>().outcome_data.criteria_scores).toHaveLength(
      1,
    );
    replies.push(
      await student.get(`/api/student/submissions/${submission_id}`),
      await student.get(`/api/student/entries/${entryId}/submissions`),
      await student.get('/api/student/submissions'),
      await student.get(`/api/student/entries/${entryId}`),
      await student.get(`/api/student/flexagecomps/${compId}/entries`),
      await student.get('/api/student/flexagecomps'),
    );
    for (const reply of replies) {
      expect(reply.status).toBe(200);
      expect(reply.text).not.toContain(canary);
      expect(reply.text).not.toContain('"max_points":7,"level"');
    }
    const seen = (await student.get('/api/student/submissions')).json<WireSubmission[]>()[0];
    expect(seen?.outcome?.outcome_data.criteria_scores).toEqual([]);
    expect(seen?.outcome?.outcome_data).not.toHaveProperty('review');
    for (const path of [`/api/configure/entries/${entryId}`, `/api/v1/submissions/${submission_id}/ledger`]) {
      expect((await student.get(path)).status).toBe(403);
    }
  });

  test("a student reads neither another student's work nor its existence", async () => {
    const { staff, student, compId, entryId } = await lab.makeCourse();
    const other = await lab.makePerson('student');
    await lab.enrol(staff, other, compId);
    const { submission_id } = await lab.submit(student, entryId, '<p>a secret answer</p>');
    await lab.waitForOutcome(student, submission_id);
    const looks = await Promise.all(
      [
        `/api/student/submissions/${submission_id}`,
        '/api/student/submissions',
        `/api/student/entries/${entryId}`,
        `/api/student/entries/${entryId}/submissions`,
        `/api/student/flexagecomps/${compId}/entries`,
      ].map((path) => other.get(path)),
    );
    for (const look of looks) expect(look.text).not.toContain('a secret answer');
    expect(looks[0]?.status).toBe(403);
  });
});

describe('one member of staff cannot touch the component of another', () => {
  let other: Person;
  let course: Awaited<ReturnType<Lab['makeCourse']>>;
  let id: string;
  let outcomeId: string;

  beforeAll(async () => {
    [other, course] = await Promise.all([lab.makePerson('configurator'), lab.makeCourse()]);
    id = (await lab.submit(course.student, course.entryId)).submission_id;
    outcomeId = (await lab.waitForOutcome(course.student, id)).outcome.outcome_id;
  });

  test.each<[string, string, () => string, unknown?]>([
    ['read it', 'GET', () => `/api/configure/flexagecomps/${course.compId}`],
    ['change it', 'PUT', () => `/api/configure/flexagecomps/${course.compId}`, { comp_name: 'Mine now' }],
    ['take it over', 'PUT', () => `/api/configure/flexagecomps/${course.compId}`, {}],
    ['delete it', 'DELETE', () => `/api/configure/flexagecomps/${course.compId}`],
    ['list its entries', 'GET', () => `/api/configure/flexagecomps/${course.compId}/entries`],
    ['list its students', 'GET', () => `/api/configure/flexagecomps/${course.compId}/students`],
    ['filter by it', 'GET', () => `/api/configure/entries/?flex_age_comp_id=${course.compId}`],
    ['read an entry', 'GET', () => `/api/configure/entries/${course.entryId}`],
    ['change an entry', 'PUT', () => `/api/configure/entries/${course.entryId}`, { entry_title: 'Mine' }],
    ['delete an entry', 'DELETE', () => `/api/configure/entries/${course.entryId}`],
    ['see states', 'GET', () => `/api/configure/entries/${course.entryId}/student_states`],
    ['list submissions of an entry', 'GET', () => `/api/configure/entries/${course.entryId}/submissions`],
    ['filter submissions by an entry', 'GET', () => `/api/configure/submissions/?entry_id=${course.entryId}`],
    ['read a submission', 'GET', () => `/api/configure/submissions/${id}`],
    ['grade a submission', 'POST', () => `/api/configure/submissions/${id}/grade?force_regenerate=true`],
    ['grade by hand', 'PUT', () => `/api/v1/submissions/${id}/outcome`, override],
    ['read an outcome', 'GET', () => `/api/configure/outcomes/${outcomeId}`],
    ['overrule an outcome', 'PUT', () => `/api/configure/outcomes/${outcomeId}`, override],
    ['read the ledger', 'GET', () => `/api/v1/submissions/${id}/ledger`],
  ])('to %s', async (_what, method, path, json) => {
    expect((await other.call(method, path(), { json })).status).toBe(404);
  });

  test('to add an entry or a student to it', async () => {
    const { student, compId } = course;
    const entry = await other.post('/api/configure/entries/', { flex_age_comp_id: compId, entry_title: 'x' });
    expect(entry.refusal).toEqual([404, `FlexAGEComp with ID ${compId} not found`]);
    const pair = { student_user_id: student.id, flex_age_comp_id: compId };
    expect((await other.post('/api/auth/enroll', pair)).status).toBe(404);
    expect((await other.delete('/api/auth/enroll', pair)).status).toBe(404);
  });

  test('and sees none of it in lists, while nothing of it has changed', async () => {
    for (const path of [
      '/api/configure/flexagecomps/',
      '/api/configure/entries/',
      '/api/configure/submissions/',
      '/api/v1/grading/attention',
    ]) {
      expect((await other.get(path)).json()).toEqual([]);
    }
    const { staff, compId, entryId, entry, component } = course;
    expect((await staff.get(`/api/configure/flexagecomps/${compId}`)).json()).toEqual(component);
    expect((await staff.get(`/api/configure/entries/${entryId}`)).json()).toEqual(entry);
    const ledger = (await staff.get(`/api/v1/submissions/${id}/ledger`)).json<WireLedgerEvent[]>();
    expect(ledger.map((event) => event.event)).toEqual(['submitted', 'graded']);
  });
});

describe('accounts', () => {
  const password = 'a password of eight or more';
  const register = (person: Person, fields: Record<string, unknown>) =>
    person.post('/api/auth/register', { username: `new-${randomUUID()}`, password, ...fields });

  test('staff make no administrator; an administrator does', async () => {
    const staff = await lab.makePerson('configurator');
    const username = `boss-${randomUUID()}`;
    const refused = await register(staff, { username, role: 'admin' });
    expect(refused.status).toBe(403);
    expect((await lab.anyone('POST', '/api/auth/login', { form: { username, password } })).status).toBe(401);
    expect((await register(lab.root, { username, role: 'admin' })).status).toBe(200);
  });

  test.each(['', ' ', '       ', '1234567'])('the password %j is refused', async (short) => {
    expect((await register(lab.root, { password: short })).status).toBe(422);
  });

  test('a password of spaces only is refused however long it is', async () => {
    expect((await register(lab.root, { password: ' '.repeat(12) })).status).toBe(422);
  });

  test('a password longer than bcrypt reads is compared as a whole', async () => {
    const username = `long-${randomUUID()}`;
    const long = 'correct horse battery staple '.repeat(4);
    expect((await register(lab.root, { username, password: long })).status).toBe(200);
    const login = (attempt: string) => lab.anyone('POST', '/api/auth/login', { form: { username, password: attempt } });
    expect((await login(long)).status).toBe(200);
    expect((await login(`${long.slice(0, -1)}q`)).status).toBe(401);
    expect((await login(long.slice(0, 72))).status).toBe(401);
  });

  test.each<[string, (name: string, i: number) => Record<string, unknown>, string]>([
    ['name', (name) => ({ username: name }), 'Username already registered'],
    [
      'name in other cases',
      (name, i) => ({ username: i % 2 ? name.toUpperCase() : name }),
      'Username already registered',
    ],
    [
      'name written with other code points',
      (name, i) => ({ username: i % 2 ? `ﬁ${name}` : `fi${name}` }),
      'Username already registered',
    ],
    ['name with spaces around it', (name, i) => ({ username: ' '.repeat(i) + name }), 'Username already registered'],
    ['e-mail', (name, i) => ({ username: `${name}-${i}`, email: `${name}@example.org` }), 'Email already registered'],
    [
      'e-mail in other cases',
      (name, i) => ({ username: `${name}-${i}`, email: `${i % 2 ? name.toUpperCase() : name}@example.org` }),
      'Email already registered',
    ],
  ])('six simultaneous registrations of one %s make one account and five refusals', async (_what, fields, text) => {
    const name = `same-${randomUUID()}`;
    const replies = await Promise.all(Array.from({ length: 6 }, (_, i) => register(lab.root, fields(name, i))));
    const statuses = replies.map((reply) => reply.status).sort();
    expect(statuses).toEqual([200, 400, 400, 400, 400, 400]);
    for (const reply of replies.filter((one) => one.status === 400)) expect(reply.detail).toBe(text);
  });

  test('a name that only looks like another one is refused', async () => {
    const name = `look-${randomUUID()}`;
    expect((await register(lab.root, { username: `a${name}` })).status).toBe(200);
    // A Cyrillic letter among Latin ones; and a capital I where the name has a small l.
    expect((await register(lab.root, { username: `а${name}` })).status).toBe(422);
    expect((await register(lab.root, { username: `a${name.replace('l', 'I')}` })).status).toBe(400);
  });
});

describe('submitting', () => {
  test('twelve different simultaneous submits lose nothing and end with one latest', async () => {
    const { staff, student, entryId } = await lab.makeCourse();
    const json = (i: number) => ({ submission_title: `No ${i}`, content: `<p>Answer number ${i}</p>` });
    const replies = await Promise.all(
      Array.from({ length: 12 }, (_, i) => student.post(`/api/student/entries/${entryId}/submit`, json(i))),
    );
    const made = replies.filter((reply) => reply.status === 200).map((reply) => reply.json<WireSubmission>());
    // Under this much contention some may be told to try again, but what was answered with 200 is there.
    for (const reply of replies) expect([200, 409]).toContain(reply.status);
    expect(made.length).toBeGreaterThan(0);
    for (const submission of made) await lab.waitForOutcome(student, submission.submission_id);
    const listed = (await student.get(`/api/student/entries/${entryId}/submissions`)).json<WireSubmission[]>();
    expect(listed.map((one) => one.submission_id).sort()).toEqual(made.map((one) => one.submission_id).sort());
    const entry = (await student.get(`/api/student/entries/${entryId}`)).json<WireEntry>();
    const latest = made.find((one) => one.submission_id === entry.student_state?.submission?.submission_id);
    expect(latest).toBeDefined();
    const states = (await staff.get(`/api/configure/entries/${entryId}/student_states`)).json();
    expect(states).toMatchObject([{ submission: { submission_id: latest?.submission_id } }]);
  });
});
