import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuditItem } from '../../client/lyceum.ts';
import { createServiceBus } from '../../shared/adapters/service-bus/client.ts';
import { hashOf } from '../../shared/audit/chain-rules.ts';
import { builtInRoles } from '../../shared/platform/permissions.ts';
import { until } from '../workers/fixture.ts';
import { type Lab, type Person, startLab } from './client.ts';

const path = '/api/v1/admin/audit';
let lab: Lab;
beforeAll(async () => {
  lab = await startLab();
});
afterAll(() => lab.close());

async function list(query = ''): Promise<AuditItem[]> {
  const reply = await lab.root.get(path + query);
  expect([reply.status, reply.status === 200 ? '' : reply.text]).toEqual([200, '']);
  return reply.json<AuditItem[]>();
}

/** The only event that fits, once the feed has brought it. */
function untilListed(query: string, fits = (_event: AuditItem) => true): Promise<AuditItem> {
  return until(`an event: ${query}`, async () => {
    const [event, ...others] = (await list(query)).filter(fits);
    if (others.length > 0) throw new Error(`${others.length} more events than one: ${query}`);
    return event;
  });
}

async function settle(): Promise<void> {
  const query = `SELECT VALUE c.id FROM c WHERE c.type = 'audit_outbox'`;
  await until('an empty outbox', async () => {
    const { resources } = await lab.container('identity').items.query(query).fetchAll();
    return resources.length === 0 ? true : undefined;
  });
}

const nextOf = (headers: Headers) => /^<([^>]+)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1];

async function exported(query = ''): Promise<AuditItem[]> {
  const events: AuditItem[] = [];
  for (let next: string | undefined = `${path}/export${query}`; next !== undefined; ) {
    const reply = await lab.root.get(next);
    expect([reply.status, reply.headers.get('content-type')]).toEqual([200, 'application/x-ndjson']);
    expect(reply.headers.get('cache-control')).toBe('no-store');
    const lines = reply.text.split('\n');
    expect(lines.pop()).toBe('');
    events.push(...lines.map((line) => JSON.parse(line) as AuditItem));
    next = nextOf(reply.headers);
  }
  return events;
}

describe('what is done is in the trail seconds later', () => {
  test('a log-in, with who, from where, and in which request, and without any secret', async () => {
    const person = await lab.makePerson('student', { email: `${randomUUID()}@example.org` });
    const headers = { 'x-request-id': randomUUID(), 'user-agent': 'A browser/1.0' };
    const json = { username: person.username, password: person.password };
    const reply = await lab.anyone('POST', '/api/auth/login/json', { json, headers });
    const token = String(reply.json()['access_token']);
    const requestId = headers['x-request-id'];
    const query = `?action=session.started&target_id=${person.id}`;
    const event = await untilListed(query, (one) => one.request_id === requestId);
    expect(event).toMatchObject({
      action: 'session.started',
      target: { type: 'account', id: person.id },
      result: 'ok',
      address: expect.stringMatching(/^(127\.0\.0\.1|::1|::ffff:127\.0\.0\.1)$/),
      user_agent: 'A browser/1.0',
      request_id: requestId,
      day: event.at.slice(0, 10),
    });
    await settle();
    const everything = JSON.stringify(await exported());
    for (const secret of [person.password, token, token.split('.')[2] ?? token, '$2']) {
      expect(everything.includes(secret), 'a secret is in the trail').toBe(false);
    }
  });

  test('a registration, with the member of staff who made it', async () => {
    const person = await lab.makePerson('teacher');
    const event = await untilListed(`?action=account.created&target_id=${person.id}`);
    expect(event.actor).toEqual({ id: lab.root.id, role: 'admin', via: 'session' });
    expect(event).toMatchObject({ target: { type: 'account' }, result: 'ok' });
  });

  test('what administrators do with dead letters, and with the trail itself', async () => {
    const serviceBus = createServiceBus({ connectionString: lab.app.serviceBus.connectionString });
    const letter = async () => {
      const messageId = randomUUID();
      await serviceBus.send('grading', { body: { not: 'a job' }, messageId });
      const find = async () =>
        (await lab.root.get('/api/v1/admin/dead-letters'))
          .json<{ id: string; message_id: string }[]>()
          .find((one) => one.message_id === messageId)?.id;
      await expect.poll(find, { timeout: 10_000 }).toBeTruthy();
      return { id: (await find()) ?? '', messageId };
    };
    const [discarded, replayed] = [await letter(), await letter()];
    await lab.root.delete(`/api/v1/admin/dead-letters/${discarded.id}`);
    await lab.root.post(`/api/v1/admin/dead-letters/${replayed.id}/replay`);
    await serviceBus.close();
    for (const [action, { id, messageId }] of [
      ['dead_letter.discarded', discarded],
      ['dead_letter.replayed', replayed],
    ] as const) {
      const event = await untilListed(`?action=${action}&target_id=${encodeURIComponent(id)}`);
      expect(event).toMatchObject({
        actor: { id: lab.root.id },
        target: { type: 'dead_letter' },
        detail: { message_id: messageId },
      });
    }
    expect((await lab.root.delete('/api/v1/admin/dead-letters/grading:999999')).status).toBe(404);
    const request = { 'x-request-id': randomUUID() };
    await lab.root.get(`${path}/export`, request);
    await lab.root.post(`${path}/verify`, {}, request);
    await settle();
    const ours = (await list('?target_type=audit')).filter((event) => event.request_id === request['x-request-id']);
    expect(ours.map((event) => event.action)).toEqual(['audit.verified', 'audit.exported']);
    expect(ours[0]?.detail).toMatchObject({ ok: true, first_broken: null });
    expect(await list('?target_id=grading:999999')).toEqual([]);
  });
});

