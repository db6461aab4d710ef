import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Reply, WireUser } from './client.ts';
import { callbackOf, type ExternalLab, startExternalLab } from './external-lab.ts';

let world: ExternalLab;
beforeAll(async () => {
  world = await startExternalLab({ settings: { REGISTRATION_POLICY: 'open' } });
});
afterAll(() => world.close());

const userOf = (reply: Reply) => reply.json<{ user: WireUser & { is_verified: boolean } }>().user;
const path = (name: string, what: string) => `/api/v1/auth/${name}/${what}`;

describe('a sign-in with a provider', () => {
  test('makes the account of a newcomer, and finds it the next time', async () => {
    const { who, email } = world.newcomer({ preferred_username: 'Ann.Example' });
    const first = await world.signIn('google', who);
    expect([first.status, first.text.slice(0, 0)]).toEqual([200, '']);
    const user = userOf(first);
    expect(user).toMatchObject({
      email,
      full_name: 'Ann Example',
      role: 'student',
      is_active: true,
      is_verified: true,
    });
    expect(user.username).toBe('ann.example');
    const token = first.json<{ access_token: string }>().access_token;
    expect((await world.lab.anyone('GET', '/api/auth/me', { token })).json<WireUser>().user_id).toBe(user.user_id);
    expect(userOf(await world.signIn('google', who)).user_id).toBe(user.user_id);
    expect(await world.stored(user.user_id)).toMatchObject({
      password_hash: null,
      external_logins: [{ provider: 'google', subject: who, email }],
    });
    const actions = (await world.eventsOf(user.user_id)).map(({ action, actor }) => [action, actor.via]);
    expect(actions.toSorted()).toEqual([
      ['account.created', 'anonymous'],
      ['account.login_linked', 'anonymous'],
    ]);
  });

  test('answers what older clients read: address first, then token and the person with role, name and email', async () => {
    const { who, email } = world.newcomer();
    const begun = await world.lab.anyone('GET', path('microsoft', 'login'));
    expect([begun.status, begun.headers.get('cache-control')]).toEqual([200, 'no-store']);
    const { auth_url, state } = begun.json<{ auth_url: string; state: string }>();
    const code = await world.codeFor(auth_url, who);
    const done = await world.finish('microsoft', { code, state, provider: 'microsoft' });
    expect(done.json()).toMatchObject({
      access_token: expect.any(String),
      token_type: 'bearer',
      user: { role: 'student', name: 'Ann Example', email },
    });
  });

  test('asks the provider for PKCE with S256, a nonce and a state, all new each time', async () => {
    const [one, two] = [new URL((await world.begin()).auth_url), new URL((await world.begin()).auth_url)];
    expect(Object.fromEntries(one.searchParams)).toMatchObject({
      response_type: 'code',
      code_challenge_method: 'S256',
      scope: 'openid profile email',
      redirect_uri: callbackOf('google'),
    });
    for (const name of ['state', 'nonce', 'code_challenge']) {
      expect(one.searchParams.get(name)).toMatch(/^[\w-]{43}$/);
      expect(one.searchParams.get(name)).not.toBe(two.searchParams.get(name));
    }
  });

  test('takes a name that is taken, or none at all, for no obstacle', async () => {
    const name = `taken-${randomUUID().slice(0, 8)}`;
    const users = [];
    for (const preferred_username of [name, name, `${name}@example.com`, '\u202e<b>\u0000', 'x']) {
      users.push(userOf(await world.signIn('google', world.newcomer({ preferred_username }).who)));
    }
    const names = users.map((user) => user.username);
    expect(names[0]).toBe(name);
    expect(new Set(names).size).toBe(5);
    for (const one of names) expect(one).toMatch(/^[a-z0-9][a-z0-9._-]{2,60}$/);
  });

  test('makes an account without the address where the provider does not vouch for it', async () => {
    const { who, email } = world.newcomer({ email_verified: false });
    const person = await world.lab.makePerson('student', { email });
    const user = userOf(await world.signIn('google', who));
    expect(user).toMatchObject({ email: null, is_verified: false });
    expect(user.user_id).not.toBe(person.id);
  });

  test('takes people of two providers for two people, whatever they are called there', async () => {
    const { who } = world.newcomer({ email_verified: false });
    const [google, microsoft] = [await world.signIn('google', who), await world.signIn('microsoft', who)];
    expect(userOf(google).user_id).not.toBe(userOf(microsoft).user_id);
  });

  test('is refused for an account that was suspended, with the right sign-in', async () => {
    const { who } = world.newcomer();
    const { user_id } = userOf(await world.signIn('google', who));
    const suspend = [{ op: 'set' as const, path: '/status', value: 'suspended' }];
    await world.lab.container('identity').item(user_id, 'accounts').patch(suspend);
    expect((await world.signIn('google', who)).refusal).toEqual([400, 'Inactive user']);
  });

  test('six at once of somebody new make one account', async () => {
    const { who } = world.newcomer();
    const begun = await Promise.all(Array.from({ length: 6 }, () => world.begin()));
    const ready = [];
    for (const { auth_url, state } of begun) ready.push({ code: await world.codeFor(auth_url, who), state });
    const replies = await Promise.all(ready.map((json) => world.finish('google', json)));
    expect(replies.map((reply) => reply.status)).toEqual([200, 200, 200, 200, 200, 200]);
    const ids = new Set(replies.map((reply) => userOf(reply).user_id));
    expect(ids.size).toBe(1);
    const events = await world.eventsOf([...ids][0] ?? '');
    expect(events.filter(({ action }) => action === 'account.created')).toHaveLength(1);
  });
});

