import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import createInvitation from '../../functions/accounts/create-invitation.ts';
import { type Lab, type Person, type Reply, startLab } from './client.ts';
import { startInstance } from './instance.ts';
import { Mailbox } from './mails.ts';

interface WireInvitation {
  invitation_id: string;
  token: string;
  link: string;
  email: string | null;
  role: string;
  status: string;
  is_mailed: boolean;
  expires_at: string;
  created_at: string;
}

const mailbox = new Mailbox();
let aheadMs = 0;
const dayMs = 24 * 60 * 60_000;
let lab: Lab;
let teacher: Person;
beforeAll(async () => {
  const clock = { now: () => Date.now() + aheadMs };
  lab = await startLab({
    overrides: { email: mailbox, clock },
    settings: { APP_URL: 'https://school.example/app/' },
  });
  teacher = await lab.makePerson('teacher');
});
afterAll(() => lab.close());

const password = 'correct horse battery';
const address = () => `p${randomUUID()}@example.org`;
const invite = (person: Person, json: Record<string, unknown> = {}) => person.post('/api/v1/invitations', json);
async function invited(person: Person, json: Record<string, unknown> = {}): Promise<WireInvitation> {
  const reply = await invite(person, json);
  if (reply.status !== 201) throw new Error(`invite: ${reply.status} ${reply.text}`);
  return reply.json<WireInvitation>();
}
const accept = (token: string, fields: Record<string, unknown> = {}) =>
  lab.anyone('POST', '/api/v1/invitations/accept', {
    json: { token, username: `p${randomUUID()}`, password, ...fields },
  });
const code = (reply: Reply) => [reply.status, reply.json()['code']];
const void_ = [400, 'account_token_invalid'];

