import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hashOf } from '../../shared/audit/chain-rules.ts';
import type { TrailDocument } from '../../shared/audit/documents.ts';
import { startTrail, type TrailLab } from '../audit/fixture.ts';

let lab: TrailLab;
beforeEach(async () => {
  lab = await startTrail();
});
afterEach(() => lab.close());

const today = '2026-03-10';
const hourMs = 60 * 60_000;
const ids = (items: readonly { id: string }[]) => items.map((item) => item.id).sort();
const seqs = (items: readonly { seq: number }[]) => items.map((item) => item.seq).sort((a, b) => a - b);
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n + 1);

describe('what waits is appended exactly once', () => {
  test('and is gone from where it waited', async () => {
    const records = [...lab.records(3, 'one'), ...lab.records(2, 'two')];
    await lab.store(records);
    await lab.append([{ id: 'x', pk: 'accounts', type: 'user' }, ...records]);
    expect(await lab.waiting()).toBe(0);
    const items = await lab.list();
    expect(ids(items)).toEqual(records.map(({ event }) => event.id).sort());
    expect(await lab.verify()).toMatchObject({ ok: true, checked: 5, head: { day: today, seq: 5 } });
  });

  test('however often the feed brings it, also twice in one delivery', async () => {
    const records = lab.records(7);
    await lab.append([...records, ...records]);
    await lab.append(records);
    const later = lab.records(2);
    await lab.append([...records.slice(3), ...later, ...records.slice(0, 3)]);
    expect(ids(await lab.list())).toEqual([...records, ...later].map(({ event }) => event.id).sort());
    expect(await lab.verify()).toMatchObject({ ok: true, checked: 9 });
  });

  test('when an instance stops after appending and before removing, also over midnight', async () => {
    lab.clock.atMs = Date.parse('2026-03-10T23:59:59Z');
    const records = lab.records(4);
    await lab.append(records);
    // Not removed: stored only now, as if the removal had never been.
    await lab.store(records);
    for (const day of ['2026-03-11T00:00:01Z', '2026-03-11T09:00:00Z', '2026-03-14T09:00:00Z']) {
      lab.clock.atMs = Date.parse(day);
      await lab.append([...records, ...lab.records(1)]);
    }
    expect(await lab.waiting()).toBe(0);
    const items = await lab.list();
    expect(items).toHaveLength(7);
    expect(items.filter((item) => item.day === today)).toHaveLength(4);
    expect(await lab.verify()).toMatchObject({ ok: true, checked: 7, head: { day: '2026-03-14', seq: 1 } });
  });

  test('when more comes at once than a batch takes, and when a text is large', async () => {
    const large = lab
      .records(3)
      .map((doc) => ({ ...doc, event: { ...doc.event, detail: { text: 'x'.repeat(700_000) } } }));
    const records = [...lab.records(230), ...large];
    await lab.append(records);
    expect(seqs(await lab.list())).toEqual(numbers(233));
    expect(await lab.verify()).toMatchObject({ ok: true, checked: 233 });
  });

  test('by six instances at the same time, whose deliveries overlap', async () => {
    const records = lab.records(120);
    const six = numbers(6).map(() => lab.instance());
    await Promise.all(
      six.map(async ({ auditAppend }, n) => {
        // Each gets its own third, and all of them the same last ten.
        const own = records.filter((_, at) => at % 3 === n % 3);
        for (let start = 0; start < own.length; start += 8) await auditAppend.follow(own.slice(start, start + 8));
        await auditAppend.follow(records.slice(-10));
      }),
    );
    const items = await lab.list();
    expect(ids(items)).toEqual(records.map(({ event }) => event.id).sort());
    expect(seqs(items)).toEqual(numbers(120));
    expect(await lab.verify()).toMatchObject({ ok: true, checked: 120 });
  });

  test('by six instances that all open a new day', async () => {
    await lab.append(lab.records(1));
    lab.clock.atMs += 24 * hourMs;
    const six = numbers(6).map(() => lab.instance());
    const records = lab.records(6);
    await Promise.all(six.map(({ auditAppend }, n) => auditAppend.follow(records.slice(n, n + 1))));
    const items = await lab.list({ from: '2026-03-11' });
    expect(seqs(items)).toEqual(numbers(6));
    expect(await lab.verify()).toMatchObject({ ok: true, checked: 7 });
  });

  test('in the order in which it was done, within one delivery', async () => {
    const records = lab.records(5);
    await lab.append([...records].reverse());
    expect((await lab.list()).map((item) => item.detail['n'])).toEqual([4, 3, 2, 1, 0]);
  });
});

