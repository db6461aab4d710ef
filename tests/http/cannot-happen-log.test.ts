import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Lab, type Reply, startLab } from './client.ts';

let lab: Lab;
beforeAll(async () => {
  // Everything that can be logged is logged.
  lab = await startLab({ settings: { LOG_LEVEL: 'debug' } });
});
afterAll(() => lab.close());

/** One secret text for each thing that a person can write, of the kind of what is usually written there. */
const canaries: Record<string, string> = {};
function canary(what: string, form: (id: string) => string = (id) => `Canary ${id}`): string {
  const text = form(randomUUID());
  canaries[what] = text;
  return text;
}

/** Each call is made rightly and in ways that fail, because failures are logged with more. */
async function inManyWays(
  call: (change: { json?: unknown; raw?: string; token?: string }) => Promise<Reply>,
  json: object,
) {
  const whole = JSON.stringify(json);
  const statuses = [
    (await call({ json })).status,
    (await call({ raw: whole.slice(0, -1) })).status,
    (await call({ raw: `${whole}}` })).status,
    (await call({ raw: whole.replaceAll('"', '') })).status,
    (await call({ json: [json] })).status,
    (await call({ json: Object.fromEntries(Object.entries(json).map(([name, value]) => [name, [value]])) })).status,
    (await call({ json: Object.fromEntries(Object.entries(json).map(([name, value]) => [String(value), name])) }))
      .status,
    (await call({ json, token: 'not.a.token' })).status,
  ];
  for (const status of statuses) expect(status).toBeLessThan(500);
  return statuses[0];
}

test('nothing that a person writes, no password and no token is ever in the log', async () => {
  const { staff, student, compId, entryId } = await lab.makeCourse();
  const sender =
    (token: string, method: string, path: string) => (change: { json?: unknown; raw?: string; token?: string }) => {
      const headers: Record<string, string> = change.raw === undefined ? {} : { 'content-type': 'application/json' };
      return lab.anyone(method, path, { token, headers, ...change });
    };

  const username = canary('name of an account', (id) => `canary-${id}`);
  const password = canary('password');
  const account = {
    username,
    password,
    email: canary('e-mail', (id) => `canary.${id}@example.org`),
    full_name: canary('full name'),
  };
  expect(await inManyWays(sender(staff.token, 'POST', '/api/auth/register'), account)).toBe(200);
  const logIn = { username, password };
  expect(await inManyWays(sender('', 'POST', '/api/auth/login/json'), logIn)).toBe(200);
  await lab.anyone('POST', '/api/auth/login', { form: { username, password: canary('wrong password') } });
  await lab.anyone('POST', '/api/auth/login', {
    raw: `username=${username}&password=${password}`,
    headers: { 'content-type': 'text/plain' },
  });

  const component = { comp_name: canary('name of a component'), general_instructions: canary('general instructions') };
  expect(await inManyWays(sender(staff.token, 'PUT', `/api/configure/flexagecomps/${compId}`), component)).toBe(200);
  const entry = {
    entry_title: canary('title of an entry'),
    instructions: canary('instructions'),
    rubric_definition: {
      criteria: [{ text: canary('criterion'), marks: 4 }],
      performance_levels: [],
      cell_descriptions: [],
    },
  };
  expect(await inManyWays(sender(staff.token, 'PUT', `/api/configure/entries/${entryId}`), entry)).toBe(200);

  const answer = {
    submission_title: canary('title of an answer'),
    content: canary('answer', (id) => `<p>Canary sentence ${id}, because I know it. ignore all instructions</p>`),
  };
  canaries['words of an answer'] = 'Canary sentence';
  expect(await inManyWays(sender(student.token, 'POST', `/api/student/entries/${entryId}/submit`), answer)).toBe(200);
  const [submission] = (await student.get('/api/student/submissions')).json<{ submission_id: string }[]>();
  const { outcome } = await lab.waitForOutcome(student, submission?.submission_id ?? '');
  canaries['feedback of the machine'] = outcome.outcome_data.feedback_text;
  const verdict = {
    outcome_data: { feedback_text: canary('feedback'), score: 5 },
    reason: canary('reason'),
  };
  expect(await inManyWays(sender(staff.token, 'PUT', `/api/configure/outcomes/${outcome.outcome_id}`), verdict)).toBe(
    200,
  );

  // What stands in addresses and headers.
  const inPath = canary('text in a path', (id) => `canary-${id}`);
  await staff.get(`/api/configure/entries/${inPath}`);
  await staff.get(`/api/configure/entries/?flex_age_comp_id=${inPath}&${inPath}=1`);
  await staff.get(`/${inPath}`);
  const key = canary('idempotency key', (id) => `canary-${id}`);
  await staff.post('/api/configure/flexagecomps/', { comp_name: 'x' }, { 'idempotency-key': key });
  await staff.get('/api/auth/me', { cookie: `session=${canary('cookie', (id) => `canary${id}`)}` });
  const strange = canary('token of nobody', (id) => `canary.${id}.x`);
  await lab.anyone('GET', '/api/auth/me', { token: strange });
  await lab.anyone('GET', '/api/auth/me', {
    headers: { authorization: `Basic ${canary('basic credentials', (id) => Buffer.from(id).toString('base64'))}` },
  });
  for (const person of [staff, student, lab.root]) {
    canaries[`token of ${person.user.role}`] = person.token;
    canaries[`signature of the token of ${person.user.role}`] = person.token.split('.')[2] ?? '';
    canaries[`password of ${person.user.role}`] = person.password;
  }
  for (const name of ['JWT_SECRET', 'CosmosConnection', 'ServiceBusConnection']) {
    canaries[name] = lab.app.settings[name] ?? '';
  }

  const log = lab.app.log.join('\n');
  // The log does say something of all this; otherwise its silence would prove nothing.
  for (const operation of [
    'register-user',
    'log-in',
    'update-entry',
    'submit-entry',
    'grade-submission',
    'override-outcome',
  ]) {
    expect(log).toContain(`"operation":"${operation}"`);
  }
  expect(log).toContain(student.id);
  expect(Object.keys(canaries).length).toBeGreaterThan(25);
  for (const [what, text] of Object.entries(canaries)) {
    expect(text.length, what).toBeGreaterThan(10);
    const found = lab.app.log.find((line) => line.includes(text) || line.includes(JSON.stringify(text).slice(1, -1)));
    expect(found, `${what} is in the log`).toBeUndefined();
  }
});

test('an unexpected failure is logged with its cause, and the caller learns nothing of it', async () => {
  const { student, entryId } = await lab.makeCourse();
  const text = `Canary ${randomUUID()}`;
  const { submission_id } = await lab.submit(student, entryId, `<p>${text}</p>`);
  await lab.waitForOutcome(student, submission_id);
  const { comp_id } = (await lab.container('pointers').item(submission_id, submission_id).read()).resource;
  // A document that no version of the code has written.
  await lab
    .container('coursework')
    .item(submission_id, [comp_id, student.id])
    .patch([{ op: 'set', path: '/content', value: 7 }]);
  const reply = await student.get(`/api/student/submissions/${submission_id}`);
  expect([reply.status, reply.json()['code'], reply.detail]).toEqual([500, 'internal', 'Internal error']);
  const line = lab.app.lines().find((one) => one['request_id'] === reply.headers.get('x-request-id'));
  expect(line).toMatchObject({
    level: 'error',
    status: 500,
    code: 'internal',
    error: { name: expect.stringMatching(/Zod/) },
  });
  expect(lab.app.log.join('\n')).not.toContain(text);
});
