import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceBusClient } from '@azure/service-bus';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import queues from '../../infra/queues.json' with { type: 'json' };
import type { GradingJob } from '../../shared/grading/documents.ts';
import type { VendorBehaviour } from '../adapters/llm/vendor-stub.ts';
import { goodAnswer, principalOf, type WireSubmission } from '../http/client.ts';
import {
  expectSettled,
  good,
  ledgerOf,
  type ModelLab,
  onlyJob,
  outboxOf,
  resultOf,
  startModelLab,
  until,
  untilStatus,
} from './fixture.ts';

const minuteMs = 60_000;

describe('one submission, one grading', () => {
  let lab: ModelLab;
  let bus: ServiceBusClient;
  let aheadMs = 0;

  beforeAll(async () => {
    lab = await startModelLab('anthropic', {
      // Long enough for those who log in before the clock is put forward.
      settings: { ACCESS_TOKEN_EXPIRE_MINUTES: '1440' },
      overrides: { clock: { now: () => Date.now() + aheadMs } },
    });
    bus = new ServiceBusClient(lab.app.serviceBus.connectionString);
  });
  afterEach(() => {
    aheadMs = 0;
    repair();
  });
  afterAll(async () => {
    await bus.close();
    await lab.close();
  });

  /** Lets gradings run again after `breakGrading`. */
  let repair = () => {};

  /** From now on every run of the worker ends with an error that no code foresaw, as if it had a defect. */
  function breakGrading(): void {
    const { gradingJobs } = lab.app.runtime.services;
    const original = gradingJobs.run;
    gradingJobs.run = async () => {
      throw new Error('Something that nobody foresaw.');
    };
    repair = () => {
      gradingJobs.run = original;
    };
  }

  async function discardAll(): Promise<void> {
    for (const { id } of await deadLetters()) {
      expect((await lab.root.delete(`/api/v1/admin/dead-letters/${id}`)).status).toBe(200);
    }
  }

  /** Keeps every call to the model waiting until the answer is given. */
  function holdModel() {
    const answer = Promise.withResolvers<VendorBehaviour>();
    const before = lab.stub.calls.length;
    lab.stub.script(() => answer.promise);
    return {
      calls: () => lab.stub.calls.length - before,
      asked: (times = 1) =>
        until('the model to be asked', async () => lab.stub.calls.length - before >= times || undefined),
      release: (behaviour: VendorBehaviour = good) => {
        lab.stub.script(() => behaviour);
        answer.resolve(behaviour);
      },
    };
  }

  /** A submission whose grading is under way and waits for the model. */
  async function underWay() {
    const course = await lab.makeCourse();
    const model = holdModel();
    const { submission_id: id } = await lab.submit(course.student, course.entryId);
    await model.asked();
    return { ...course, model, id, ...(await onlyJob(lab)) };
  }

  async function send(body: unknown, messageId: string): Promise<void> {
    const sender = bus.createSender('grading');
    await sender.sendMessages({ body, messageId, contentType: 'application/json' });
    await sender.close();
  }

  const runs = () => lab.app.lines().filter((line) => line.operation === 'grade-submission').length;
  const untilRuns = (count: number) => until(`${count} runs`, async () => runs() >= count || undefined);
  const settled = () => expectSettled(lab, lab.handedIn.size);
  const run = (job: GradingJob, messageId: string) => lab.app.runtime.services.gradingJobs.run(job, messageId);

  async function deadLetters() {
    return (await lab.root.get('/api/v1/admin/dead-letters')).json<{ id: string; message_id: string }[]>();
  }

  test('the same message five times, also under other ids, leads to one call to the model and one outcome', async () => {
    const { model, id, job, messageId, student } = await underWay();
    const before = runs();
    for (let copy = 0; copy < 5; copy += 1) await send(job, messageId);
    for (let copy = 0; copy < 5; copy += 1) await send(job, `${messageId}:copy-${copy}`);
    // The queue drops those with the known id; the others end at once, because the work is claimed.
    await untilRuns(before + 5);
    model.release();
    await lab.waitForOutcome(student, id);
    expect(model.calls()).toBe(1);
    await settled();
  });

  test('messages that come after the end do nothing', async () => {
    const { model, id, job, messageId, student } = await underWay();
    model.release();
    const { outcome } = await lab.waitForOutcome(student, id);
    const before = runs();
    for (let copy = 0; copy < 3; copy += 1) await send(job, `${messageId}:late-${copy}`);
    await untilRuns(before + 3);
    expect(model.calls()).toBe(1);
    expect((await resultOf(lab, id)).outcome?.outcome_id).toBe(outcome.outcome_id);
    await settled();
  });

  test('a message of an attempt that failed does not cut the wait for the next one short', async () => {
    const { model, id, job, messageId } = await underWay();
    model.release({ kind: 'status', status: 429, headers: { 'retry-after': '2' } });
    await untilStatus(lab, id, 'retrying');
    const [before, calls] = [runs(), lab.stub.calls.length];
    lab.stub.script(() => good);
    await send(job, `${messageId}:again`);
    await untilRuns(before + 1);
    expect((await resultOf(lab, id)).grading.attempts).toBe(1);
    expect(lab.stub.calls.length).toBe(calls);
    await untilStatus(lab, id, 'done');
    await settled();
  });

  test('a job that a worker has is not sent again by the change feed, even when the queue has forgotten its id', async () => {
    const { model, student, id } = await underWay();
    const [taken] = await outboxOf(lab);
    const before = runs();
    const { projections } = lab.app.runtime.services;
    await projections.coursework([{ ...taken, message_id: 'an id that the queue does not know' }]);
    // The same record as it is before any worker has it, to see that it would have been sent.
    await projections.coursework([{ ...taken, message_id: 'another such id', is_taken: false }]);
    await untilRuns(before + 1);
    model.release();
    await lab.waitForOutcome(student, id);
    await settled();
    expect(runs()).toBe(before + 2);
    expect(model.calls()).toBe(1);
  });

  test('two workers with one message, the first of which lost its lock, store one outcome', async () => {
    const { model, id, job, messageId } = await underWay();
    const second = run(job, messageId);
    await model.asked(2);
    model.release();
    await second;
    await untilStatus(lab, id, 'done');
    await settled();
  });

  test('ten workers with ten messages that start at the same moment ask the model once', async () => {
    const { model, id, job, student, entryId } = await underWay();
    model.release();
    await untilStatus(lab, id, 'done');
    // A second answer, whose job the queue has not seen: it is run here, ten times at once.
    const second = holdModel();
    const again = await lab.submit(student, entryId, `${goodAnswer}<p>More.</p>`);
    await second.asked();
    const { job: next } = await onlyJob(lab);
    expect(next.job_id).not.toBe(job.job_id);
    await Promise.all(Array.from({ length: 10 }, (_, index) => run(next, `other-${index}`)));
    second.release();
    await untilStatus(lab, again.submission_id, 'done');
    expect(second.calls()).toBe(1);
    await settled();
  });

  test('a newer answer is not called graded because the older one is', async () => {
    const { student, staff, entryId, id, model } = await underWay();
    const newer = await lab.submit(student, entryId, `${goodAnswer}<p>And oxygen.</p>`);
    await model.asked(2);
    // Only the first one's model answers; the second one's call goes on waiting.
    const held = holdModel();
    const state = async () => {
      const reply = await student.get(`/api/student/entries/${entryId}`);
      return reply.json<{ student_state: { status: string; submission: WireSubmission } }>().student_state;
    };
    await staff.put(`/api/v1/submissions/${id}/outcome`, { outcome_data: { feedback_text: 'Old.', score: 1 } });
    expect((await resultOf(lab, id)).status).toBe('done');
    const between = await state();
    expect(between.status).toBe('submitted_processing');
    expect(between.submission.submission_id).toBe(newer.submission_id);
    model.release();
    held.release();
    await untilStatus(lab, newer.submission_id, 'done');
    expect((await state()).status).toBe('outcome_available');
    await settled();
  });

  test('six identical answers at once are one submission', async () => {
    const { student, entryId } = await lab.makeCourse();
    const model = holdModel();
    const made = await Promise.all(Array.from({ length: 6 }, () => lab.submit(student, entryId)));
    expect(new Set(made.map((one) => one.submission_id)).size).toBe(1);
    await model.asked();
    model.release();
    await settled();
    expect(model.calls()).toBe(1);
  });

  test('different answers at the same moment are all graded, and one of them is the latest', async () => {
    const { student, entryId } = await lab.makeCourse();
    lab.stub.script(() => good);
    await student.get(`/api/student/entries/${entryId}`);
    const made = await Promise.all(
      Array.from({ length: 5 }, (_, index) => lab.submit(student, entryId, `${goodAnswer}<p>${index}</p>`)),
    );
    const all = await settled();
    const ids = new Set(made.map((one) => one.submission_id));
    expect(ids.size).toBe(5);
    const latest = all.filter(({ result, submission }) => ids.has(result.submission_id) && submission.is_latest);
    expect(latest.map(({ result }) => result.is_latest)).toEqual([true]);
  });

  test('a repeat of a request whose answer was lost finds its submission, also behind a newer one', async () => {
    const { student, entryId } = await lab.makeCourse();
    const first = await lab.submit(student, entryId);
    await untilStatus(lab, first.submission_id, 'done');
    const second = await lab.submit(student, entryId, `${goodAnswer}<p>More.</p>`);
    await untilStatus(lab, second.submission_id, 'done');
    // What the platform does for a repeat: the same request under the same new id.
    const user = principalOf(student.user);
    const answer = { submission_title: 'My answer', content: goodAnswer };
    const again = await lab.app.runtime.services.study.submit(user, entryId, answer, first.submission_id);
    expect(again.submission_id).toBe(first.submission_id);
    await settled();
  });

  test('a repeat after an error that came behind the writing finds what was written, also when it is graded by then', async () => {
    const { student, entryId } = await lab.makeCourse();
    const { study } = lab.app.runtime.services;
    const original = study.submit;
    const written: string[] = [];
    study.submit = async (...args) => {
      written.push((await original(...args)).submission_id);
      throw new Error('The connection broke when all was done.');
    };
    const post = () =>
      student.post(
        `/api/student/entries/${entryId}/submit`,
        { submission_title: 'My answer', content: goodAnswer },
        { 'idempotency-key': `key of ${entryId}` },
      );
    expect((await post()).status).toBe(500);
    study.submit = original;
    const [first = ''] = written;
    lab.handedIn.add(first);
    await untilStatus(lab, first, 'done');
    const second = await post();
    expect(second.status).toBe(200);
    expect(second.json<WireSubmission>().submission_id).toBe(first);
    expect((await post()).headers.get('idempotency-replayed')).toBe('true');
    await settled();
  });

  test('text that no document can hold is refused, and what looks odd is graded like everything else', async () => {
    const { student, entryId } = await lab.makeCourse();
    const path = `/api/student/entries/${entryId}/submit`;
    const refused: object[] = [
      { submission_title: 'x'.repeat(300), content: goodAnswer },
      { submission_title: 'NUL \u0000 byte', content: goodAnswer },
      { submission_title: 'Answer', content: `${goodAnswer}\u0000` },
      { submission_title: 'Answer', content: `${goodAnswer}\ud800` },
      { submission_title: 'Answer', content: '<p>&nbsp;</p>' },
    ];
    for (const body of refused) expect((await student.post(path, body)).status).toBe(422);
    const odd = ['x'.repeat(255), '🏴 “quoted” / slashes \\ ? #', "'; DROP TABLE c; --", 'مرحبا'];
    for (const [index, submission_title] of odd.entries()) {
      const reply = await student.post(path, { submission_title, content: `${goodAnswer}<p>${index}</p>` });
      expect(reply.status).toBe(200);
      lab.handedIn.add(reply.json<WireSubmission>().submission_id);
    }
    await settled();
  });

  describe('while it waits in the queue', () => {
    /** Work whose model is down, so that it waits for its next attempt. */
    async function waiting() {
      const course = await lab.makeCourse();
      lab.stub.script(() => ({ kind: 'status', status: 429, headers: { 'retry-after': '1' } }));
      const { submission_id: id } = await lab.submit(course.student, course.entryId);
      await untilStatus(lab, id, 'retrying');
      return { ...course, id };
    }

    test('its student may leave the component: it is graded all the same', async () => {
      const { staff, student, compId, id } = await waiting();
      const json = { student_user_id: student.id, flex_age_comp_id: compId };
      const reply = await staff.delete('/api/auth/enroll', json);
      expect(reply.status).toBeLessThan(300);
      lab.stub.script(() => good);
      await untilStatus(lab, id, 'done');
      await settled();
    });

    test.each(['entry', 'component'] as const)(
      'its %s may be deleted: a person is asked, no model is',
      async (what) => {
        const { staff, compId, entryId, id } = await waiting();
        const path = what === 'entry' ? `entries/${entryId}` : `flexagecomps/${compId}`;
        expect((await staff.delete(`/api/configure/${path}`)).status).toBeLessThan(300);
        const calls = lab.stub.calls.length;
        lab.stub.script(() => good);
        const { grading } = await untilStatus(lab, id, 'needs_attention');
        expect(grading.last_error_code).toBe('entry_deleted');
        expect(lab.stub.calls.length).toBe(calls);
        await settled();
      },
    );
  });

  describe('the sweeper', () => {
    async function sweep() {
      await lab.app.runtime.services.sweeper.sweep();
    }

    test('before the deadline it leaves a job alone, after it the job is sent once more and graded', async () => {
      const { student, entryId } = await lab.makeCourse();
      lab.stub.script(() => good);
      breakGrading();
      const { submission_id: id } = await lab.submit(student, entryId);
      await until('the dead letter', async () => (await deadLetters()).length === 1 || undefined);
      repair();
      aheadMs = 14 * minuteMs;
      await sweep();
      expect((await outboxOf(lab))[0]?.sweeps).toBe(0);
      aheadMs = 16 * minuteMs;
      await sweep();
      await untilStatus(lab, id, 'done');
      aheadMs = 0;
      await settled();
      await discardAll();
    });

    test('a job that fails however often it is sent is given to a person, once, and stays there', async () => {
      const { student, staff, entryId } = await lab.makeCourse();
      breakGrading();
      const { submission_id: id } = await lab.submit(student, entryId);
      for (let sweeps = 1; sweeps <= 4; sweeps += 1) {
        await until('dead letters', async () => (await deadLetters()).length === sweeps || undefined);
        const [record] = await outboxOf(lab);
        aheadMs = Date.parse(record?.deadline ?? '') - Date.now() + 1000;
        await sweep();
        expect((await outboxOf(lab))[0]?.sweeps).toBe(sweeps);
      }
      await until('dead letters', async () => (await deadLetters()).length === 5 || undefined);
      const [record] = await outboxOf(lab);
      aheadMs = Date.parse(record?.deadline ?? '') - Date.now() + 1000;
      await sweep();
      await sweep();
      aheadMs = 0;
      expect((await resultOf(lab, id)).grading).toMatchObject({
        status: 'needs_attention',
        last_error_code: 'deadline_passed',
      });
      expect((await ledgerOf(staff, id)).map((event) => [event.event, event.actor.id])).toEqual([
        ['submitted', student.id],
        ['grading_failed', 'sweeper'],
      ]);
      await settled();

      // The cause is mended: a replayed dead letter has it graded after all, and the others do nothing.
      repair();
      lab.stub.script(() => good);
      for (const { id: letter } of await deadLetters()) {
        expect((await lab.root.post(`/api/v1/admin/dead-letters/${letter}/replay`)).status).toBeLessThan(300);
      }
      await untilStatus(lab, id, 'done');
      expect(await deadLetters()).toEqual([]);
      await settled();
    });

    test('a job that a worker took and never ended is done after the deadline of its claim', async () => {
      const { model, id, job } = await underWay();
      // Another message of the same work ends at once while the claim lasts, and takes over when it has ended.
      await run(job, 'second');
      expect(model.calls()).toBe(1);
      aheadMs = 12 * minuteMs;
      await sweep();
      await model.asked(2);
      model.release();
      aheadMs = 0;
      await untilStatus(lab, id, 'done');
      await settled();
    });

    test('one record that cannot be moved on does not keep the others waiting', async () => {
      const { student, entryId, compId } = await lab.makeCourse();
      const at = { comp_id: compId, student_user_id: student.id };
      const broken = { ...at, type: 'outbox', job_id: randomUUID(), queue: 'grading', message_id: 'x', message: {} };
      const early = new Date(0).toISOString();
      const container = lab.container('coursework');
      await container.items.create({ ...broken, id: 'outbox:broken', sweeps: 4, deadline: early, is_taken: true });
      lab.stub.script(() => good);
      breakGrading();
      const { submission_id: id } = await lab.submit(student, entryId);
      await until('the dead letter', async () => (await deadLetters()).length === 1 || undefined);
      repair();
      aheadMs = 16 * minuteMs;
      await sweep();
      await untilStatus(lab, id, 'done');
      aheadMs = 0;
      await container.item('outbox:broken', [compId, student.id]).delete();
      await discardAll();
      await settled();
    });

    test('a clock that is put back strands nothing that was claimed before', async () => {
      aheadMs = 60 * minuteMs;
      const { model, id, job } = await underWay();
      aheadMs = 0;
      const second = run(job, 'after the clock was put back');
      await model.asked(2);
      model.release();
      await second;
      await untilStatus(lab, id, 'done');
      await settled();
    });
  });

  describe('an error that nobody foresaw', () => {
    test('is delivered again and, when it passes, ends in one grading', async () => {
      const { student, entryId } = await lab.makeCourse();
      lab.stub.script(() => good);
      const { gradingJobs } = lab.app.runtime.services;
      const original = gradingJobs.run;
      let failures = 0;
      gradingJobs.run = async (...args) => {
        failures += 1;
        if (failures <= 3) throw new Error('Something that nobody foresaw.');
        return original(...args);
      };
      const { submission_id: id } = await lab.submit(student, entryId);
      await untilStatus(lab, id, 'done');
      gradingJobs.run = original;
      expect(failures).toBe(4);
      await settled();
    });

    test('in the middle of a grading gives the claim up: a replay need not wait until it ends', async () => {
      const { student, entryId } = await lab.makeCourse();
      // An entry whose rubric cannot be read: what is stored is not what any endpoint lets through.
      const pointer = lab
        .container('courses')
        .item(entryId, (await lab.container('pointers').item(entryId, entryId).read()).resource.comp_id);
      const { resource: entry } = await pointer.read();
      await pointer.replace({ ...entry, entry_title: null });
      const { submission_id: id } = await lab.submit(student, entryId);
      await until('the dead letter', async () => (await deadLetters()).length === 1 || undefined);
      expect(await resultOf(lab, id)).toMatchObject({
        status: 'retrying',
        grading: { last_error_code: 'internal_error' },
        job: { claimed_by: null },
      });
      await pointer.replace(entry);
      lab.stub.script(() => good);
      const [letter] = await deadLetters();
      expect((await lab.root.post(`/api/v1/admin/dead-letters/${letter?.id}/replay`)).status).toBeLessThan(300);
      await untilStatus(lab, id, 'done');
      await settled();
    });
  });

  describe('a message that is no job', () => {
    test.each(queues.queues.map((queue) => queue.name))(
      'ends among the dead letters of %s, where an administrator reads, replays and discards it',
      async (queue) => {
        const course = await lab.makeCourse();
        const messageId = `poison-${randomUUID()}`;
        const sender = bus.createSender(queue);
        await sender.sendMessages({ body: { job_id: 'not an id' }, messageId, correlationId: 'somebody' });
        const find = async () => (await deadLetters()).find((letter) => letter.message_id.startsWith(messageId));
        const letter = await until('the dead letter', find);
        const path = `/api/v1/admin/dead-letters/${letter.id}`;
        expect((await lab.root.get(path)).json()).toMatchObject({
          queue,
          message_id: messageId,
          job_id: 'somebody',
          reason: 'MaxDeliveryCountExceeded',
          body: { job_id: 'not an id' },
        });
        for (const person of [course.staff, course.student]) expect((await person.get(path)).status).toBe(403);

        expect((await lab.root.post(`${path}/replay`)).status).toBeLessThan(300);
        expect((await lab.root.get(path)).status).toBe(404);
        const second = await until('the dead letter again', find);
        expect(second.id).not.toBe(letter.id);
        expect((await lab.root.delete(`/api/v1/admin/dead-letters/${second.id}`)).status).toBe(200);
        expect(await deadLetters()).toEqual([]);
        expect((await lab.root.delete(`/api/v1/admin/dead-letters/${second.id}`)).status).toBe(404);
        await sender.close();
        await settled();
      },
    );
  });

  test('connections that break in the middle of a grading lose nothing', async () => {
    const { model, id } = await underWay();
    lab.app.serviceBus.dropConnections();
    model.release();
    await untilStatus(lab, id, 'done');
    const course = await lab.makeCourse();
    const next = await lab.submit(course.student, course.entryId);
    await untilStatus(lab, next.submission_id, 'done');
    await settled();
    await sleep(100);
  });
});
