import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Lab, type Person, startLab } from './client.ts';

let lab: Lab;
let course: Awaited<ReturnType<Lab['makeCourse']>>;
let submissionId: string;
let outcomeId: string;
beforeAll(async () => {
  lab = await startLab();
  course = await lab.makeCourse();
  submissionId = (await lab.submit(course.student, course.entryId)).submission_id;
  outcomeId = (await lab.waitForOutcome(course.student, submissionId)).outcome.outcome_id;
});
afterAll(() => lab.close());

/** Everything that can be changed: where it is read, where it is written, and a body that changes it. */
const resources: Record<string, { read: () => string; write: () => string; body: (text: string) => object }> = {
  'a component': {
    read: () => `/api/configure/flexagecomps/${course.compId}`,
    write: () => `/api/configure/flexagecomps/${course.compId}`,
    body: (text) => ({ comp_name: text }),
  },
  'an entry': {
    read: () => `/api/configure/entries/${course.entryId}`,
    write: () => `/api/configure/entries/${course.entryId}`,
    body: (text) => ({ entry_title: text }),
  },
  'an outcome': {
    read: () => `/api/configure/outcomes/${outcomeId}`,
    write: () => `/api/configure/outcomes/${outcomeId}`,
    body: (text) => ({ outcome_data: { feedback_text: text, score: 5 } }),
  },
  'an outcome, by its submission': {
    read: () => `/api/configure/outcomes/${outcomeId}`,
    write: () => `/api/v1/submissions/${submissionId}/outcome`,
    body: (text) => ({ outcome_data: { feedback_text: text, score: 6 } }),
  },
};

const etagOf = async (person: Person, path: string) => (await person.get(path)).headers.get('etag') ?? '';

describe.each(Object.entries(resources))('%s', (_what, { read, write, body }) => {
  test('carries an ETag that changes with it, also in the answer of the change', async () => {
    const before = await etagOf(course.staff, read());
    expect(before).toMatch(/^"[^"]+"$/);
    expect(await etagOf(course.staff, read())).toBe(before);
    const changed = await course.staff.put(write(), body('changed'));
    expect(changed.status).toBe(200);
    const after = await etagOf(course.staff, read());
    expect(after).not.toBe(before);
    expect(changed.headers.get('etag')).toBe(after);
  });

  test('is not sent again to who has it', async () => {
    const etag = await etagOf(course.staff, read());
    for (const value of [etag, `W/${etag}`]) {
      const reply = await course.staff.get(read(), { 'if-none-match': value });
      expect([reply.status, reply.text, reply.headers.get('etag')]).toEqual([304, '', etag]);
    }
    const changed = await course.staff.get(read(), { 'if-none-match': '"other"' });
    expect(changed.status).toBe(200);
  });

  test('is changed by who saw its latest version, and by nobody who saw an older one', async () => {
    const old = await etagOf(course.staff, read());
    const right = await course.staff.put(write(), body('with the latest'), { 'if-match': old });
    expect(right.status).toBe(200);
    const before = (await course.staff.get(read())).text;
    const late = await course.staff.put(write(), body('with an old one'), { 'if-match': old });
    expect([late.status, late.json()['code']]).toEqual([412, 'precondition_failed']);
    expect((await course.staff.get(read())).text).toBe(before);
  });

  test('takes If-Match: * and no If-Match at all for any version', async () => {
    expect((await course.staff.put(write(), body('any'), { 'if-match': '*' })).status).toBe(200);
    expect((await course.staff.put(write(), body('none'))).status).toBe(200);
  });

  test('changed by six at once from one version is changed by one of them', async () => {
    const etag = await etagOf(course.staff, read());
    const texts = ['one', 'two', 'three', 'four', 'five', 'six'];
    const replies = await Promise.all(texts.map((text) => course.staff.put(write(), body(text), { 'if-match': etag })));
    expect(replies.map((reply) => reply.status).sort()).toEqual([200, 412, 412, 412, 412, 412]);
    const winner = texts[replies.findIndex((reply) => reply.status === 200)];
    expect((await course.staff.get(read())).text).toContain(winner);
  });

  test('changed by six at once without a version loses none of the changes to an error', async () => {
    const replies = await Promise.all(
      ['a', 'b', 'c', 'd', 'e', 'f'].map((text) => course.staff.put(write(), body(text))),
    );
    expect(replies.map((reply) => reply.status)).toEqual([200, 200, 200, 200, 200, 200]);
  });
});

test.each(['flexagecomps', 'entries'])('%s are not deleted by who saw an older version', async (kind) => {
  const fresh = await lab.makeCourse();
  const path = `/api/configure/${kind}/${kind === 'entries' ? fresh.entryId : fresh.compId}`;
  const old = await etagOf(fresh.staff, path);
  await fresh.staff.put(path, kind === 'entries' ? { entry_title: 'New' } : { comp_name: 'New' });
  const late = await fresh.staff.delete(path, undefined, { 'if-match': old });
  expect([late.status, late.json()['code']]).toEqual([412, 'precondition_failed']);
  expect((await fresh.staff.get(path)).status).toBe(200);
  const latest = await etagOf(fresh.staff, path);
  expect((await fresh.staff.delete(path, undefined, { 'if-match': latest })).status).toBe(200);
});
