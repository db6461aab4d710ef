import { spawn } from 'node:child_process';
import { randomInt, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { type Lab, startLab } from '../http/client.ts';
import type { Work } from './change-password-process.ts';

const rounds = 4;
const together = 12;

/** Changes the passwords in a process of its own, which is killed soon after the given answer; returns what was answered. */
async function changeAndKill(work: Work, afterAnswer: number): Promise<Map<number, string>> {
  const script = join(import.meta.dirname, 'change-password-process.ts');
  const child = spawn(process.execPath, [script, JSON.stringify(work)], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  const answers = new Map<number, string>();
  for await (const line of createInterface(child.stdout)) {
    const [index, status = ''] = line.split(' ');
    answers.set(Number(index), status);
    if (answers.size !== afterAnswer) continue;
    await sleep(randomInt(12));
    child.kill('SIGKILL');
  }
  await ended;
  return answers;
}

async function makePerson(lab: Lab) {
  const here = await lab.makePerson('student');
  const there = await lab.logIn(here.username, here.password);
  return { here, there, wanted: `new password ${randomUUID()}` };
}

test('a password change is never half done: killed in its middle, either nothing or everything has changed', {
  timeout: 90_000,
}, async () => {
  const lab = await startLab();
  onTestFinished(() => lab.close());
  const opens = async (username: string, password: string) =>
    (await lab.anyone('POST', '/api/auth/login/json', { json: { username, password } })).status === 200;
  let [answered, unanswered] = [0, 0];

  for (let round = 0; round < rounds; round += 1) {
    const people = await Promise.all(Array.from({ length: together }, () => makePerson(lab)));
    const work = {
      settings: lab.app.settings,
      people: people.map(({ here, wanted }) => ({ token: here.token, old: here.password, wanted })),
    };
    const answers = await changeAndKill(work, randomInt(1, together - 3));
    for (const [index, { here, there, wanted }] of people.entries()) {
      const after = {
        old: await opens(here.username, here.password),
        wanted: await opens(here.username, wanted),
        here: (await here.get('/api/auth/me')).status,
        there: (await there.get('/api/auth/me')).status,
      };
      const nothing = { old: true, wanted: false, here: 200, there: 200 };
      const everything = { old: false, wanted: true, here: 200, there: 401 };
      expect([nothing, everything]).toContainEqual(after);
      const answer = answers.get(index);
      if (answer === undefined) unanswered += 1;
      else answered += 1;
      if (answer !== undefined) expect([answer, after]).toEqual(['200', everything]);
    }
  }
  // The kills met changes under way, and some that were over; otherwise this test has shown nothing.
  expect(Math.min(answered, unanswered)).toBeGreaterThan(0);
});
