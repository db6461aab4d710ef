import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Lab, type Person, startLab, type WireComponent, type WireEntry, type WireUser } from './client.ts';

const base = '/api/configure/flexagecomps';
const compFields = ['comp_id', 'comp_name', 'created_at', 'general_instructions', 'updated_at'];

let lab: Lab;
let staff: Person;

beforeAll(async () => {
  lab = await startLab();
  staff = await lab.makePerson('configurator');
});
afterAll(() => lab.close());

describe('making and reading components', () => {
  test('a component is answered with 201 and reads the same afterwards', async () => {
    const json = { comp_name: 'Weekly Reflections', general_instructions: '<p>Write <strong>weekly</strong>.</p>' };
    const made = await staff.post(`${base}/`, json);
    expect(made.status).toBe(201);
    const component = made.json<WireComponent>();
    expect(component).toMatchObject(json);
    expect(Object.keys(component)).toEqual(expect.arrayContaining(compFields));
    expect(component.owner_user_ids).toEqual([staff.id]);
    const read = await staff.get(`${base}/${component.comp_id}`);
    expect([read.status, read.json()]).toEqual([200, component]);
  });

  test.each([[undefined], [null]])('instructions may be %s, which is null', async (general_instructions) => {
    const made = await staff.post(`${base}/`, { comp_name: 'Bare', general_instructions });
    expect([made.status, made.json<WireComponent>().general_instructions]).toEqual([201, null]);
  });

  test.each([
    ['no name', {}],
    ['an empty name', { comp_name: '' }],
    ['a name of spaces', { comp_name: '  ' }],
    ['a name of 256 characters', { comp_name: 'x'.repeat(256) }],
    ['a name that is a list', { comp_name: ['x'] }],
    ['instructions that are an object', { comp_name: 'x', general_instructions: {} }],
  ])('%s is a 422', async (_what, json) => {
    const reply = await staff.post(`${base}/`, json);
    expect(reply.status).toBe(422);
    expect(reply.json<{ errors: unknown[] }>().errors).toHaveLength(1);
  });

  test('a name may have 255 characters', async () => {
    expect((await staff.post(`${base}/`, { comp_name: 'x'.repeat(255) })).status).toBe(201);
  });

  test('the list is a bare array of the own components, oldest first, with skip and limit', async () => {
    const owner = await lab.makePerson('configurator');
    const ids: string[] = [];
    for (let i = 0; i < 4; i += 1) ids.push((await lab.makeComponent(owner, { comp_name: `Part ${i}` })).comp_id);
    const list = async (query: string) =>
      (await owner.get(`${base}/${query}`)).json<WireComponent[]>().map((component) => component.comp_id);
    expect(await list('')).toEqual(ids);
    expect(await list('?skip=0&limit=100')).toEqual(ids);
    expect(await list('?skip=1&limit=2')).toEqual(ids.slice(1, 3));
    expect(await list('?skip=4')).toEqual([]);
  });

  test('without a limit the list has 100 items, and says where the rest is', async () => {
    const owner = await lab.makePerson('configurator');
    const component = await lab.makeComponent(owner);
    const rows = lab.container('memberships');
    const { resource: row } = await rows.item(`staff:${component.comp_id}`, owner.id).read();
    await Promise.all(
      Array.from({ length: 104 }, () => {
        const comp_id = randomUUID();
        return rows.items.create({ ...row, id: `staff:${comp_id}`, comp_id, component: { ...component, comp_id } });
      }),
    );
    const first = await owner.get(`${base}/`);
    expect(first.json()).toHaveLength(100);
    const next = /^<([^>]+)>; rel="next"$/.exec(first.headers.get('link') ?? '')?.[1] ?? '';
    expect((await owner.get(next)).json()).toHaveLength(5);
  });

  test('an administrator lists the components of everyone', async () => {
    const { comp_id } = await lab.makeComponent(staff);
    const listed = (await lab.root.get(`${base}/?limit=1000`)).json<WireComponent[]>();
    expect(listed.map((component) => component.comp_id)).toContain(comp_id);
    expect((await lab.root.get(`${base}/${comp_id}`)).status).toBe(200);
  });

  test('students are refused', async () => {
    const student = await lab.makePerson('student');
    expect((await student.get(`${base}/`)).refusal).toEqual([403, 'Operation requires configurator or admin role']);
  });
});

