import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Lab,
  rubric,
  startLab,
  type WireComponent,
  type WireEntry,
  type WireOutcome,
  type WireSubmission,
} from './client.ts';

let lab: Lab;
let course: Awaited<ReturnType<Lab['makeCourse']>>;
let submitPath: string;

beforeAll(async () => {
  lab = await startLab();
  course = await lab.makeCourse();
  submitPath = `/api/student/entries/${course.entryId}/submit`;
});
afterAll(() => lab.close());

const submit = (content: string, fields: Record<string, unknown> = {}) =>
  course.student.post(submitPath, { submission_title: 'x', content, ...fields });
/** How many submissions there are, to show that a refused one left nothing. */
const stored = async () => (await course.student.get('/api/student/submissions')).json<unknown[]>().length;

describe('size', () => {
  const mebibyte = 1_048_576;

  test.each([
    ['8 MB of text', 'a'.repeat(8 * mebibyte)],
    ['one byte more than 1 MB of text', 'a'.repeat(mebibyte + 1)],
    ['more than 1 MB of text in characters of several bytes', 'ä'.repeat(mebibyte / 2 + 1)],
  ])('%s is refused with 413 and nothing is stored', async (_what, content) => {
    const before = await stored();
    const reply = await submit(content);
    expect(reply.status).toBe(413);
    expect(reply.json()).toMatchObject({ code: 'payload_too_large', status: 413 });
    expect(await stored()).toBe(before);
  });

  test('8 MB without a declared length are refused while they arrive', async () => {
    const piece = Buffer.alloc(256 * 1024, 'a');
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent === 0) controller.enqueue(Buffer.from('{"submission_title":"x","content":"'));
        controller.enqueue(piece);
        sent += piece.length;
        if (sent >= 8 * mebibyte) controller.close();
      },
    });
    const headers = { authorization: `Bearer ${course.student.token}`, 'content-type': 'application/json' };
    // Node sends a stream only with this option, which its types do not know yet.
    const init: RequestInit & { duplex: 'half' } = { method: 'POST', headers, body, duplex: 'half' };
    const response = await fetch(lab.url + submitPath, init);
    expect(response.status).toBe(413);
  });

  test('just under 1 MB of text is accepted, stored as it is and graded', async () => {
    const { student, entryId } = await lab.makeCourse();
    const sentence = 'Plants take light, water and carbon dioxide, and chlorophyll absorbs the light. ';
    const content = sentence.repeat(Math.floor((mebibyte - 1) / sentence.length));
    const { submission_id } = await lab.submit(student, entryId, content);
    const graded = await lab.waitForOutcome(student, submission_id);
    expect(graded.content).toBe(content);
    expect(graded.outcome.outcome_data.score).toBeGreaterThan(0);
  });

  test.each([
    ['ampersands', '&'],
    ['quotation marks', '"'],
    ['backslashes', '\\'],
    ['characters of three bytes', '漢'],
  ])(
    '1 MB of %s is stored and graded, or refused as too much, with an Idempotency-Key too',
    async (_what, character) => {
      const { student, entryId } = await lab.makeCourse();
      const content = character.repeat(Math.floor((mebibyte - 10) / Buffer.byteLength(character)));
      for (const headers of [{}, { 'idempotency-key': randomUUID() }]) {
        const json = { submission_title: `x${JSON.stringify(headers)}`, content };
        const reply = await student.post(`/api/student/entries/${entryId}/submit`, json, headers);
        expect([200, 413, 422], reply.text.slice(0, 300)).toContain(reply.status);
        if (reply.status === 200) await lab.waitForOutcome(student, reply.json<WireSubmission>().submission_id);
      }
    },
  );

  test('a title of 300 characters is a 422, one of 255 is accepted', async () => {
    expect((await submit('text', { submission_title: 't'.repeat(300) })).status).toBe(422);
    expect((await submit('text', { submission_title: 't'.repeat(255) })).status).toBe(200);
  });

  test.each<[string, unknown]>([
    ['300 kB of one text', { criteria: [{ text: 'x'.repeat(400_000), marks: 1 }] }],
    ['100,000 criteria', { criteria: Array.from({ length: 100_000 }, () => ({ text: 'x', marks: 1 })) }],
  ])('a rubric of %s is a 422', async (_what, rubric_definition) => {
    const json = { flex_age_comp_id: course.compId, entry_title: 'x', rubric_definition };
    const reply = await course.staff.post('/api/configure/entries/', json);
    expect([413, 422]).toContain(reply.status);
  });

  test.each(['[', '{"a":'])('a rubric that nests %s without end is a 422', async (open) => {
    const close = open === '[' ? ']' : '}';
    for (const depth of [65, 5_000, 100_000]) {
      const deep = `${open.repeat(depth)}1${close.repeat(depth)}`;
      const raw = `{"flex_age_comp_id":"${course.compId}","entry_title":"x","rubric_definition":{"criteria":${deep}}}`;
      const reply = await course.staff.call('POST', '/api/configure/entries/', {
        raw,
        headers: { 'content-type': 'application/json' },
      });
      expect([depth, reply.status]).toEqual([depth, 422]);
    }
  });

  test('a rubric of the largest allowed size is kept and can be graded', async () => {
    const text = '&<"ä'.repeat(1_000);
    const rubric_definition = { ...rubric, criteria: Array.from({ length: 50 }, () => ({ text, marks: 1 })) };
    const { student, entryId } = await lab.makeCourse({
      entry: { rubric_definition, instructions: '&'.repeat(90_000) },
    });
    const { submission_id } = await lab.submit(student, entryId);
    await lab.waitForOutcome(student, submission_id);
  });
});

