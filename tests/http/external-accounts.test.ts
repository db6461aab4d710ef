import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Person, Reply, WireUser } from './client.ts';
import { type ExternalLab, startExternalLab } from './external-lab.ts';

// Which account somebody gets who comes from a provider; accounts are made by staff here.

let world: ExternalLab;
beforeAll(async () => {
  world = await startExternalLab({ settings: { REGISTRATION_POLICY: 'staff_only' } });
});
afterAll(() => world.close());

const userOf = (reply: Reply) => reply.json<{ user: WireUser }>().user;

async function withAddress(email: string, isVerified: boolean): Promise<Person> {
  const person = await world.lab.makePerson('teacher', { email });
  const change = [{ op: 'set' as const, path: '/is_verified', value: isVerified }];
  await world.lab.container('identity').item(person.id, 'accounts').patch(change);
  return person;
}

const closed =
  'No account is linked to this sign-in. Log in to yours and link the provider there, or ask for an account.';

describe('somebody with the address of an account', () => {
  test('gets the account when both the provider and we have proved the address', async () => {
    const { who, email } = world.newcomer();
    const person = await withAddress(email, true);
    const reply = await world.signIn('google', who);
    expect(userOf(reply)).toMatchObject({ user_id: person.id, role: 'teacher' });
    expect(await world.stored(person.id)).toMatchObject({ external_logins: [{ provider: 'google', subject: who }] });
    const linked = (await world.eventsOf(person.id)).filter(({ action }) => action === 'account.login_linked');
    expect(linked).toMatchObject([{ detail: { provider: 'google' } }]);
    // The password goes on working, and so does the sign-in when the address changes hands.
    expect((await world.lab.logIn(person.username, person.password)).id).toBe(person.id);
    world.provider.knows(who, { email: 'somebody-else@example.org', email_verified: true });
    expect(userOf(await world.signIn('google', who)).user_id).toBe(person.id);
  });

  test('gets it however the address is written', async () => {
    const { who, email } = world.newcomer();
    const person = await withAddress(email, true);
    world.provider.knows(who, { email: email.toUpperCase(), email_verified: true });
    expect(userOf(await world.signIn('google', who)).user_id).toBe(person.id);
  });

  test('has to log in and link it when the account has never proved the address', async () => {
    const { who, email } = world.newcomer();
    const person = await withAddress(email, false);
    const reply = await world.signIn('google', who);
    expect([reply.status, reply.json()['code']]).toEqual([409, 'link_required']);
    expect(await world.stored(person.id)).toMatchObject({ external_logins: [] });
  });

  test('has to link it when the account has another person of that provider', async () => {
    const { who, email } = world.newcomer();
    await withAddress(email, true);
    expect((await world.signIn('google', who)).status).toBe(200);
    const other = randomUUID();
    world.provider.knows(other, { email, email_verified: true });
    expect((await world.signIn('google', other)).json()['code']).toBe('link_required');
  });

  test.each([false, undefined, 'no', 0, null, []])(
    'learns nothing and gets nothing when the provider says email_verified = %j',
    async (email_verified) => {
      const { who, email } = world.newcomer({ email_verified });
      const person = await withAddress(email, true);
      expect((await world.signIn('google', who)).refusal).toEqual([403, closed]);
      expect(await world.stored(person.id)).toMatchObject({ external_logins: [] });
      const stranger = world.newcomer({ email_verified });
      expect((await world.signIn('google', stranger.who)).refusal).toEqual([403, closed]);
    },
  );

  test('is told that it is inactive, and not linked to it', async () => {
    const { who, email } = world.newcomer();
    const person = await withAddress(email, true);
    await world.lab.deactivate(person);
    expect((await world.signIn('google', who)).refusal).toEqual([400, 'Inactive user']);
    expect(await world.stored(person.id)).toMatchObject({ external_logins: [] });
  });

  test('six at once link once', async () => {
    const { who, email } = world.newcomer();
    const person = await withAddress(email, true);
    const ready = [];
    for (let i = 0; i < 6; i += 1) {
      const { auth_url, state } = await world.begin();
      ready.push({ code: await world.codeFor(auth_url, who), state });
    }
    const replies = await Promise.all(ready.map((json) => world.finish('google', json)));
    expect(replies.map((reply) => userOf(reply).user_id)).toEqual(ready.map(() => person.id));
    const linked = (await world.eventsOf(person.id)).filter(({ action }) => action === 'account.login_linked');
    expect(linked).toHaveLength(1);
  });
});

test('a stranger gets no account where staff make them', async () => {
  expect((await world.signIn('google', world.newcomer().who)).refusal).toEqual([403, closed]);
});
