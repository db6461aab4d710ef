import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Lab, type Person, type Reply, startLab } from './client.ts';

// A tenth of the built-in limits: 30 reads at once and one a second, 6 writes, 6 log-ins, 30 public calls, 2 gradings.
let nowMs = Date.UTC(2026, 0, 5, 12);
const later = (ms: number) => {
  nowMs += ms;
};
let lab: Lab;
let people: Person[];
beforeAll(async () => {
  lab = await startLab({
    settings: { RATE_LIMIT_SCALE: '0.1', ACCESS_TOKEN_EXPIRE_MINUTES: '1440' },
    overrides: { clock: { now: () => nowMs } },
  });
  people = [];
  for (let i = 0; i < 2; i += 1) {
    later(60_000);
    people.push(await lab.makePerson('configurator'));
  }
});
afterAll(() => lab.close());

/** Makes the call until it is refused; returns how often it went well, and the refusal. */
async function exhaust(call: () => Promise<Reply>): Promise<{ count: number; refusal: Reply }> {
  for (let count = 0; count < 200; count += 1) {
    const reply = await call();
    if (reply.status === 429) return { count, refusal: reply };
  }
  throw new Error('200 calls were not refused.');
}

const rested = () => later(10 * 60_000);

test('a caller who asks too often is told when to come back, and may then', async () => {
  rested();
  const [person] = people;
  const call = () => person?.get('/api/auth/me') ?? Promise.reject();
  const { count, refusal } = await exhaust(call);
  expect(count).toBe(30);
  expect(refusal.json()).toMatchObject({
    status: 429,
    code: 'rate_limited',
    detail: 'Too many requests; try again later.',
  });
  expect(refusal.headers.get('content-type')).toBe('application/problem+json');
  const waitS = Number(refusal.headers.get('retry-after'));
  expect(waitS).toBe(1);
  later(waitS * 1000 - 100);
  expect((await call()).status).toBe(429);
  later(100);
  expect((await call()).status).toBe(200);
  expect((await call()).status).toBe(429);
});

test('each account has its own allowance, though all come from one address', async () => {
  rested();
  const [first, second] = people;
  await exhaust(() => first?.get('/api/auth/me') ?? Promise.reject());
  expect((await second?.get('/api/auth/me'))?.status).toBe(200);
  expect((await lab.anyone('GET', '/health')).status).toBe(200);
});

test('reading and writing have allowances of their own', async () => {
  rested();
  const [person] = people;
  const write = () => person?.post('/api/configure/flexagecomps/', { comp_name: 'x' }) ?? Promise.reject();
  expect((await exhaust(write)).count).toBe(6);
  expect((await person?.get('/api/auth/me'))?.status).toBe(200);
});

test('what is refused changes nothing, not even when it is asked with an Idempotency-Key', async () => {
  rested();
  const owner = people[1];
  if (owner === undefined) throw new Error('Nobody there.');
  const path = '/api/configure/flexagecomps/';
  const headers = { 'idempotency-key': randomUUID() };
  await exhaust(() => owner.post(path, { comp_name: 'x' }));
  const before = (await owner.get(path)).text;
  expect((await owner.post(path, { comp_name: 'y' }, headers)).status).toBe(429);
  expect((await owner.get(path)).text).toBe(before);
  rested();
  expect((await owner.post(path, { comp_name: 'y' }, headers)).status).toBe(201);
});

test('log-ins count by address, whatever the name and however it ends', async () => {
  rested();
  let i = 0;
  const attempt = () => {
    i += 1;
    return lab.anyone('POST', '/api/auth/login', { form: { username: `name-${i}`, password: 'guess' } });
  };
  const { count, refusal } = await exhaust(attempt);
  expect(count).toBe(20);
  expect(Number(refusal.headers.get('retry-after'))).toBe(6);
  const right = { username: lab.root.username, password: lab.root.password };
  expect((await lab.anyone('POST', '/api/auth/login/json', { json: right })).status).toBe(429);
  later(10_000);
  expect((await lab.anyone('POST', '/api/auth/login/json', { json: right })).status).toBe(200);
});

test('the address is the one that the platform saw, so nobody escapes by naming another', async () => {
  rested();
  let i = 0;
  const attempt = () => {
    i += 1;
    const headers = { 'x-forwarded-for': `203.0.113.${i}` };
    return lab.anyone('POST', '/api/auth/login', { form: { username: 'x', password: 'x' }, headers });
  };
  expect((await exhaust(attempt)).count).toBe(20);
});

test('public pages are limited too, and readiness with them', async () => {
  rested();
  expect((await exhaust(() => lab.anyone('GET', '/health'))).count).toBe(30);
  expect((await lab.anyone('GET', '/docs')).status).toBe(429);
});

test('a call without a right token is refused with 401 and costs its address nothing', async () => {
  rested();
  for (let i = 0; i < 40; i += 1) expect((await lab.anyone('GET', '/api/auth/me', { token: 'x' })).status).toBe(401);
  expect((await lab.anyone('GET', '/health')).status).toBe(200);
});
