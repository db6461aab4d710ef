import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cpuMsOf } from '../cpu-time.ts';
import { type Lab, startLab } from './client.ts';

let lab: Lab;
beforeAll(async () => {
  // Dear enough that a comparison of passwords outweighs everything else that a log-in does.
  lab = await startLab({ overrides: { bcryptCost: 11 } });
});
afterAll(() => lab.close());

/** The least of a few tries. The whole system is in this process. */
async function leastCpuMs(call: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 3; i += 1) times.push(await cpuMsOf(call));
  return Math.min(...times);
}

test('an unknown name costs a comparison of passwords, as a wrong password does', async () => {
  const attempt = async (username: string) => {
    const reply = await lab.anyone('POST', '/api/auth/login', { form: { username, password: 'a wrong guess' } });
    expect(reply.refusal).toEqual([401, 'Incorrect username or password']);
  };
  const wrongPassword = await leastCpuMs(() => attempt(lab.root.username));
  const unknownName = await leastCpuMs(() => attempt(`nobody-${randomUUID()}`));
  const noLogIn = await leastCpuMs(() => lab.root.get('/api/auth/me'));
  // Without a comparison an unknown name would be as cheap as any other read.
  expect(wrongPassword).toBeGreaterThan(5 * noLogIn);
  expect(unknownName).toBeGreaterThan(wrongPassword / 2);
  expect(unknownName).toBeLessThan(wrongPassword * 2);
});
