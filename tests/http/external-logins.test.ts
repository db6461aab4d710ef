import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Person, Reply, WireUser } from './client.ts';
import { type Begun, type ExternalLab, startExternalLab } from './external-lab.ts';

// Providers that people link to their accounts, and take out again.

let world: ExternalLab;
beforeAll(async () => {
  world = await startExternalLab({ settings: { REGISTRATION_POLICY: 'staff_only' } });
});
afterAll(() => world.close());

const path = (name: string) => `/api/v1/auth/${name}/link`;

/** A link that has begun, with the code for `who`. */
async function ready(person: Person, who: string, name = 'google') {
  const { auth_url, state } = (await person.post(path(name), {})).json<Begun & Record<string, unknown>>();
  return { code: await world.codeFor(auth_url, who), state };
}

async function link(person: Person, who: string, name = 'google'): Promise<Reply> {
  return person.post(path(name), await ready(person, who, name));
}

const userOf = (reply: Reply) => reply.json<{ user: WireUser }>().user;

interface Logins {
  user_id: string;
  has_password: boolean;
  passkeys: number;
  logins: { provider: string; email: string | null; linked_at: string }[];
}
const loginsOf = async (person: Person) => (await person.get('/api/v1/auth/logins')).json<Logins & object>();

/** Takes the password away, as an account has none that a provider made. */
async function withoutPassword(person: Person): Promise<void> {
  const change = [{ op: 'set' as const, path: '/password_hash', value: null }];
  await world.lab.container('identity').item(person.id, 'accounts').patch(change);
}

describe('a provider', () => {
  test('is linked by who is logged in, whatever their address there, and lets them in from then on', async () => {
    const person = await world.lab.makePerson('student');
    const { who, email } = world.newcomer({ email_verified: false });
    const linked = await link(person, who);
    expect([linked.status, linked.json()]).toEqual([
      200,
      { provider: 'google', email, linked_at: expect.stringMatching(/Z$/) },
    ]);
    expect(userOf(await world.signIn('google', who)).user_id).toBe(person.id);
    expect(await loginsOf(person)).toEqual({
      user_id: person.id,
      has_password: true,
      passkeys: 0,
      logins: [linked.json()],
    });
    const event = (await world.eventsOf(person.id)).find(({ action }) => action === 'account.login_linked');
    expect(event).toMatchObject({ actor: { id: person.id, via: 'session' }, detail: { provider: 'google' } });
  });

  test('is linked a second time to no other account, and no second person of it to one', async () => {
    const [one, two] = [await world.lab.makePerson('student'), await world.lab.makePerson('student')];
    const { who } = world.newcomer();
    expect((await link(one, who)).status).toBe(200);
    expect((await link(one, who)).status).toBe(200);
    expect((await link(two, who)).refusal).toEqual([409, 'This sign-in is linked to another account']);
    const another = world.newcomer().who;
    expect((await link(one, another)).refusal).toEqual([
      409,
      'Another account of this provider is linked; take that out first',
    ]);
    expect((await loginsOf(one)).logins).toHaveLength(1);
    expect((await loginsOf(two)).logins).toHaveLength(0);
  });

  test('six accounts that link one person at once: one has it', async () => {
    const { who } = world.newcomer();
    const people = await Promise.all(Array.from({ length: 6 }, () => world.lab.makePerson('student')));
    const answers = [];
    for (const person of people) answers.push({ person, json: await ready(person, who) });
    const replies = await Promise.all(answers.map(({ person, json }) => person.post(path('google'), json)));
    expect(replies.map((reply) => reply.status).toSorted()).toEqual([200, 409, 409, 409, 409, 409]);
  });

  test('is linked only by who began it, and only as a link', async () => {
    const [one, two] = [await world.lab.makePerson('student'), await world.lab.makePerson('student')];
    const { who } = world.newcomer();
    const answer = await ready(one, who);
    expect((await two.post(path('google'), answer)).refusal).toEqual([404, 'You have begun no such sign-in']);
    expect((await world.finish('google', answer)).status).toBe(400);
    const signIn = await world.begin();
    const stray = { code: await world.codeFor(signIn.auth_url, who), state: signIn.state };
    expect((await one.post(path('google'), stray)).status).toBe(404);
    // None of this has used it up.
    expect((await one.post(path('google'), answer)).status).toBe(200);
    expect((await one.post(path('google'), answer)).status).toBe(400);
  });

  test('is not linked when the person says no there', async () => {
    const person = await world.lab.makePerson('student');
    const { state } = await ready(person, world.newcomer().who);
    const reply = await person.post(path('google'), { error: 'access_denied', state });
    expect(reply.refusal).toEqual([400, 'The sign-in was cancelled.']);
    expect((await person.post(path('google'), { code: 'x' })).status).toBe(400);
    expect((await loginsOf(person)).logins).toEqual([]);
  });

  test('that is not set up, or none of ours, cannot be linked', async () => {
    const person = await world.lab.makePerson('student');
    expect((await person.post(path('facebook'), {})).status).toBe(404);
    expect((await person.delete(path('facebook'))).status).toBe(404);
    expect((await person.delete(path('google'))).status).toBe(404);
  });
});

