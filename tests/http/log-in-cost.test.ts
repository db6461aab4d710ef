import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Lab, startLab } from './client.ts';

let lab: Lab;
beforeAll(async () => {
  // Dear enough that a comparison of passwords outweighs everything else that a log-in does.
  lab = await startLab({ overrides: { bcryptCost: 11 } });
});
afterAll(() => lab.close());

/** The fastest of a few tries: what else runs on the machine only ever makes a call slower. */
async function fastestMs(call: (i: number) => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 3; i += 1) {
    const startedMs = performance.now();
    await call(i);
    times.push(performance.now() - startedMs);
  }
  return Math.min(...times);
}

test('an unknown name costs a comparison of passwords, as a wrong password does', async () => {
  const attempt = async (username: string) => {
    const reply = await lab.anyone('POST', '/api/auth/login', { form: { username, password: 'a wrong guess' } });
    expect(reply.refusal).toEqual([401, 'Incorrect username or password']);
  };
  const wrongPassword = await fastestMs(() => attempt(lab.root.username));
  const unknownName = await fastestMs(() => attempt(`nobody-${randomUUID()}`));
  const noLogIn = await fastestMs(() => lab.root.get('/api/auth/me'));
  // Without a comparison an unknown name would be answered as fast as any other read.
  expect(wrongPassword).toBeGreaterThan(5 * noLogIn);
  expect(unknownName).toBeGreaterThan(wrongPassword / 2);
  expect(unknownName).toBeLessThan(wrongPassword * 2);
});
