import { afterAll, beforeAll, expect, test } from 'vitest';
import { goodAnswer } from '../http/client.ts';
import { expectSettled, good, type ModelLab, startModelLab } from './fixture.ts';

const students = 30;
const entriesEach = 10;

let lab: ModelLab;
beforeAll(async () => {
  lab = await startModelLab('anthropic', { serviceBus: { maxConcurrentCalls: 16 } });
});
afterAll(() => lab.close());

test('300 answers of 30 students at once are each graded exactly once, and none is lost', {
  timeout: 60_000,
}, async () => {
  const { staff, compId, entryId } = await lab.makeCourse();
  const entries = [entryId];
  while (entries.length < entriesEach) entries.push((await lab.makeEntry(staff, compId)).entry_id);
  const people = await Promise.all(
    Array.from({ length: students }, async () => {
      const student = await lab.makePerson('student');
      await lab.enrol(staff, student, compId);
      return student;
    }),
  );
  lab.stub.script(() => ({ ...good, delayMs: 20 }));
  const before = process.memoryUsage().heapUsed;
  const made = await Promise.all(
    people.flatMap((student, index) =>
      entries.map((id) => lab.submit(student, id, `${goodAnswer}<p>${index} ${'More about plants. '.repeat(100)}</p>`)),
    ),
  );
  expect(new Set(made.map((one) => one.submission_id)).size).toBe(students * entriesEach);
  const settled = await expectSettled(lab, students * entriesEach, 40_000);
  for (const { result } of settled) expect(result).toMatchObject({ status: 'done', grading: { attempts: 1 } });
  // One call each: nothing was graded twice and thrown away.
  expect(lab.stub.calls).toHaveLength(students * entriesEach);
  expect((await lab.root.get('/api/v1/admin/dead-letters')).json()).toEqual([]);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(300 * 1024 * 1024);
});