describe('changing components', () => {
  test('both fields, or only one of them, are taken over, and the list shows it', async () => {
    const owner = await lab.makePerson('configurator');
    const { comp_id, created_at } = await lab.makeComponent(owner, { general_instructions: 'first' });
    const both = await owner.put(`${base}/${comp_id}`, { comp_name: 'New', general_instructions: 'second' });
    expect([both.status, both.json<WireComponent>().comp_name]).toEqual([200, 'New']);
    const part = await owner.put(`${base}/${comp_id}`, { comp_name: 'Newer' });
    const changed = part.json<WireComponent>();
    expect(changed).toMatchObject({ comp_id, created_at, comp_name: 'Newer', general_instructions: 'second' });
    expect(changed.updated_at >= created_at).toBe(true);
    const cleared = await owner.put(`${base}/${comp_id}`, { general_instructions: null });
    expect(cleared.json<WireComponent>()).toMatchObject({ comp_name: 'Newer', general_instructions: null });
    expect((await owner.get(`${base}/`)).json()).toEqual([cleared.json()]);
  });

  test('a name that is too long changes nothing', async () => {
    const { comp_id } = await lab.makeComponent(staff, { comp_name: 'Kept' });
    expect((await staff.put(`${base}/${comp_id}`, { comp_name: 'x'.repeat(300) })).status).toBe(422);
    expect((await staff.get(`${base}/${comp_id}`)).json<WireComponent>().comp_name).toBe('Kept');
  });

  test.each(['GET', 'PUT', 'DELETE'])(
    '%s of a component that does not exist is a 404 with the text of the page',
    async (method) => {
      const json = method === 'PUT' ? { comp_name: 'x' } : undefined;
      const reply = await staff.call(method, `${base}/${randomUUID()}`, { json });
      expect(reply.refusal).toEqual([404, 'FlexAGEComp not found']);
    },
  );

  test('staff who are added as owners see the component at once, and no longer when they are taken off', async () => {
    const other = await lab.makePerson('configurator');
    const { comp_id } = await lab.makeComponent(staff);
    expect((await other.get(`${base}/${comp_id}`)).status).toBe(404);
    const added = await staff.put(`${base}/${comp_id}`, { owner_user_ids: [staff.id, other.id] });
    expect(added.json<WireComponent>().owner_user_ids).toEqual([staff.id, other.id]);
    expect((await other.get(`${base}/${comp_id}`)).status).toBe(200);
    expect((await other.get(`${base}/`)).json<WireComponent[]>().map((c) => c.comp_id)).toEqual([comp_id]);
    await staff.put(`${base}/${comp_id}`, { owner_user_ids: [staff.id] });
    expect((await other.get(`${base}/${comp_id}`)).status).toBe(404);
    expect((await other.get(`${base}/`)).json()).toEqual([]);
  });

  test('only staff can be owners', async () => {
    const student = await lab.makePerson('student');
    for (const id of [student.id, randomUUID()]) {
      const reply = await staff.post(`${base}/`, { comp_name: 'x', owner_user_ids: [id] });
      expect(reply.status).toBe(422);
      expect(String(reply.detail)).toContain(id);
    }
  });
});