describe('the trail over HTTP', () => {
  let people: Person[];
  beforeAll(async () => {
    people = [await lab.makePerson('student'), await lab.makePerson('teacher'), await lab.makePerson('parent')];
    await settle();
  });
  const today = () => new Date().toISOString().slice(0, 10);

  test('is for those who may read it, and for nobody else', async () => {
    for (const role of builtInRoles.filter((one) => one !== 'admin')) {
      const person = await lab.makePerson(role);
      const replies = [
        await person.get(path),
        await person.get(`${path}/export`),
        await person.post(`${path}/verify`, {}),
      ];
      expect([role, ...replies.map((reply) => reply.status)]).toEqual([role, 403, 403, 403]);
    }
    await settle();
  });

  test('is listed newest first, page by page', async () => {
    const all = await list('?limit=1000');
    expect(all.length).toBeGreaterThan(8);
    expect(all).toEqual(all.toSorted((a, b) => (a.day === b.day ? b.seq - a.seq : a.day < b.day ? 1 : -1)));
    const seen: AuditItem[] = [];
    for (let next: string | undefined = `${path}?limit=3`; next !== undefined; ) {
      const reply = await lab.root.get(next);
      seen.push(...reply.json<AuditItem[]>());
      next = nextOf(reply.headers);
    }
    expect(seen).toEqual(all);
  });

  test('is filtered by each of its filters, and by all of them together', async () => {
    const all = await list('?limit=1000');
    const [student] = people;
    const filters: [string, (event: AuditItem) => boolean][] = [
      ['action=session.started', (event) => event.action === 'session.started'],
      ['action=session', (event) => event.action.startsWith('session.')],
      ['action=account.', (event) => event.action.startsWith('account.')],
      [`actor_id=${lab.root.id}`, (event) => event.actor.id === lab.root.id],
      [`target_id=${student?.id}`, (event) => event.target.id === student?.id],
      ['target_type=account', (event) => event.target.type === 'account'],
      ['result=ok', (event) => event.result === 'ok'],
      ['result=refused', (event) => event.result === 'refused'],
    ];
    for (const [query, fits] of filters)
      expect([query, await list(`?limit=1000&${query}`)]).toEqual([query, all.filter(fits)]);
    const together = `?actor_id=${lab.root.id}&action=account.created&target_type=account&target_id=${student?.id}&result=ok&from=${today()}`;
    expect(await list(together)).toHaveLength(1);
    expect(await list(`${together.replace('result=ok', 'result=refused')}`)).toEqual([]);
  });

  test('is limited to days and to times, both ends counted', async () => {
    const all = await list('?limit=1000');
    const [newest, second] = all;
    if (newest === undefined || second === undefined) throw new Error('There are events.');
    expect(await list(`?limit=1000&from=${second.day}&to=${newest.day}`)).toEqual(
      all.filter((e) => e.day >= second.day),
    );
    expect(await list('?to=2020-01-01')).toEqual([]);
    expect(await list('?from=9999-12-31')).toEqual([]);
    expect(await list('?from=9999-12-31&to=9999-12-31T23:59:59Z')).toEqual([]);
    const from = encodeURIComponent(second.at);
    expect(await list(`?limit=1000&from=${from}`)).toEqual(all.filter((event) => event.at >= second.at));
    expect(await list(`?limit=1000&to=${from}`)).toEqual(all.filter((event) => event.at <= second.at));
    const offset = encodeURIComponent(second.at.replace('Z', '+00:00'));
    expect(await list(`?limit=1000&from=${offset}&to=${offset}`)).toEqual(
      all.filter((event) => event.at === second.at),
    );
  });

  test.each([
    'action=session.unheard_of',
    'action=sess',
    'action=',
    'from=yesterday',
    'from=2026-02-30',
    'to=1',
    'result=maybe',
    'actor_id=',
    `target_id=${'x'.repeat(201)}`,
    'cursor=AAAA',
    `cursor=${Buffer.from('2026-99-99:1').toString('base64url')}`,
    `cursor=${Buffer.from('latest:1').toString('base64url')}`,
  ])('refuses %s with 422', async (query) => {
    expect((await lab.root.get(`${path}?${query}`)).status).toBe(422);
  });

  test('takes what looks like a query for plain text', async () => {
    const odd = `x' OR 1=1 --"`;
    expect(await list(`?actor_id=${encodeURIComponent(odd)}&target_id=${encodeURIComponent(odd)}`)).toEqual([]);
  });

  test('is exported as the list has it, one line an event, also in parts', async () => {
    await settle();
    const listed = await list('?limit=1000');
    expect(await exported()).toEqual(listed.toReversed());
    await settle();
    // Since then the export itself is in it.
    const [last, ...before] = (await exported('?lines=4')).toReversed();
    expect(before.filter((event) => event.action !== 'audit.exported')).toEqual(
      listed.filter((event) => event.action !== 'audit.exported'),
    );
    expect(last?.action).toBe('audit.exported');
    expect(await exported('?to=2020-01-01')).toEqual([]);
    expect((await lab.root.get(`${path}/export?cursor=AAAA`)).status).toBe(422);
    const first = listed.at(-1);
    expect((await exported(`?to=${encodeURIComponent(first?.at ?? '')}`))[0]).toEqual(first);
  });

  test('can be checked by whoever reads it, and by the server', async () => {
    await settle();
    const events = (await list('?limit=1000')).toReversed();
    for (const event of events) {
      const { hash, ...rest } = event;
      expect(
        hashOf({
          ...rest,
          type: 'audit_event',
          schema_version: 1,
          action: event.action,
          result: event.result === 'ok' ? 'ok' : 'refused',
        }),
      ).toBe(hash);
    }
    for (const [at, event] of events.slice(1).entries()) expect(event.previous_hash).toBe(events[at]?.hash);
    const reply = await lab.root.post(`${path}/verify`, {});
    const newest = events.at(-1);
    expect([reply.status, reply.json()]).toEqual([
      200,
      {
        ok: true,
        checked: events.length,
        expired_days: 0,
        first_broken: null,
        head: { day: newest?.day, seq: newest?.seq, hash: newest?.hash },
        next_from: null,
      },
    ]);
  });
});

// The last test of this file, because it breaks what the others read.
test('a change in the database is told by the check', async () => {
  await settle();
  const [event] = (await list('?limit=1000')).slice(4);
  if (event === undefined) throw new Error('There are events.');
  await lab
    .container('audit')
    .item(event.id, event.day)
    .patch([{ op: 'set', path: '/actor/id', value: randomUUID() }]);
  const reply = await lab.root.post(`${path}/verify`, { from: event.day });
  expect([reply.status, reply.json()]).toMatchObject([
    200,
    { ok: false, first_broken: { day: event.day, seq: event.seq, reason: expect.stringMatching(/hash/) } },
  ]);
});