describe('taking a provider out', () => {
  test('keeps its person out from then on, and another account may have them', async () => {
    const person = await world.lab.makePerson('student');
    const { who } = world.newcomer();
    await link(person, who);
    const reply = await person.delete(path('google'));
    expect([reply.status, reply.text]).toEqual([204, '']);
    expect((await world.signIn('google', who)).status).toBe(403);
    expect((await person.delete(path('google'))).status).toBe(404);
    const events = (await world.eventsOf(person.id)).map(({ action }) => action);
    expect(events).toContain('account.login_unlinked');
    expect((await link(await world.lab.makePerson('student'), who)).status).toBe(200);
  });

  const last = [409, 'This is the only way into the account; set a password first'];

  test('is refused for the last way into the account', async () => {
    const person = await world.lab.makePerson('student');
    await link(person, world.newcomer().who);
    await withoutPassword(person);
    expect((await person.delete(path('google'))).refusal).toEqual(last);
    expect(await loginsOf(person)).toMatchObject({ has_password: false, logins: [{ provider: 'google' }] });
    const passkey = [{ op: 'set' as const, path: '/second_factors/passkeys', value: 1 }];
    await world.lab.container('identity').item(person.id, 'accounts').patch(passkey);
    expect((await person.delete(path('google'))).status).toBe(204);
  });

  test('leaves one of two when both are taken out at once', async () => {
    const person = await world.lab.makePerson('student');
    const { who } = world.newcomer();
    await link(person, who, 'google');
    await link(person, who, 'microsoft');
    await withoutPassword(person);
    const names = ['google', 'microsoft', 'google', 'microsoft'];
    const replies = await Promise.all(names.map((name) => person.delete(path(name))));
    expect(replies.filter((reply) => reply.status === 204)).toHaveLength(1);
    expect((await loginsOf(person)).logins).toHaveLength(1);
  });
});

test('who logged in a while ago has to prove again who they are', async () => {
  const person = await world.lab.makePerson('student');
  const { who } = world.newcomer();
  const answer = await ready(person, who);
  world.forward(9.5);
  expect((await person.post(path('google'), answer)).status).toBe(200);
  world.forward(1);
  for (const reply of [await person.post(path('google'), {}), await person.delete(path('google'))]) {
    expect([reply.status, reply.json()['code']]).toEqual([403, 'step_up_required']);
  }
  expect((await loginsOf(person)).logins).toHaveLength(1);
});

test('a body that is not what a provider sends back is refused', async () => {
  const person = await world.lab.makePerson('student');
  for (const json of [{ code: '' }, { code: 'x'.repeat(9000) }, { state: 7 }, { state: 'x'.repeat(201) }, []]) {
    expect((await person.post(path('google'), json)).status).toBe(422);
    expect((await world.lab.anyone('POST', '/api/v1/auth/google/callback', { json })).status).toBe(422);
  }
  expect((await person.post(path(randomUUID()), {})).status).toBe(422);
});
