import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLyceumClient, LyceumError } from '../../client/lyceum.ts';
import { admin, startApp, type TestApp } from '../app.ts';

let app: TestApp;
let token: string | undefined;
const as = (login?: string) => createLyceumClient({ baseUrl: app.url, token: () => login });

async function tokenOf(body: { username: string; password: string }): Promise<string> {
  const answer = await as().logIn({ body });
  if (!('access_token' in answer)) throw new Error('A second factor is asked for.');
  return answer.access_token;
}

beforeAll(async () => {
  app = await startApp();
  token = await tokenOf(admin);
});
afterAll(() => app.close());

test('the generated client logs in, makes a course, hands in and reads the outcome', async () => {
  const staff = as(token);
  const { comp_id } = await staff.createComponent({ body: { comp_name: 'Biology' }, idempotencyKey: 'one' });
  expect((await staff.createComponent({ body: { comp_name: 'Biology' }, idempotencyKey: 'one' })).comp_id).toBe(
    comp_id,
  );
  const { entry_id } = await staff.createEntry({ body: { flex_age_comp_id: comp_id, entry_title: 'Leaves' } });
  const student = await staff.registerUser({ body: { username: 'client-kim', password: 'a good password' } });
  await staff.enrolStudent({ body: { student_user_id: student.user_id, flex_age_comp_id: comp_id } });
  const kim = as(await tokenOf({ username: 'client-kim', password: 'a good password' }));
  const content = '<p>A leaf is green, because chlorophyll reflects green light and takes in the rest.</p>';
  const { submission_id } = await kim.submitEntry({ entry_id, body: { submission_title: 'Green', content } });
  await expect
    .poll(async () => (await kim.getOwnSubmission({ submission_id })).outcome, { timeout: 10_000 })
    .not.toBeNull();
  const { outcome } = await kim.getOwnSubmission({ submission_id });
  expect(outcome?.outcome_data.score).toBeGreaterThan(0);
});

test('the client pages through a list by its cursor', async () => {
  const staff = as(token);
  for (const comp_name of ['A', 'B', 'C']) await staff.createComponent({ body: { comp_name } });
  const first = await staff.listComponents({ limit: 2 });
  expect(first.items).toHaveLength(2);
  const second = await staff.listComponents({ limit: 2, ...(first.nextCursor ? { cursor: first.nextCursor } : {}) });
  expect(second.items.map((item) => item.comp_id)).not.toContain(first.items[0]?.comp_id);
  expect(second.items.length).toBeGreaterThan(0);
});

test('the client takes an answer without a body for a success', async () => {
  const staff = as(token);
  const { user_id } = await staff.registerUser({ body: { username: 'client-gone', password: 'a good password' } });
  expect(await staff.deleteUser({ user_id })).toBeUndefined();
  await expect(staff.getUser({ user_id })).rejects.toMatchObject({ status: 404 });
});

test('the client throws the problem document of what went wrong', async () => {
  const failure = await as()
    .getMe()
    .catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(LyceumError);
  expect((failure as LyceumError).problem.code).toBe('unauthenticated');
});