describe('an invitation', () => {
  test('is mailed and shown once, and becomes an account of its role that is logged in', async () => {
    const email = address();
    const invitation = await invited(teacher, { email, role: 'parent' });
    expect(invitation).toMatchObject({ email, role: 'parent', status: 'open', is_mailed: true });
    expect(invitation.link).toBe(`https://school.example/app/accept-invitation?token=${invitation.token}`);
    expect(Date.parse(invitation.expires_at) - Date.parse(invitation.created_at)).toBe(7 * dayMs);
    const mailed = await mailbox.token(email, 'accept-invitation');
    const reply = await accept(mailed, { full_name: 'Ann Lee', username: undefined });
    expect(reply.status).toBe(201);
    expect(reply.json()).toMatchObject({ email, role: 'parent', full_name: 'Ann Lee', token_type: 'bearer' });
    const me = await lab.anyone('GET', '/api/auth/me', { token: String(reply.json()['access_token']) });
    expect(me.json()['user_id']).toBe(reply.json()['user_id']);
    expect((await lab.logIn(email, password)).user.role).toBe('parent');
  });

  test('proves the address only with the token that was mailed, not with the one that was handed over', async () => {
    const [mailed, handed] = [address(), address()];
    await invited(teacher, { email: mailed });
    const { token } = await invited(teacher, { email: handed });
    expect((await accept(await mailbox.token(mailed, 'accept-invitation'))).json()['is_verified']).toBe(true);
    expect((await accept(token)).json()['is_verified']).toBe(false);
    expect(await mailbox.token(handed, 'verify-email')).not.toBe('');
    expect(mailbox.to(mailed)).toHaveLength(1);
  });

  test('is good for one account, also when six accept it at once, under one name or under six', async () => {
    for (const username of [`p${randomUUID()}`, undefined]) {
      const { token } = await invited(teacher);
      const fields = username === undefined ? {} : { username };
      const replies = await Promise.all(Array.from({ length: 6 }, () => accept(token, fields)));
      expect(replies.map((reply) => reply.status).sort()).toEqual([201, 400, 400, 400, 400, 400]);
      expect(code(await accept(token))).toEqual(void_);
    }
    const { token } = await invited(teacher, { email: address() });
    const derived = await Promise.all(Array.from({ length: 6 }, () => accept(token, { username: undefined })));
    expect(derived.map((reply) => reply.status).sort()).toEqual([201, 400, 400, 400, 400, 400]);
  });

  test('is not used up by an acceptance that was refused', async () => {
    const { token } = await invited(teacher, { email: address() });
    expect(code(await accept(token, { username: teacher.username }))).toEqual([409, 'username_in_use']);
    expect((await accept(token, { password: 'password1' })).status).toBe(422);
    expect((await accept(token, { email: address() })).status).toBe(422);
    expect((await accept(token)).status).toBe(201);
  });

  test('expires: by the setting, or sooner or later as it says', async () => {
    const [usual, short] = [await invited(teacher), await invited(teacher, { expires_in_days: 0.5 })];
    onTestFinished(() => {
      aheadMs = 0;
    });
    aheadMs = 0.5 * dayMs;
    expect(code(await accept(short.token))).toEqual(void_);
    const later = await lab.logIn(teacher.username, teacher.password);
    const listed = (await later.get('/api/v1/invitations')).json<WireInvitation[]>();
    expect(listed.find((one) => one.invitation_id === short.invitation_id)?.status).toBe('expired');
    aheadMs = 7 * dayMs - 60_000;
    expect(code(await accept(usual.token, { username: teacher.username }))).toEqual([409, 'username_in_use']);
    aheadMs = 7 * dayMs;
    expect(code(await accept(usual.token))).toEqual(void_);
    aheadMs = 0;
    for (const expires_in_days of [0, -1, 91, 'x'])
      expect((await invite(teacher, { expires_in_days })).status).toBe(422);
  });

  test('without an address asks for a name, and takes an address that is then still to be verified', async () => {
    const { token } = await invited(teacher);
    expect((await accept(token, { username: undefined })).status).toBe(422);
    const email = address();
    const reply = await accept(token, { email });
    expect(reply.json()).toMatchObject({ email, is_verified: false });
    expect(await mailbox.token(email, 'verify-email')).not.toBe('');
  });

  test('gives no role that may do more than who invites', async () => {
    expect((await invite(teacher, { role: 'admin' })).refusal).toEqual([
      403,
      'Only an administrator can make an administrator',
    ]);
    expect((await invite(teacher, { role: 'nonsense' })).status).toBe(422);
    for (const role of ['configurator', 'user', 'guest']) expect((await invited(teacher, { role })).role).toBe(role);
    const { root } = lab;
    expect((await invited(root, { role: 'superuser' })).role).toBe('admin');
  });

  test('is worth nothing once who gave it is not active', async () => {
    const other = await lab.makePerson('teacher');
    const { token } = await invited(other);
    await lab.deactivate(other);
    expect(code(await accept(token))).toEqual(void_);
  });

  test('opens nothing with a token that was changed, cut or is of another kind', async () => {
    const { token, invitation_id } = await invited(teacher, { email: address() });
    const flipped = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`;
    for (const bad of [flipped, token.slice(1), `${token}A`, 'A'.repeat(64), invitation_id, 'x']) {
      expect([bad, ...code(await accept(bad))]).toEqual([bad, ...void_]);
    }
    expect((await accept(token)).status).toBe(201);
  });

  test('shows its token once: not in lists, not to a repeat, not in the log or the database', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const first = await teacher.post('/api/v1/invitations', {}, headers);
    const { token, invitation_id } = first.json<WireInvitation>();
    const again = await teacher.post('/api/v1/invitations', {}, headers);
    expect([again.status, again.json()['id']]).toEqual([409, invitation_id]);
    await accept(token);
    const { resources } = await lab.container('identity').items.readAll().fetchAll();
    const list = (await teacher.get('/api/v1/invitations')).text;
    for (const text of [again.text, list, JSON.stringify(resources), lab.app.log.join('\n')]) {
      expect(text).not.toContain(token);
    }
  });
});

describe('the list of invitations', () => {
  test('shows the own ones, the newest first, by pages; an administrator sees all', async () => {
    const [mine, theirs] = [await lab.makePerson('teacher'), await lab.makePerson('configurator')];
    const made: string[] = [];
    for (let count = 0; count < 3; count += 1) made.unshift((await invited(mine)).invitation_id);
    const other = (await invited(theirs)).invitation_id;
    const idsOf = (reply: Reply) => reply.json<WireInvitation[]>().map((one) => one.invitation_id);
    expect(idsOf(await mine.get('/api/v1/invitations'))).toEqual(made);
    const page = await mine.get('/api/v1/invitations?limit=2');
    expect(idsOf(page)).toEqual(made.slice(0, 2));
    const next = new URL(/<([^>]+)>/.exec(page.headers.get('link') ?? '')?.[1] ?? '', lab.url);
    expect(idsOf(await mine.get(`${next.pathname}${next.search}`))).toEqual(made.slice(2));
    const { root } = lab;
    expect(idsOf(await root.get('/api/v1/invitations'))).toEqual(expect.arrayContaining([...made, other]));
  });

  test('an invitation is taken back by who made it or an administrator; to others it is not there', async () => {
    const [mine, theirs] = [await lab.makePerson('teacher'), await lab.makePerson('teacher')];
    const { root } = lab;
    const [first, second, used] = [await invited(mine), await invited(mine), await invited(mine)];
    const revoke = (person: Person, id: string) => person.delete(`/api/v1/invitations/${id}`);
    expect((await revoke(theirs, first.invitation_id)).status).toBe(404);
    expect((await revoke(mine, first.invitation_id)).status).toBe(204);
    expect((await revoke(mine, first.invitation_id)).status).toBe(204);
    expect((await revoke(root, second.invitation_id)).status).toBe(204);
    for (const { token } of [first, second]) expect(code(await accept(token))).toEqual(void_);
    await accept(used.token);
    expect((await revoke(mine, used.invitation_id)).status).toBe(409);
    const listed = (await mine.get('/api/v1/invitations')).json<WireInvitation[]>();
    expect(listed.map((one) => one.status)).toEqual(['accepted', 'revoked', 'revoked']);
  });
});

describe('the components of an invitation', () => {
  const coursesOf = async (person: Person) =>
    (await person.get('/api/student/flexagecomps')).json<{ comp_id: string }[]>().map((one) => one.comp_id);

  test('are those that a new student studies, from the first moment', async () => {
    const owner = await lab.makePerson('teacher');
    const components = [await lab.makeComponent(owner), await lab.makeComponent(owner)].map((one) => one.comp_id);
    const { token } = await invited(owner, { comp_ids: [...components, ...components] });
    const reply = await accept(token);
    const student = await lab.logIn(String(reply.json()['username']), password);
    expect((await coursesOf(student)).sort()).toEqual([...components].sort());
  });

  test('are those that a new member of staff manages', async () => {
    const owner = await lab.makePerson('teacher');
    const { comp_id } = await lab.makeComponent(owner);
    const { token } = await invited(owner, { role: 'configurator', comp_ids: [comp_id] });
    const staff = await lab.logIn(String((await accept(token)).json()['username']), password);
    expect((await staff.get(`/api/configure/flexagecomps/${comp_id}`)).status).toBe(200);
  });

  test('must be those of who invites, and the role one that takes part', async () => {
    const [owner, other] = [await lab.makePerson('teacher'), await lab.makePerson('teacher')];
    const { comp_id } = await lab.makeComponent(owner);
    expect((await invite(other, { comp_ids: [comp_id] })).status).toBe(404);
    expect((await invite(owner, { comp_ids: [randomUUID()] })).status).toBe(404);
    expect((await invite(owner, { role: 'parent', comp_ids: [comp_id] })).status).toBe(422);
    const many = Array.from({ length: 51 }, () => comp_id);
    expect((await invite(owner, { comp_ids: many })).status).toBe(422);
  });

  test('that are gone by then are left out, and the others are joined', async () => {
    const owner = await lab.makePerson('teacher');
    const [gone, there] = [await lab.makeComponent(owner), await lab.makeComponent(owner)];
    const { token } = await invited(owner, { comp_ids: [gone.comp_id, there.comp_id] });
    await owner.delete(`/api/configure/flexagecomps/${gone.comp_id}`);
    const reply = await accept(token);
    const student = await lab.logIn(String(reply.json()['username']), password);
    expect(await coursesOf(student)).toEqual([there.comp_id]);
  });

  test('are joined later when the process died right after the account was made', async () => {
    const owner = await lab.makePerson('teacher');
    const { comp_id } = await lab.makeComponent(owner);
    const { token, invitation_id } = await invited(owner, { comp_ids: [comp_id] });
    const user_id = String((await accept(token)).json()['user_id']);
    // Back to what the batch of the account has written: nothing joined yet, and the invitation says so.
    await lab.container('coursework').item('enrolment', [comp_id, user_id]).delete();
    const invitation = lab.container('identity').item(`invitation:${invitation_id}`, 'accounts');
    await invitation.patch([{ op: 'set', path: '/is_joining', value: true }]);
    const enrolment = async () =>
      (await lab.container('coursework').item('enrolment', [comp_id, user_id]).read()).resource?.is_active;
    await expect.poll(enrolment, { timeout: 15_000 }).toBe(true);
    const isJoining = async () => (await invitation.read()).resource?.is_joining;
    await expect.poll(isJoining, { timeout: 15_000 }).toBe(false);
  });
});

test('a mail that the queue did not take with the change is sent by the change feed', async () => {
  const nowhere = 'Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=k;SharedAccessKey=k;UseDevelopmentEmulator=true;';
  const instance = startInstance(lab, { ServiceBusConnection: nowhere });
  const json = { email: address() };
  const reply = await instance.call(createInvitation, { json, token: lab.root.token });
  expect(reply.status).toBe(201);
  expect(await mailbox.token(json.email, 'accept-invitation')).not.toBe('');
  const query = `SELECT VALUE COUNT(1) FROM c WHERE c.type = 'outbox'`;
  const waiting = async () =>
    (await lab.container('identity').items.query<number>(query, { partitionKey: 'accounts' }).fetchAll()).resources[0];
  await expect.poll(waiting, { timeout: 10_000 }).toBe(0);
  expect(mailbox.to(json.email)).toHaveLength(1);
});