describe('days', () => {
  test('follow each other over days without events, and a closed one never changes', async () => {
    await lab.append(lab.records(2));
    lab.clock.atMs += 5 * 24 * hourMs;
    await lab.append(lab.records(2));
    const closed = await lab.head(today);
    expect(closed).toMatchObject({ seq: 2, next_day: '2026-03-15', previous_day: null });
    expect(await lab.head('2026-03-15')).toMatchObject({ previous_day: today, previous_hash: closed?.hash });
    expect((await lab.event('2026-03-15', 1)).previous_hash).toBe(closed?.hash);
    lab.clock.atMs += 24 * hourMs;
    await lab.append(lab.records(1));
    expect(await lab.head(today)).toEqual(closed);
    expect(await lab.verify()).toMatchObject({ ok: true, checked: 5 });
    expect(lab.logged.filter((line) => line['event'] === 'audit_day_closed')).toMatchObject([
      { day: today, seq: 2, hash: closed?.hash },
      { day: '2026-03-15', seq: 2 },
    ]);
  });

  test('never go back when the clock does, and an event that comes late keeps its time', async () => {
    lab.clock.atMs = Date.parse('2026-03-10T23:59:58Z');
    const late = lab.records(1);
    lab.clock.atMs = Date.parse('2026-03-11T00:00:02Z');
    await lab.append(lab.records(1));
    lab.clock.atMs = Date.parse('2026-03-10T23:59:59Z');
    await lab.append([...lab.records(1), ...late]);
    await lab.append(late);
    const items = await lab.list();
    expect(items.map((item) => item.day)).toEqual(['2026-03-11', '2026-03-11', '2026-03-11']);
    expect(items.find((item) => item.id === late[0]?.event.id)?.at).toBe('2026-03-10T23:59:58.000Z');
    lab.clock.atMs = Date.parse('2026-03-11T00:00:05Z');
    await lab.append([...late, ...lab.records(1)]);
    expect(seqs(await lab.list())).toEqual(numbers(4));
    expect(await lab.verify()).toMatchObject({ ok: true, checked: 4 });
  });

  test('are one line also when instances do not agree which day it is', async () => {
    const clocks = numbers(6).map((n) => ({ now: () => Date.parse('2026-03-10T23:30:00Z') + n * 10 * 60_000 }));
    const records = lab.records(36);
    await Promise.all(
      clocks.map(async (clock, n) => {
        const { auditAppend } = lab.instance(clock);
        for (const record of records.filter((_, at) => at % 6 === n)) await auditAppend.follow([record]);
      }),
    );
    expect(await lab.list({ to: '2026-03-20' })).toHaveLength(36);
    expect(await lab.verify()).toMatchObject({ ok: true, checked: 36, head: { day: '2026-03-11' } });
  });

  test('go on where an instance stopped between closing one day and opening the next', async () => {
    await lab.append(lab.records(1));
    await lab
      .container('audit')
      .item('head', today)
      .patch([{ op: 'set', path: '/next_day', value: '2026-03-11' }]);
    lab.clock.atMs += 3 * 24 * hourMs;
    await lab.instance().auditAppend.follow(lab.records(1));
    expect(await lab.head('2026-03-11')).toMatchObject({ seq: 0, next_day: '2026-03-13' });
    expect(await lab.verify()).toMatchObject({ ok: true, checked: 2, head: { day: '2026-03-13', seq: 1 } });
  });

  test('keep their events as long as the settings say, and the days after them stay anchored', async () => {
    const short = await startTrail({ AUDIT_RETENTION_DAYS: '30' });
    const forever = await startTrail({ AUDIT_RETENTION_DAYS: '0' });
    await short.append(short.records(1));
    await forever.append(forever.records(1));
    // Noon to midnight, and thirty days: all events of a day go at once.
    expect((await short.event(today, 1)).ttl).toBe(30.5 * 24 * 3600);
    expect((await short.head(today))?.expires_at).toBe('2026-04-10T00:00:00.000Z');
    expect((await forever.event(today, 1)).ttl).toBeUndefined();
    expect((await forever.head(today))?.expires_at).toBeNull();
    await forever.close();

    short.clock.atMs += 20 * 24 * hourMs;
    await short.append(short.records(2));
    const { id } = await short.event(today, 1);
    await short.container('audit').item(id, today).delete();
    expect(await short.verify()).toMatchObject({ ok: false, first_broken: { day: today, seq: 1 } });
    short.clock.atMs += 20 * 24 * hourMs;
    expect(await short.verify()).toMatchObject({ ok: true, checked: 2, expired_days: 1 });
    await short.close();
  });
});

