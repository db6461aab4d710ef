import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { startVendorStub } from '../adapters/llm/vendor-stub.ts';
import { expectSettled, good, until, vendorSettings } from '../workers/fixture.ts';
import { answer, makeCourse, Stack } from './stack.ts';

test('a stop in the middle of gradings ends those that have begun and leaves the others for the next start', {
  timeout: 60_000,
}, async () => {
  const stub = await startVendorStub();
  onTestFinished(() => stub.close());
  stub.script(() => ({ ...good, delayMs: 1_000 }));
  const stack = await Stack.create(vendorSettings(stub, 'anthropic'));
  onTestFinished(() => stack.remove());
  await stack.start();
  // More than are graded at the same time, so that some are still in the queue when the stop comes.
  const { students, entries } = await makeCourse(stack, 1, 20);
  const made = await Promise.all(
    students.flatMap((token, lane) =>
      entries.map((id) =>
        stack.call<{ submission_id: string }>('POST', `/api/student/entries/${id}/submit`, {
          token,
          json: { submission_title: 'My answer', content: answer(`${lane}-${id}`) },
          key: randomUUID(),
        }),
      ),
    ),
  );
  expect(made.map((reply) => reply.status)).toEqual(made.map(() => 200));
  await until('gradings under way', async () => stub.calls.length >= 4 || undefined);
  expect(await stack.stop('SIGTERM')).toBe(0);
  const before = stub.calls.length;
  expect(before).toBeLessThan(made.length);

  await stack.start();
  const database = stack.database();
  onTestFinished(() => database.dispose());
  const settled = await expectSettled(database, made.length, 30_000);
  for (const { result } of settled) expect(result).toMatchObject({ status: 'done', grading: { attempts: 1 } });
  // Nothing that the model had answered before the stop was thrown away and asked for again.
  expect(stub.calls.length).toBe(made.length);
});