describe('text that cannot be stored', () => {
  const cases = [
    ['a NUL byte', 'before\u0000after'],
    ['half of a surrogate pair', 'before\ud800after'],
    ['the other half of a surrogate pair', '\udc00'],
  ] as const;

  test.each(cases)('%s is a 422 in every text, and no submission is left behind', async (_what, text) => {
    const before = await stored();
    expect((await submit(text)).status).toBe(422);
    expect((await submit('text', { submission_title: text })).status).toBe(422);
    expect(await stored()).toBe(before);
    const writes = [
      await course.staff.post('/api/configure/flexagecomps/', { comp_name: text }),
      await course.staff.post('/api/configure/flexagecomps/', { comp_name: 'x', general_instructions: text }),
      await course.staff.put(`/api/configure/entries/${course.entryId}`, { instructions: text }),
      await course.staff.put(`/api/configure/entries/${course.entryId}`, {
        rubric_definition: { criteria: [{ text }] },
      }),
      await course.staff.put(`/api/configure/entries/${course.entryId}`, { rubric_definition: { [text]: 1 } }),
      await course.staff.post('/api/auth/register', { username: text, password: 'long enough to be one' }),
      await course.staff.post('/api/auth/register', { username: randomUUID(), password: `${text} and more text` }),
      await lab.anyone('POST', '/api/auth/login/json', { json: { username: text, password: text } }),
    ];
    expect(writes.map((reply) => reply.status)).toEqual(writes.map(() => 422));
  });

  test('a NUL in a form or in an address is a 422, and bytes that are no UTF-8 too', async () => {
    const form = { username: 'a\u0000b', password: 'x' };
    expect((await lab.anyone('POST', '/api/auth/login', { form })).status).toBe(422);
    expect((await course.staff.get('/api/auth/users?cursor=%00')).status).toBe(422);
    const raw = new Uint8Array([123, 34, 97, 34, 58, 34, 0xff, 0xfe, 34, 125]);
    const headers = { 'content-type': 'application/json' };
    expect((await course.student.call('POST', submitPath, { raw, headers })).status).toBe(422);
  });

  test('a whole surrogate pair and any script of the world is kept', async () => {
    const title = '😀 漢字 العربية ünïcödé';
    const reply = await submit(`<p>${title}</p>`, { submission_title: title });
    expect(reply.json()).toMatchObject({ submission_title: title, content: `<p>${title}</p>` });
  });
});