describe('whoever writes to the database is found out:', () => {
  beforeEach(async () => {
    await lab.append(lab.records(5));
    lab.clock.atMs += 24 * hourMs;
    await lab.append(lab.records(5));
    lab.clock.atMs += 24 * hourMs;
    await lab.append(lab.records(5));
  });
  const middle = '2026-03-11';
  const audit = () => lab.container('audit');
  const replace = (event: TrailDocument) => audit().item(event.id, event.day).replace(event);
  const expectBroken = async (day: string, seq: number, reason: RegExp) => {
    expect(await lab.verify()).toMatchObject({
      ok: false,
      first_broken: { day, seq, reason: expect.stringMatching(reason) },
    });
  };

  test('nothing was touched, nothing is wrong', async () => {
    const verdict = await lab.verify();
    expect(verdict).toMatchObject({ ok: true, checked: 15, first_broken: null, next_from: null, expired_days: 0 });
    expect(verdict.head).toEqual({ day: '2026-03-12', seq: 5, hash: (await lab.head('2026-03-12'))?.hash });
    expect(await lab.verify({ from: middle, to: middle })).toMatchObject({
      ok: true,
      checked: 5,
      head: { day: middle },
    });
    expect(await lab.verify({ from: '2027-01-01' })).toMatchObject({ ok: true, checked: 0, head: null });
  });

  test.each<[string, (event: TrailDocument) => TrailDocument]>([
    ['an address', (event) => ({ ...event, address: '198.51.100.7' })],
    ['an actor', (event) => ({ ...event, actor: { ...event.actor, id: 'somebody else' } })],
    ['a detail', (event) => ({ ...event, detail: {} })],
    ['a time', (event) => ({ ...event, at: '2026-03-11T12:00:01.000Z' })],
    ['a result', (event) => ({ ...event, result: 'refused' })],
    ['a hash', (event) => ({ ...event, hash: 'f'.repeat(64) })],
  ])('%s was changed', async (_, change) => {
    await replace(change(await lab.event(middle, 3)));
    await expectBroken(middle, 3, /hash/);
  });

  test('an event was removed, in the middle, at the start and at the end of a day', async () => {
    for (const seq of [5, 3, 1]) {
      const { id } = await lab.event(middle, seq);
      await audit().item(id, middle).delete();
      await expectBroken(middle, seq, /missing/);
    }
  });

  test('two events were swapped', async () => {
    const [a, b] = [await lab.event(middle, 2), await lab.event(middle, 3)];
    await replace({ ...a, seq: 3 });
    await replace({ ...b, seq: 2 });
    await expectBroken(middle, 2, /hash/);
  });

  test('an event was changed and its hash made anew', async () => {
    const forged = { ...(await lab.event(middle, 3)), address: '198.51.100.7' };
    await replace({ ...forged, hash: hashOf(forged) });
    await expectBroken(middle, 4, /follow/);
  });

  test('the last event was changed and its hash made anew, also in the head', async () => {
    const forged = { ...(await lab.event(middle, 5)), address: '198.51.100.7' };
    await replace({ ...forged, hash: hashOf(forged) });
    await expectBroken(middle, 5, /ends with/);
    await audit()
      .item('head', middle)
      .patch([{ op: 'set', path: '/hash', value: hashOf(forged) }]);
    await expectBroken('2026-03-12', 0, /does not follow the last event/);
  });

  test('an event was put in: after the last, and with a number that there is already', async () => {
    const last = await lab.event(middle, 5);
    const extra = { ...last, id: 'extra', seq: 6, previous_hash: last.hash };
    await audit().items.create({ ...extra, hash: hashOf(extra) });
    await expectBroken(middle, 6, /never appended/);
    await audit().item('extra', middle).delete();
    await audit().items.create({ ...last, id: 'extra' });
    expect((await lab.verify()).first_broken).toMatchObject({ day: middle, seq: expect.toBeOneOf([5, 6]) });
  });

  test('events were cut off at the end together with the number in the head', async () => {
    const kept = await lab.event(middle, 4);
    await audit()
      .item((await lab.event(middle, 5)).id, middle)
      .delete();
    await audit()
      .item('head', middle)
      .patch([
        { op: 'set', path: '/seq', value: 4 },
        { op: 'set', path: '/hash', value: kept.hash },
      ]);
    await expectBroken('2026-03-12', 0, /does not follow the last event/);
  });

  test('a whole day was taken out, and the days around it joined', async () => {
    for (const seq of numbers(5))
      await audit()
        .item((await lab.event(middle, seq)).id, middle)
        .delete();
    await audit().item('head', middle).delete();
    await expectBroken(middle, 0, /no head/);
    await audit()
      .item('head', today)
      .patch([{ op: 'set', path: '/next_day', value: '2026-03-12' }]);
    await audit()
      .item('head', '2026-03-12')
      .patch([{ op: 'set', path: '/previous_day', value: today }]);
    await expectBroken('2026-03-12', 0, /does not follow the last event/);
  });

  test('the trail was made to begin or to end elsewhere', async () => {
    const pointer = audit().item('latest', 'latest');
    await pointer.patch([{ op: 'set', path: '/first_day', value: middle }]);
    await expectBroken(middle, 0, /no longer begins/);
    await pointer.patch([{ op: 'set', path: '/first_day', value: today }]);
    await audit()
      .item('head', middle)
      .patch([{ op: 'set', path: '/next_day', value: null }]);
    await expectBroken('2026-03-12', 0, /Nothing leads/);
  });
});

