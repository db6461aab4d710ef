import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { goodAnswer, type Lab, type Person, startLab, type WireLedgerEvent, type WireSubmission } from './client.ts';

let lab: Lab;
let staff: Person;
beforeAll(async () => {
  lab = await startLab();
  staff = await lab.makePerson('configurator');
});
afterAll(() => lab.close());

const key = () => ({ 'idempotency-key': randomUUID() });
const components = '/api/configure/flexagecomps/';
const count = async (person: Person, path: string) => (await person.get(path)).json<unknown[]>().length;

describe('a repeat with the same Idempotency-Key', () => {
  test('answers what the first request answered, says so, and makes nothing', async () => {
    const owner = await lab.makePerson('configurator');
    const headers = key();
    const first = await owner.post(components, { comp_name: 'Once' }, headers);
    const second = await owner.post(components, { comp_name: 'Once' }, headers);
    expect([second.status, second.text]).toEqual([201, first.text]);
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    expect(second.headers.get('content-type')).toBe('application/json');
    expect(await count(owner, components)).toBe(1);
  });

  test('makes no second account, which without the key would be refused', async () => {
    const headers = key();
    const json = { username: `once-${randomUUID()}`, password: 'long enough for this' };
    const first = await staff.post('/api/auth/register', json, headers);
    const second = await staff.post('/api/auth/register', json, headers);
    expect([second.status, second.json()]).toEqual([200, first.json()]);
    expect((await staff.post('/api/auth/register', json)).status).toBe(400);
  });

  test('enrols once and answers 200 again', async () => {
    const { comp_id } = await lab.makeComponent(staff);
    const json = { student_user_id: (await lab.makePerson('student')).id, flex_age_comp_id: comp_id };
    const headers = key();
    expect((await staff.post('/api/auth/enroll', json, headers)).status).toBe(200);
    expect((await staff.post('/api/auth/enroll', json, headers)).status).toBe(200);
    expect((await staff.post('/api/auth/enroll', json, key())).status).toBe(400);
  });

  test('hands in once, also long after the first was graded', async () => {
    const { student, entryId } = await lab.makeCourse();
    const headers = key();
    const json = { submission_title: 'x', content: goodAnswer };
    const path = `/api/student/entries/${entryId}/submit`;
    const first = (await student.post(path, json, headers)).json<WireSubmission>();
    await lab.waitForOutcome(student, first.submission_id);
    const second = await student.post(path, json, headers);
    expect(second.json<WireSubmission>().submission_id).toBe(first.submission_id);
    expect(await count(student, '/api/student/submissions')).toBe(1);
    // The same answer without the key, after the grading, is a new submission.
    const third = await student.post(path, json);
    expect(third.json<WireSubmission>().submission_id).not.toBe(first.submission_id);
  });

  test('regenerates an outcome once', async () => {
    const { staff: owner, student, entryId } = await lab.makeCourse();
    const { submission_id } = await lab.submit(student, entryId);
    await lab.waitForOutcome(student, submission_id);
    const path = `/api/configure/submissions/${submission_id}/generate_outcome?force_regenerate=true`;
    const headers = key();
    const [first, second] = [await owner.post(path, undefined, headers), await owner.post(path, undefined, headers)];
    expect(second.text).toBe(first.text);
    const ledger = (await owner.get(`/api/v1/submissions/${submission_id}/ledger`)).json<WireLedgerEvent[]>();
    expect(ledger.map((event) => event.event)).toEqual(['submitted', 'graded', 'regenerated']);
  });

  test('in six simultaneous requests is one creation; the others are its repeats or are told to wait', async () => {
    const owner = await lab.makePerson('configurator');
    const headers = key();
    const replies = await Promise.all(
      Array.from({ length: 6 }, () => owner.post(components, { comp_name: 'Once' }, headers)),
    );
    expect(await count(owner, components)).toBe(1);
    const ids = new Set(replies.filter((reply) => reply.status === 201).map((reply) => reply.json()['comp_id']));
    expect(ids.size).toBe(1);
    for (const reply of replies.filter((one) => one.status !== 201)) {
      expect([reply.status, reply.json()['code']]).toEqual([409, 'idempotency_in_progress']);
      expect(Number(reply.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    }
    expect((await owner.post(components, { comp_name: 'Once' }, headers)).json()['comp_id']).toBe([...ids][0]);
  });
});

describe('a key', () => {
  test('that was used for something else is refused', async () => {
    const headers = key();
    await staff.post(components, { comp_name: 'One' }, headers);
    const other = await staff.post(components, { comp_name: 'Another' }, headers);
    expect([other.status, other.json()['code']]).toEqual([422, 'idempotency_key_reused']);
  });

  test('belongs to one caller and one operation', async () => {
    const headers = key();
    const other = await lab.makePerson('configurator');
    const mine = await staff.post(components, { comp_name: 'Mine' }, headers);
    const theirs = await other.post(components, { comp_name: 'Mine' }, headers);
    expect(theirs.status).toBe(201);
    expect(theirs.json()['comp_id']).not.toBe(mine.json()['comp_id']);
    const comp = String(mine.json()['comp_id']);
    const entry = await staff.post('/api/configure/entries/', { flex_age_comp_id: comp, entry_title: 'x' }, headers);
    expect(entry.status).toBe(201);
  });

  test('is free again after a request that was refused', async () => {
    const headers = key();
    const json = { flex_age_comp_id: randomUUID(), entry_title: 'x' };
    expect((await staff.post('/api/configure/entries/', json, headers)).status).toBe(404);
    const { comp_id } = await lab.makeComponent(staff);
    const right = await staff.post('/api/configure/entries/', { ...json, flex_age_comp_id: comp_id }, headers);
    expect(right.status).toBe(201);
  });

  test('does not let a stranger read what it answered', async () => {
    const headers = key();
    await staff.post(components, { comp_name: 'A secret plan' }, headers);
    const anonymous = await lab.anyone('POST', components, { json: { comp_name: 'A secret plan' }, headers });
    expect(anonymous.status).toBe(401);
    expect(anonymous.text).not.toContain('A secret plan');
  });

  test.each(['k'.repeat(255), 'with spaces and "quotes"', '../../x'])('may be any short text: %j', async (text) => {
    const headers = { 'idempotency-key': `${text.slice(0, 200)}${randomUUID()}` };
    expect((await staff.post(components, { comp_name: 'x' }, headers)).status).toBe(201);
  });

  test('leaves a record that ends by itself and holds no password', async () => {
    const secret = `secret ${randomUUID()}`;
    const json = { username: `kept-${randomUUID()}`, password: secret };
    expect((await staff.post('/api/auth/register', json, key())).status).toBe(200);
    const { resources } = await lab.container('platform').items.readAll<{ type: string; ttl: number }>().fetchAll();
    const records = resources.filter(({ type }) => type === 'idempotency');
    expect(records.length).toBeGreaterThan(0);
    for (const record of records) expect(record).toMatchObject({ ttl: 86_400 });
    expect(JSON.stringify(resources)).not.toContain(secret);
  });
});
