import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { startVendorStub } from '../adapters/llm/vendor-stub.ts';
import { expectSettled, good, until, vendorSettings } from '../workers/fixture.ts';
import { answer, makeCourse, Stack, seededRandom } from './stack.ts';

const submissions = 50;
const kills = 10;
// A failed run is repeated with the seed that it printed.
const seed = Number(process.env['LYCEUM_TEST_SEED'] ?? randomInt(2 ** 31));

test(`the whole stack killed ten times during fifty submissions loses nothing and grades nothing twice (seed ${seed})`, {
  timeout: 150_000,
}, async () => {
  const random = seededRandom(seed);
  // A model that thinks for a moment, so that the kills meet gradings under way.
  const stub = await startVendorStub();
  onTestFinished(() => stub.close());
  stub.script(() => ({ ...good, delayMs: 100 + random() * 400 }));
  const stack = await Stack.create(vendorSettings(stub, 'anthropic'));
  onTestFinished(() => stack.remove());
  await stack.start();
  const { staff, students, entries } = await makeCourse(stack, 2, submissions / 2);

  // Five people at work: one answer after the other, without giving up when the service goes away.
  const acknowledged: string[] = [];
  let repeated = 0;
  const work = students.flatMap((token) => entries.map((entryId) => ({ token, entryId })));
  const lanes = Array.from({ length: 5 }, async () => {
    for (let next = work.shift(); next !== undefined; next = work.shift()) {
      const { token, entryId } = next;
      await sleep(random() * 800);
      const json = { submission_title: 'My answer', content: answer(entryId) };
      const key = randomUUID();
      const reply = await stack.call<{ submission_id: string }>('POST', `/api/student/entries/${entryId}/submit`, {
        token,
        json,
        key,
        withinMs: 120_000,
      });
      expect(reply.status).toBe(200);
      acknowledged.push(reply.body.submission_id);
      if (reply.tries > 1) repeated += 1;
    }
  });
  let done = 0;
  for (; done < kills; done += 1) {
    // Somewhere between the first requests after the start and the end of the gradings that they led to.
    await sleep(50 + random() * 1_100);
    await stack.kill();
    await stack.start();
  }
  await Promise.all(lanes);
  expect(done).toBe(kills);
  expect(new Set(acknowledged).size).toBe(submissions);
  // The kills did meet requests under way; otherwise this test has shown nothing.
  expect(repeated).toBeGreaterThan(0);

  const database = stack.database();
  onTestFinished(() => database.dispose());
  const settled = await expectSettled(database, submissions, 60_000);
  expect(settled.map((one) => one.submission.submission_id).sort()).toEqual(acknowledged.sort());
  for (const { result, ledger } of settled) {
    expect(result.status).toBe('done');
    expect(ledger.map((event) => event.event)).toEqual(['submitted', 'graded']);
  }
  // So did they meet gradings under way: the model was asked again, and its second answer was the one that was stored.
  expect(settled.some(({ result }) => result.grading.attempts > 1)).toBe(true);
  const letters = await stack.call<unknown[]>('GET', '/api/v1/admin/dead-letters', { token: staff });
  expect(letters.body).toEqual([]);
});

test('a grading whose process is killed six times goes on at once after each start, and is none the worse', {
  timeout: 90_000,
}, async () => {
  const stub = await startVendorStub();
  onTestFinished(() => stub.close());
  stub.script(() => ({ kind: 'hang' }));
  const stack = await Stack.create(vendorSettings(stub, 'anthropic'));
  onTestFinished(() => stack.remove());
  await stack.start();
  const { staff, students, entries } = await makeCourse(stack, 1, 1);
  const [token = ''] = students;
  const json = { submission_title: 'My answer', content: answer('one') };
  await stack.call('POST', `/api/student/entries/${entries[0]}/submit`, { token, json, key: randomUUID() });
  const asked = (times: number) =>
    until(`call ${times} of the model`, async () => stub.calls.length >= times || undefined, 15_000);
  // The queue hands a message out five times at most; what the machine does must not count.
  for (let kill = 1; kill <= 6; kill += 1) {
    await asked(kill);
    await stack.kill();
    if (kill === 6) stub.script(() => good);
    await stack.start();
  }
  const database = stack.database();
  onTestFinished(() => database.dispose());
  const [only] = await expectSettled(database, 1, 15_000);
  expect(only?.result).toMatchObject({ status: 'done', grading: { attempts: 7 } });
  expect((await stack.call('GET', '/api/v1/admin/dead-letters', { token: staff })).body).toEqual([]);
});
