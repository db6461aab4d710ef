import { afterAll, beforeAll, expect, test } from 'vitest';
import queues from '../../infra/queues.json' with { type: 'json' };
import { type ServiceBus, startServiceBus } from '../../local/service-bus/server.ts';
import { expectSettled, type ModelLab, outboxOf, startModelLab, untilStatus } from './fixture.ts';

let lab: ModelLab;
let second: ServiceBus | undefined;
beforeAll(async () => {
  lab = await startModelLab('anthropic');
});
afterAll(async () => {
  await lab.close();
  await second?.close();
});

test('answers are taken while the queue is down, and graded when it is back, without anybody doing anything', async () => {
  const { staff, student, compId, entryId } = await lab.makeCourse();
  const entries = [entryId];
  for (let count = 1; count < 5; count += 1) entries.push((await lab.makeEntry(staff, compId)).entry_id);
  await lab.app.serviceBus.close();
  const startedMs = performance.now();
  const made = await Promise.all(entries.map((id) => lab.submit(student, id)));
  expect(performance.now() - startedMs).toBeLessThan(5_000);
  expect(await outboxOf(lab)).toHaveLength(5);

  // The same namespace without its messages: what was sent before is lost, what was stored is not.
  second = await startServiceBus({ port: lab.app.serviceBus.port, dataDir: ':memory:', queues: queues.queues });
  for (const { submission_id: id } of made) await untilStatus(lab, id, 'done');
  await expectSettled(lab, 5);
});