describe('a sign-in belongs to the browser that began it', () => {
  async function ready() {
    const { who } = world.newcomer();
    const begun = await world.lab.anyone('GET', path('google', 'login'));
    const { auth_url, state } = begun.json<{ auth_url: string; state: string }>();
    const cookie = begun.headers.get('set-cookie') ?? '';
    return { who, state, cookie, auth_url, code: await world.codeFor(auth_url, who) };
  }
  const refusal = [400, 'The sign-in was not begun in this browser, or too long ago, or is used up; begin it again.'];

  test('a page of the same site that sends only the code is known by its cookie, which no script reads', async () => {
    const { code, state, cookie } = await ready();
    expect(cookie).toBe(`__Host-lyceum_sign_in=${state}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600`);
    const headers = { cookie: `theme=dark; ${cookie.split(';')[0]}; a=b=c` };
    const done = await world.finish('google', { code, provider: 'google' }, headers);
    expect(done.status).toBe(200);
    expect(done.headers.get('set-cookie')).toMatch(/^__Host-lyceum_sign_in=; .*Max-Age=0$/);
  });

  test('without the secret and without the cookie nothing gets in', async () => {
    const { code, auth_url } = await ready();
    expect((await world.finish('google', { code, provider: 'google' })).refusal).toEqual(refusal);
    expect((await world.finish('google', { code, state: '' })).refusal).toEqual(refusal);
    const cookie = '__Host-lyceum_sign_in=; lyceum_sign_in=x';
    expect((await world.finish('google', { code }, { cookie })).refusal).toEqual(refusal);
    // The state of the address is seen by the provider, by proxies, and by whoever sends somebody a prepared link.
    const inAddress = new URL(auth_url).searchParams.get('state');
    expect((await world.finish('google', { code, state: inAddress })).refusal).toEqual(refusal);
  });

  test('the secret stands in no address and in no document', async () => {
    const { state, auth_url } = await ready();
    const public_ = createHash('sha256').update(state).digest('base64url');
    expect(new URL(auth_url).searchParams.get('state')).toBe(public_);
    expect(auth_url).not.toContain(state);
    const id = `sign-in:${public_}`;
    const { resource } = await world.lab.container('platform').item(id, id).read<{ ttl: number }>();
    expect(resource?.ttl).toBe(600);
    expect(JSON.stringify(resource)).not.toContain(state);
  });

  test('the code of an attacker is worth nothing in the browser of a victim who has begun a sign-in', async () => {
    const [attacker, victim] = [await ready(), await ready()];
    const reply = await world.finish('google', { code: attacker.code, state: victim.state });
    expect([reply.status, reply.json()['code']]).toEqual([400, 'sign_in_refused']);
  });

  test('a wrong state is refused, of whatever form', async () => {
    const { code } = await ready();
    for (const state of [randomUUID(), 'x'.repeat(43), '../..', 'sign-in:', "' OR 1=1"]) {
      expect((await world.finish('google', { code, state })).refusal).toEqual(refusal);
    }
  });

  test('a state that was used is refused, and so is a code', async () => {
    const { code, state, who } = await ready();
    expect((await world.finish('google', { code, state })).status).toBe(200);
    expect((await world.finish('google', { code, state })).refusal).toEqual(refusal);
    const next = await world.begin();
    await world.codeFor(next.auth_url, who);
    const replayed = await world.finish('google', { code, state: next.state });
    expect([replayed.status, replayed.json()['code']]).toEqual([400, 'sign_in_refused']);
  });

  test('of six answers at once with one state exactly one gets in', async () => {
    const { code, state } = await ready();
    const before = world.provider.requests.length;
    const replies = await Promise.all(Array.from({ length: 6 }, () => world.finish('google', { code, state })));
    expect(replies.map((reply) => reply.status).toSorted()).toEqual([200, 400, 400, 400, 400, 400]);
    // The others are refused here: the provider is asked once.
    expect(world.provider.requests.slice(before).filter((one) => one === 'POST /token')).toHaveLength(1);
  });

  test('ten minutes after its beginning it is over', async () => {
    const [early, late] = [await ready(), await ready()];
    world.forward(9.9);
    expect((await world.finish('google', early)).status).toBe(200);
    world.forward(0.2);
    expect((await world.finish('google', late)).refusal).toEqual(refusal);
  });

  test('it cannot be ended as one of another provider', async () => {
    const { code, state } = await ready();
    expect((await world.finish('microsoft', { code, state })).refusal).toEqual(refusal);
    expect((await world.finish('google', { code, state, provider: 'microsoft' })).status).toBe(400);
    expect((await world.finish('google', { code, state })).status).toBe(200);
  });

  test('it ends with the no of a person, with another redirect address, and without a code', async () => {
    const endings: [Record<string, unknown>, string][] = [
      [{ error: 'access_denied', error_description: '<script>' }, 'The sign-in was cancelled.'],
      [
        { code: 'x', redirect_uri: 'https://evil.example' },
        'The provider sent the browser to another address than this sign-in asked for.',
      ],
      [{}, 'There is no code.'],
    ];
    for (const [json, detail] of endings) {
      const { code, state } = await ready();
      expect((await world.finish('google', { ...json, state })).refusal).toEqual([400, detail]);
      expect((await world.finish('google', { code, state })).refusal).toEqual(refusal);
    }
    const { code, state } = await ready();
    expect((await world.finish('google', { code, state, redirect_uri: callbackOf('google') })).status).toBe(200);
  });
});

test('a provider that is not one of ours does not exist', async () => {
  for (const name of ['facebook', 'constructor', 'toString']) {
    expect((await world.lab.anyone('GET', path(name.toLowerCase(), 'login'))).status).toBe(404);
    expect((await world.finish(name.toLowerCase(), { code: 'x', state: 'y' })).status).toBe(404);
  }
});