describe('deleting a component', () => {
  test('answers the deleted component, and everything below it answers 404 while its documents are kept', async () => {
    const { staff: owner, student, compId, entryId } = await lab.makeCourse();
    const submitted = await lab.submit(student, entryId);
    const { outcome } = await lab.waitForOutcome(student, submitted.submission_id);
    const id = submitted.submission_id;
    const gone = await owner.delete(`${base}/${compId}`);
    expect([gone.status, gone.json<WireComponent>().comp_id]).toEqual([200, compId]);

    const pathsOfStaff = [
      `${base}/${compId}`,
      `${base}/${compId}/entries`,
      `${base}/${compId}/students`,
      `${base}/${compId}/enrolled_students`,
      `/api/configure/entries/?flex_age_comp_id=${compId}`,
      `/api/configure/entries/${entryId}`,
      `/api/configure/entries/${entryId}/submissions`,
      `/api/configure/entries/${entryId}/student_states`,
      `/api/configure/submissions/?entry_id=${entryId}`,
      `/api/configure/submissions/${id}`,
      `/api/configure/outcomes/${outcome.outcome_id}`,
      `/api/v1/submissions/${id}/ledger`,
    ];
    for (const person of [owner, lab.root]) {
      for (const path of pathsOfStaff) expect([path, (await person.get(path)).status]).toEqual([path, 404]);
    }
    const pathsOfStudent = [
      `/api/student/flexagecomps/${compId}/entries`,
      `/api/student/entries/${entryId}`,
      `/api/student/entries/${entryId}/submissions`,
      `/api/student/submissions/${id}`,
    ];
    for (const path of pathsOfStudent) expect([path, (await student.get(path)).status]).toEqual([path, 404]);
    const writes = [
      await student.post(`/api/student/entries/${entryId}/submit`, { submission_title: 'x', content: 'more' }),
      await owner.post('/api/configure/entries/', { flex_age_comp_id: compId, entry_title: 'x' }),
      await owner.put(`/api/configure/entries/${entryId}`, { entry_title: 'x' }),
      await owner.put(`${base}/${compId}`, { comp_name: 'x' }),
      await owner.delete(`${base}/${compId}`),
      await owner.post('/api/auth/enroll', { student_user_id: student.id, flex_age_comp_id: compId }),
      await owner.post(`/api/configure/submissions/${id}/generate_outcome?force_regenerate=true`),
      await owner.put(`/api/configure/outcomes/${outcome.outcome_id}`, {
        outcome_data: { feedback_text: 'x', score: 1 },
      }),
    ];
    expect(writes.map((reply) => reply.status)).toEqual(writes.map(() => 404));

    // The lists no longer show it, to anyone.
    const listed = async (person: Person, path: string) => (await person.get(path)).text;
    expect(await listed(owner, `${base}/`)).not.toContain(compId);
    expect(await listed(lab.root, `${base}/?limit=1000`)).not.toContain(compId);
    expect(await listed(owner, '/api/configure/entries/')).not.toContain(entryId);
    expect(await listed(owner, '/api/configure/submissions/')).not.toContain(id);
    expect(await listed(student, '/api/student/submissions')).not.toContain(id);
    await expect.poll(() => listed(student, '/api/student/flexagecomps'), { timeout: 5000 }).not.toContain(compId);

    const kept = await lab
      .container('coursework')
      .items.query(
        { query: 'SELECT VALUE c.type FROM c WHERE c.type IN ("submission", "result", "ledger")', parameters: [] },
        { partitionKey: [compId, student.id] },
      )
      .fetchAll();
    expect(kept.resources.sort()).toEqual(['ledger', 'ledger', 'result', 'submission']);
  });
});

describe('what a component contains', () => {
  test('its entries are a bare array, oldest first, with skip and limit', async () => {
    const { comp_id } = await lab.makeComponent(staff);
    const ids: string[] = [];
    for (let i = 0; i < 3; i += 1) ids.push((await lab.makeEntry(staff, comp_id, { entry_title: `E${i}` })).entry_id);
    const list = async (query = '') =>
      (await staff.get(`${base}/${comp_id}/entries${query}`)).json<WireEntry[]>().map((entry) => entry.entry_id);
    expect(await list()).toEqual(ids);
    expect(await list('?skip=1&limit=1')).toEqual([ids[1]]);
    expect((await lab.anyone('GET', `${base}/${comp_id}/entries`)).status).toBe(401);
    expect((await staff.get(`${base}/${randomUUID()}/entries`)).refusal).toEqual([404, 'FlexAGEComp not found']);
  });

  test.each(['enrolled_students', 'students'])(
    'its students are users, in the order of their accounts: %s',
    async (name) => {
      const { comp_id } = await lab.makeComponent(staff);
      expect((await staff.get(`${base}/${comp_id}/${name}`)).json()).toEqual([]);
      const first = await lab.makePerson('student');
      const second = await lab.makePerson('student');
      await lab.enrol(staff, second, comp_id);
      await lab.enrol(staff, first, comp_id);
      const reply = await staff.get(`${base}/${comp_id}/${name}`);
      expect(reply.json<WireUser[]>()).toEqual([first.user, second.user]);
      expect((await staff.get(`${base}/${randomUUID()}/${name}`)).refusal).toEqual([404, 'FlexAGEComp not found']);
    },
  );
});
