import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Lab, type Person, type Reply, startLab } from './client.ts';

// A tenth of the built-in limits. A student: 10 calls at once and one a second, 6 of them writes; staff five times that.
// An address without an account: 60 calls, 30 log-ins, 1 registration; 120 wrong credentials.
let nowMs = Date.UTC(2026, 0, 5, 12);
const later = (ms: number) => {
  nowMs += ms;
};
let lab: Lab;
let student: Person;
let other: Person;
let staff: Person;
beforeAll(async () => {
  lab = await startLab({
    settings: { RATE_LIMIT_SCALE: '0.1', ACCESS_TOKEN_EXPIRE_MINUTES: '1440' },
    overrides: { clock: { now: () => nowMs } },
  });
  student = await lab.makePerson('student');
  other = await lab.makePerson('student');
  staff = await lab.makePerson('configurator');
});
afterAll(() => lab.close());

/** Makes the call until it is refused; returns how often it went well, and the refusal. */
async function exhaust(call: () => Promise<Reply>): Promise<{ count: number; refusal: Reply }> {
  for (let count = 0; count < 400; count += 1) {
    const reply = await call();
    if (reply.status === 429) return { count, refusal: reply };
  }
  throw new Error('400 calls were not refused.');
}

/** The instance writes down that it is there, beside a request of somebody whose limits no test looks at. */
async function seen(): Promise<void> {
  await lab.root.get('/api/auth/me');
  const id = 'rate-limit-instances';
  const read = () => lab.container('platform').item(id, id).read<{ seen_at_ms: Record<string, number> }>();
  await expect.poll(async () => Object.values((await read()).resource?.seen_at_ms ?? {})).toEqual([nowMs]);
}

/** Long enough for every bucket but that of registrations; the instance knows then that it is the only one. */
async function rested(): Promise<void> {
  later(10 * 60_000);
  await seen();
  later(10_000);
  await seen();
  later(9_000);
}

const me = (person: Person) => () => person.get('/api/auth/me');
const rateOf = (reply: Reply) =>
  ['limit', 'remaining', 'reset'].map((name) => Number(reply.headers.get(`ratelimit-${name}`) ?? 'NaN'));

test('a caller who asks too often is told when to come back, and may then', async () => {
  await rested();
  const { count, refusal } = await exhaust(me(student));
  expect(count).toBe(10);
  expect(refusal.json()).toMatchObject({
    status: 429,
    code: 'rate_limited',
    detail: 'Too many requests; try again later.',
  });
  expect(refusal.headers.get('content-type')).toBe('application/problem+json');
  const waitS = Number(refusal.headers.get('retry-after'));
  expect(waitS).toBe(1);
  later(waitS * 1000 - 100);
  expect((await me(student)()).status).toBe(429);
  later(100);
  expect((await me(student)()).status).toBe(200);
  expect((await me(student)()).status).toBe(429);
});

test('every answer says what is left, in both spellings, and pages of other origins can read it', async () => {
  await rested();
  const first = await me(student)();
  expect(rateOf(first)).toEqual([10, 9, 1]);
  const second = await me(student)();
  expect(rateOf(second)).toEqual([10, 8, 2]);
  for (const name of ['limit', 'remaining']) {
    expect(second.headers.get(`x-ratelimit-${name}`)).toBe(second.headers.get(`ratelimit-${name}`));
  }
  expect(second.headers.get('x-ratelimit-reset')).toBe(String(Math.ceil(nowMs / 1000) + 2));
  const answers = [
    await lab.anyone('GET', '/health'),
    await lab.anyone('GET', '/nowhere'),
    await lab.anyone('DELETE', '/health'),
    await lab.anyone('GET', '/api/auth/me'),
    await lab.anyone('GET', '/api/auth/me', { token: 'x' }),
    await student.get('/api/auth/users'),
    await student.get('/api/student/entries/not-an-id'),
  ];
  expect(answers.map((answer) => answer.status)).toEqual([200, 404, 405, 401, 401, 403, 422]);
  for (const answer of answers) expect(rateOf(answer).every(Number.isInteger)).toBe(true);
  const { refusal } = await exhaust(me(student));
  expect(rateOf(refusal).slice(0, 2)).toEqual([10, 0]);
});

test('each account has its own allowance, though all come from one address', async () => {
  await rested();
  await exhaust(me(student));
  expect((await me(other)()).status).toBe(200);
  expect((await lab.anyone('GET', '/health')).status).toBe(200);
});

test('staff may make five times as many calls', async () => {
  await rested();
  expect((await exhaust(me(staff))).count).toBe(50);
});

test('a better tier multiplies what an account may do', async () => {
  const person = await lab.makePerson('student');
  await lab
    .container('identity')
    .item(person.id, 'accounts')
    .patch([{ op: 'set', path: '/tier', value: 'basic' }]);
  await rested();
  expect((await exhaust(me(person))).count).toBe(20);
});

test('writing has a limit of its own, within that of all calls', async () => {
  await rested();
  const write = () => staff.post('/api/configure/flexagecomps/', { comp_name: 'x' });
  expect((await exhaust(write)).count).toBe(30);
  expect((await me(staff)()).status).toBe(200);
});

test('what is refused for want of a permission counts too', async () => {
  await rested();
  expect((await exhaust(() => student.get('/api/auth/users'))).count).toBe(10);
});

