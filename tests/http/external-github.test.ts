import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Reply, WireUser } from './client.ts';
import { type ExternalLab, startExternalLab } from './external-lab.ts';
import type { GitHubPerson } from './github-stub.ts';

let world: ExternalLab;
beforeAll(async () => {
  world = await startExternalLab({ settings: { REGISTRATION_POLICY: 'open' } });
});
afterAll(() => world.close());
const paths = ['/login/oauth/access_token', '/api/user', '/api/user/emails'];
afterEach(() => {
  for (const path of paths) world.github.break(path, undefined);
});

let lastId = 1000;
function someone(fields: Partial<GitHubPerson> = {}): GitHubPerson & { email: string } {
  lastId += 1;
  const email = `person${lastId}@example.org`;
  const emails = [
    { email: `old-${email}`, primary: false, verified: true },
    { email, primary: true, verified: true },
  ];
  return { id: lastId, login: `octo-${lastId}`, name: 'Octo Cat', emails, ...fields, email };
}

const userOf = (reply: Reply) => reply.json<{ user: WireUser & { is_verified: boolean } }>().user;

describe('a sign-in with GitHub', () => {
  test('is asked for with PKCE, and for no more than who somebody is', async () => {
    const { searchParams, pathname } = new URL((await world.begin('github')).auth_url);
    expect(pathname).toBe('/login/oauth/authorize');
    expect(Object.fromEntries(searchParams)).toMatchObject({
      scope: 'read:user user:email',
      code_challenge_method: 'S256',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      state: expect.stringMatching(/^[\w-]{43}$/),
    });
  });

  test('takes the primary address when GitHub has verified it', async () => {
    const person = someone();
    const user = userOf(await world.signInWithGitHub(person));
    expect(user).toMatchObject({
      email: person.email,
      is_verified: true,
      username: person.login,
      full_name: 'Octo Cat',
    });
  });

  test('takes no other address for proof of anything', async () => {
    const theirs = `victim${lastId}@example.org`;
    const victim = await world.lab.makePerson('teacher', { email: theirs });
    const change = [{ op: 'set' as const, path: '/is_verified', value: true }];
    await world.lab.container('identity').item(victim.id, 'accounts').patch(change);
    for (const emails of [
      [{ email: theirs, primary: true, verified: false }],
      [{ email: theirs, primary: false, verified: true }],
      [],
    ]) {
      const user = userOf(await world.signInWithGitHub(someone({ emails })));
      expect(user).toMatchObject({ email: null, is_verified: false });
      expect(user.user_id).not.toBe(victim.id);
    }
  });

  test('knows a person by number, whatever they are called by then', async () => {
    const person = someone();
    const first = userOf(await world.signInWithGitHub(person));
    const renamed = { ...person, login: 'renamed', name: null, emails: [] };
    expect(userOf(await world.signInWithGitHub(renamed)).user_id).toBe(first.user_id);
    // Somebody else who takes the old name is somebody else.
    const heir = someone({ login: person.login });
    expect(userOf(await world.signInWithGitHub(heir)).user_id).not.toBe(first.user_id);
  });

  test('is refused when the code was used, is of another sign-in, or is made up', async () => {
    const [one, two] = [await world.begin('github'), await world.begin('github')];
    const code = world.github.approve(one.auth_url, someone());
    const refused = async (json: Record<string, unknown>) => {
      const reply = await world.finish('github', json);
      expect([reply.status, reply.json()['code']]).toEqual([400, 'sign_in_refused']);
      expect(reply.text).not.toContain(code);
    };
    await refused({ code, state: two.state });
    await refused({ code: 'made up', state: one.state });
    const third = await world.begin('github');
    const used = world.github.approve(third.auth_url, someone());
    expect((await world.finish('github', { code: used, state: third.state })).status).toBe(200);
    await refused({ code: used, state: (await world.begin('github')).state });
  });

  test('six at once make one account', async () => {
    const person = someone();
    const replies = await Promise.all(Array.from({ length: 6 }, () => world.signInWithGitHub(person)));
    expect(new Set(replies.map((reply) => userOf(reply).user_id)).size).toBe(1);
  });
});

describe('a GitHub that does not answer', () => {
  test.each([
    ['/login/oauth/access_token', { status: 502 }, '10'],
    ['/login/oauth/access_token', { status: 429, headers: { 'retry-after': '60' } }, '60'],
    // Our secret was changed there: nothing that who signs in can mend.
    ['/login/oauth/access_token', { status: 200, body: { error: 'incorrect_client_credentials' } }, '10'],
    ['/api/user', { status: 500 }, '10'],
    ['/api/user', { status: 403, headers: { 'retry-after': '60' } }, '60'],
    ['/api/user', { status: 200, body: { id: 'one', login: 7 } }, '10'],
    ['/api/user/emails', { status: 404 }, '10'],
    ['/api/user/emails', { status: 200, body: { email: 'not a list' } }, '10'],
  ] as const)('at %s with %j is a 503 with Retry-After', async (path, fault, retryAfter) => {
    world.github.break(path, fault);
    const person = someone();
    const reply = await world.signInWithGitHub(person);
    expect([reply.status, reply.json()['code']]).toEqual([503, 'provider_unavailable']);
    expect(reply.headers.get('retry-after')).toBe(retryAfter);
    world.github.break(path, undefined);
    expect((await world.signInWithGitHub(person)).status).toBe(200);
  });
});