describe('rich text', () => {
  const hostile =
    '<p onclick="steal()">Kept <strong>bold</strong></p><script>steal()</script><img src="x" onerror="steal()">' +
    '<a href="javascript:steal()">link</a><iframe src="https://example.org"></iframe><svg onload="steal()"></svg><style>*{}</style>';
  const isHarmless = (html: string | null | undefined) => {
    expect(html).toContain('Kept <strong>bold</strong>');
    expect(html).not.toMatch(/script|steal|onclick|onerror|onload|iframe|svg|style|javascript/i);
  };

  test.each([
    '<p></p>',
    '<p>&nbsp;</p>',
    '<img src="https://example.org/a.png">',
    '<script>text()</script>',
    '<!-- text -->',
    '\u200b\u2060',
    '   \n',
  ])('content that shows nothing is a 422: %j', async (content) => {
    expect((await submit(content)).status).toBe(422);
  });

  test('nothing that acts survives in content, instructions and feedback; formatting does', async () => {
    const { staff, student, compId, entryId } = await lab.makeCourse();
    const component = await staff.put(`/api/configure/flexagecomps/${compId}`, { general_instructions: hostile });
    isHarmless(component.json<WireComponent>().general_instructions);
    const entry = await staff.put(`/api/configure/entries/${entryId}`, { instructions: hostile });
    isHarmless(entry.json<WireEntry>().instructions);
    isHarmless((await student.get(`/api/student/entries/${entryId}`)).json<WireEntry>().instructions);
    const { submission_id, content } = await lab.submit(student, entryId, hostile);
    isHarmless(content);
    const { outcome } = await lab.waitForOutcome(student, submission_id);
    const json = { outcome_data: { feedback_text: hostile, score: 5 } };
    const put = await staff.put(`/api/configure/outcomes/${outcome.outcome_id}`, json);
    isHarmless(put.json<WireOutcome>().outcome_data.feedback_text);
    const seen = (await student.get(`/api/student/submissions/${submission_id}`)).json<WireSubmission>();
    isHarmless(seen.outcome?.outcome_data.feedback_text);
    isHarmless(seen.content);
  });

  test('plain text stays as it was typed', async () => {
    const title = 'a < b && "c" <script>';
    expect((await submit('x', { submission_title: title })).json<WireSubmission>().submission_title).toBe(title);
  });
});

describe('unknown and strange fields', () => {
  test('unknown fields are ignored and never stored', async () => {
    const canary = `canary-${randomUUID()}`;
    const extra = {
      [canary]: canary,
      deleted_at: canary,
      type: canary,
      id: canary,
      is_latest: canary,
      schema_version: 9,
    };
    const { staff, student, compId, entryId } = course;
    const replies = [
      await staff.put(`/api/configure/flexagecomps/${compId}`, { comp_name: 'Still', ...extra }),
      await staff.put(`/api/configure/entries/${entryId}`, { entry_title: 'Still', comp_id: canary, ...extra }),
      await student.post(submitPath, { submission_title: 'x', content: canary.replace('canary', 'known'), ...extra }),
      await staff.post('/api/auth/register', {
        username: randomUUID(),
        password: 'long enough for this',
        is_active: false,
        user_id: canary,
        ...extra,
      }),
    ];
    expect(replies.map((reply) => reply.status)).toEqual([200, 200, 200, 200]);
    for (const reply of replies) expect(reply.text).not.toContain(canary);
    for (const id of ['identity', 'courses', 'coursework', 'memberships', 'pointers', 'platform']) {
      const { resources } = await lab.container(id).items.readAll().fetchAll();
      expect([id, JSON.stringify(resources).includes(canary)]).toEqual([id, false]);
    }
  });

  test('__proto__, constructor and doubled keys do no harm', async () => {
    const raw = `{"flex_age_comp_id":"${course.compId}","entry_title":"first","entry_title":"second","__proto__":{"rubric_visible":true},"constructor":{"prototype":{"polluted":1}},"rubric_definition":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}`;
    const headers = { 'content-type': 'application/json' };
    const reply = await course.staff.call('POST', '/api/configure/entries/', { raw, headers });
    expect(reply.status).toBe(201);
    expect(reply.json()).toMatchObject({ entry_title: 'second', rubric_visible: false });
    expect(Reflect.get({}, 'polluted')).toBeUndefined();
    const id = reply.json<WireEntry>().entry_id;
    expect((await course.staff.get(`/api/configure/entries/${id}`)).status).toBe(200);
  });
});