test('what is refused changes nothing, not even when it is asked with an Idempotency-Key', async () => {
  await rested();
  const path = '/api/configure/flexagecomps/';
  const headers = { 'idempotency-key': randomUUID() };
  await exhaust(() => staff.post(path, { comp_name: 'x' }));
  const before = (await staff.get(path)).text;
  expect((await staff.post(path, { comp_name: 'y' }, headers)).status).toBe(429);
  expect((await staff.get(path)).text).toBe(before);
  await rested();
  expect((await staff.post(path, { comp_name: 'y' }, headers)).status).toBe(201);
});

test('log-ins count by address, whatever the name and however it ends', async () => {
  await rested();
  const tries = [
    { username: student.username, password: student.password },
    { username: other.username, password: other.password },
    { username: 'nobody' },
  ];
  let i = 0;
  const { count, refusal } = await exhaust(() => {
    i += 1;
    return lab.anyone('POST', '/api/auth/login/json', { json: tries[i % 3] });
  });
  expect(count).toBe(30);
  expect(Number(refusal.headers.get('retry-after'))).toBe(2);
  const right = { username: lab.root.username, password: lab.root.password };
  expect((await lab.anyone('POST', '/api/auth/login/json', { json: right })).status).toBe(429);
  later(2_000);
  expect((await lab.anyone('POST', '/api/auth/login/json', { json: right })).status).toBe(200);
});

test('a class of thirty behind one address can log in at once', async () => {
  await rested();
  const right = { username: student.username, password: student.password };
  const all = Array.from({ length: 30 }, () => lab.anyone('POST', '/api/auth/login/json', { json: right }));
  expect(new Set((await Promise.all(all)).map((reply) => reply.status))).toEqual(new Set([200]));
});

test('nobody gets a fresh allowance by naming another address', async () => {
  await rested();
  const form = { username: student.username, password: student.password };
  let i = 0;
  const { count } = await exhaust(() => {
    i += 1;
    const given = [`203.0.113.${i}`, `203.0.113.${i}, 198.51.100.${i}`, `2001:db8:${i}::1`][i % 3] ?? '';
    const headers = {
      'x-forwarded-for': given,
      forwarded: `for=203.0.113.${i}`,
      'x-real-ip': `203.0.113.${i}`,
      'x-client-ip': `203.0.113.${i}`,
      'x-azure-clientip': `203.0.113.${i}`,
      'client-ip': `203.0.113.${i}:1`,
    };
    return lab.anyone('POST', '/api/auth/login', { form, headers });
  });
  expect(count).toBe(30);
});

test('what needs no account is limited by address, pages that are not there among it', async () => {
  await rested();
  const paths = ['/health', '/nowhere', '/api/v1/nothing-here'];
  let i = 0;
  const { refusal } = await exhaust(() => {
    i += 1;
    return lab.anyone(i % 2 === 0 ? 'GET' : 'PATCH', paths[i % 3] ?? '');
  });
  expect(i).toBe(61);
  expect(refusal.json()).toMatchObject({ code: 'rate_limited' });
  expect(Number(refusal.headers.get('retry-after'))).toBe(1);
  for (const path of ['/docs', '/nowhere']) expect((await lab.anyone('GET', path)).status).toBe(429);
  expect((await lab.anyone('GET', '/api/auth/me')).status).toBe(429);
  expect((await lab.anyone('OPTIONS', '/health')).status).toBe(204);
  expect((await me(student)()).status).toBe(200);
});

test('a wrong credential costs its address, and neither the people behind it nor what needs no account', async () => {
  await rested();
  let i = 0;
  const { count, refusal } = await exhaust(() => {
    i += 1;
    const credential = i % 2 === 0 ? { token: 'x' } : { headers: { 'x-api-key': `lyc_${i}` } };
    return lab.anyone('GET', '/api/auth/me', credential);
  });
  expect(count).toBe(120);
  expect(refusal.headers.get('retry-after')).toBe('1');
  expect((await me(student)()).status).toBe(200);
  expect((await lab.anyone('GET', '/health')).status).toBe(200);
  const form = { username: student.username, password: student.password };
  expect((await lab.anyone('POST', '/api/auth/login', { form })).status).toBe(200);
});

test('who goes on in spite of being told to wait, waits longer each time', async () => {
  await rested();
  const waits: number[] = [];
  await exhaust(me(student));
  for (let i = 0; i < 70; i += 1) waits.push(Number((await me(student)()).headers.get('retry-after')));
  expect([...new Set(waits)]).toEqual([1, 2, 4, 8]);
  later(7_000);
  expect((await me(student)()).status).toBe(429);
  later(1_000);
  expect((await me(student)()).status).toBe(200);
});

test('accounts that staff make are writes of theirs, not registrations of their address', async () => {
  await rested();
  later(60 * 60_000);
  await rested();
  const body = () => {
    const username = `pupil-${randomUUID()}`;
    return { username, email: `${username}@example.org`, password: 'a long enough password' };
  };
  const byStaff = async (path: string) => (await staff.post(path, body())).status;
  for (let i = 0; i < 4; i += 1) {
    expect(await byStaff('/api/v1/auth/register')).toBe(201);
    expect(await byStaff('/api/auth/register')).toBe(200);
  }
  const byThemselves = () => lab.anyone('POST', '/api/v1/auth/register', { json: body() });
  expect((await byThemselves()).status).not.toBe(429);
  const refusal = await byThemselves();
  expect([refusal.status, refusal.headers.get('ratelimit-limit')]).toEqual([429, '1']);
  expect(await byStaff('/api/v1/auth/register')).toBe(201);
});