test('the trail of more than one page is read, checked and exported to its end', async () => {
  const records = lab.records(1203);
  await lab.append(records);
  expect(await lab.verify()).toMatchObject({ ok: true, checked: 1203 });
  const listed = await lab.list({ limit: 500 });
  expect(listed.map((item) => item.seq)).toEqual(numbers(1203).reverse());
  const lines: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await lab.exportLines({ from: today, lines: 250, ...(cursor && { cursor }) });
    lines.push(...page.content.split('\n').slice(0, -1));
    cursor = page.cursor;
  } while (cursor !== undefined);
  expect(lines.map((line): unknown => JSON.parse(line))).toEqual(listed.toReversed());
  // A second event with the number that a page of the check ends with.
  await lab.container('audit').items.create({ ...(await lab.event(today, 500)), id: 'second' });
  expect(await lab.verify()).toMatchObject({ ok: false, first_broken: { day: today, seq: 501 } });
});

test('the hash of an event is the SHA-256 of what a client sees of it, with sorted names and without the hash', async () => {
  await lab.append(lab.records(2));
  const [, first] = await lab.list();
  if (first === undefined) throw new Error('There are two events.');
  const text = `{"action":"account.changed","actor":{"id":"${first.actor.id}","role":"admin","via":"session"},"address":"192.0.2.1","at":"2026-03-10T12:00:00.000Z","day":"2026-03-10","detail":{"n":0,"z":[{"a":"ü","b":1}]},"id":"${first.id}","previous_hash":"${'0'.repeat(64)}","request_id":"r-0","result":"ok","seq":1,"target":{"id":"someone","type":"account"},"user_agent":"test"}`;
  expect(first.hash).toBe(createHash('sha256').update(text).digest('hex'));
});

test('a trail whose head is gone is not begun anew', async () => {
  await lab.append(lab.records(1));
  lab.clock.atMs += 24 * hourMs;
  await lab.append(lab.records(1));
  await lab.container('audit').item('head', '2026-03-11').delete();
  const records = lab.records(1);
  await lab.store(records);
  await expect(lab.instance().auditAppend.follow(records)).rejects.toThrow(/head/);
  expect(await lab.waiting()).toBe(1);
});
