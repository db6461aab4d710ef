import { randomUUID } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Lab, type Person, startLab, type WireUser } from './client.ts';

const userFields = [
  'avatar_url',
  'created_at',
  'display_name',
  'email',
  'first_name',
  'full_name',
  'id',
  'is_active',
  'is_verified',
  'language',
  'last_login',
  'last_login_at',
  'last_name',
  'learning_profile',
  'login_count',
  'mfa_enabled',
  'name',
  'preferences',
  'role',
  'status',
  'tier',
  'timezone',
  'updated_at',
  'user_id',
  'username',
].sort();
const password = 'a password of eight or more';

let lab: Lab;
let staff: Person;
let student: Person;

beforeAll(async () => {
  lab = await startLab();
  [staff, student] = await Promise.all([lab.makePerson('configurator'), lab.makePerson('student')]);
});
afterAll(() => lab.close());

describe('logging in', () => {
  test.each([
    ['a form at /api/auth/login', '/api/auth/login', 'form'],
    ['JSON at /api/auth/login/json', '/api/auth/login/json', 'json'],
    ['JSON at /api/auth/login', '/api/auth/login', 'json'],
  ])('%s is answered with a bearer token', async (_what, path, kind) => {
    const credentials = { username: student.username, password: student.password };
    const reply = await lab.anyone('POST', path, kind === 'form' ? { form: credentials } : { json: credentials });
    expect(reply.status).toBe(200);
    const token = reply.json<{ access_token: string; token_type: string }>();
    expect(token.token_type).toBe('bearer');
    expect(decodeProtectedHeader(token.access_token).alg).toBe('HS256');
    const claims = decodeJwt(token.access_token);
    expect(claims.sub).toBe(student.id);
    expect(Number(claims.exp) - Number(claims.iat)).toBe(15 * 60);
    const me = await lab.anyone('GET', '/api/auth/me', { token: token.access_token });
    expect(me.json<WireUser>().user_id).toBe(student.id);
  });

  test.each(['/api/auth/login', '/api/auth/login/json'])(
    'a form of the OAuth2 password flow may carry its other fields: %s',
    async (path) => {
      const form = {
        grant_type: 'password',
        scope: '',
        client_id: '',
        username: student.username,
        password: student.password,
      };
      expect((await lab.anyone('POST', path, { form })).status).toBe(200);
    },
  );

  test.each([
    ['an unknown name', () => `nobody-${randomUUID()}`, () => password],
    ['a wrong password', () => student.username, () => `${student.password}!`],
    ['an empty password', () => student.username, () => ''],
    ['the hash of nothing', () => '', () => ''],
  ])('%s is answered like any other failure to log in', async (_what, name, secret) => {
    for (const path of ['/api/auth/login', '/api/auth/login/json']) {
      const reply = await lab.anyone('POST', path, { json: { username: name(), password: secret() } });
      expect(reply.refusal).toEqual([401, 'Incorrect username or password']);
      expect(reply.headers.get('www-authenticate')).toBe('Bearer');
    }
  });

  test('the name is found in any case', async () => {
    const json = { username: student.username.toUpperCase(), password: student.password };
    expect((await lab.anyone('POST', '/api/auth/login/json', { json })).status).toBe(200);
  });

  test('an inactive user is told so only with the right password, and its tokens are refused at once', async () => {
    const person = await lab.makePerson('student');
    expect((await person.get('/api/auth/me')).status).toBe(200);
    await lab.deactivate(person);

    const token = await person.get('/api/auth/me');
    expect(token.refusal).toEqual([401, 'Inactive user']);
    expect(token.headers.get('www-authenticate')).toBe('Bearer');
    expect((await person.get('/api/student/flexagecomps')).refusal).toEqual([401, 'Inactive user']);
    for (const path of ['/api/auth/login', '/api/auth/login/json']) {
      const right = { username: person.username, password: person.password };
      expect((await lab.anyone('POST', path, { form: right })).refusal).toEqual([400, 'Inactive user']);
      const wrong = { ...right, password: 'something else' };
      expect((await lab.anyone('POST', path, { form: wrong })).refusal).toEqual([
        401,
        'Incorrect username or password',
      ]);
    }
  });
});

describe('GET /api/auth/me', () => {
  test('answers exactly the fields of a user', async () => {
    const reply = await student.get('/api/auth/me');
    expect(reply.status).toBe(200);
    const user = reply.json<WireUser>();
    expect(Object.keys(user).sort()).toEqual(userFields);
    expect(user).toMatchObject({
      username: student.username,
      email: null,
      full_name: null,
      role: 'student',
      is_active: true,
    });
    expect(user.created_at).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
  });

  test('without a token it answers 401, not 403', async () => {
    expect((await lab.anyone('GET', '/api/auth/me')).refusal).toEqual([401, 'Could not validate credentials']);
  });
});

describe('POST /api/auth/register', () => {
  const registration = (fields: Record<string, unknown> = {}): Record<string, unknown> & { username: string } => ({
    username: `new-${randomUUID()}`,
    password,
    ...fields,
  });

  test('staff make an account with all its fields', async () => {
    const json = registration({ email: `${randomUUID()}@example.org`, full_name: 'Zoë Example', role: 'configurator' });
    const reply = await staff.post('/api/auth/register', json);
    expect(reply.status).toBe(200);
    const { password: _secret, ...shown } = json;
    expect(reply.json<WireUser>()).toMatchObject({ ...shown, is_active: true });
    expect(Object.keys(reply.json()).sort()).toEqual(userFields);
    expect((await lab.logIn(json.username, password)).user.role).toBe('configurator');
  });

  test('the role is student unless said, and an absent name stays null', async () => {
    const reply = await staff.post('/api/auth/register', registration());
    expect(reply.json<WireUser>()).toMatchObject({ role: 'student', full_name: null, email: null });
  });

  test('an empty e-mail is none, so that two accounts may have it', async () => {
    for (const email of ['', '', null]) {
      const reply = await staff.post('/api/auth/register', registration({ email }));
      expect([reply.status, reply.json<WireUser>().email]).toEqual([200, null]);
    }
  });

  test('a name or an e-mail that is taken is refused with the text that the page shows', async () => {
    const first = registration({ email: `${randomUUID()}@example.org` });
    expect((await staff.post('/api/auth/register', first)).status).toBe(200);
    const sameName = await staff.post('/api/auth/register', registration({ username: first.username }));
    expect(sameName.refusal).toEqual([400, 'Username already registered']);
    const sameEmail = await staff.post('/api/auth/register', registration({ email: first['email'] }));
    expect(sameEmail.refusal).toEqual([400, 'Email already registered']);
    const bothTaken = await staff.post('/api/auth/register', first);
    expect(bothTaken.refusal).toEqual([400, 'Username already registered']);
  });

  test('the name of an account whose e-mail was refused stays free', async () => {
    const email = `${randomUUID()}@example.org`;
    await staff.post('/api/auth/register', registration({ email }));
    const second = registration({ email });
    expect((await staff.post('/api/auth/register', second)).status).toBe(400);
    expect((await staff.post('/api/auth/register', { ...second, email: '' })).status).toBe(200);
  });

  test('students make no accounts', async () => {
    const reply = await student.post('/api/auth/register', registration());
    expect(reply.refusal).toEqual([403, 'Operation requires configurator or admin role']);
  });

  test.each([
    ['no name', { username: undefined }, 'username'],
    ['a name of spaces', { username: '   ' }, 'username'],
    ['a name of 101 characters', { username: 'n'.repeat(101) }, 'username'],
    ['no password', { password: undefined }, 'password'],
    ['a role that does not exist', { role: 'wizard' }, 'role'],
    ['an e-mail without an at sign', { email: 'example.org' }, 'email'],
    ['a name that is a number', { username: 7 }, 'username'],
  ])('%s is refused with the place of the mistake', async (_what, fields, place) => {
    const reply = await staff.post('/api/auth/register', registration(fields));
    expect(reply.status).toBe(422);
    expect(typeof reply.detail).toBe('string');
    const errors = reply.json<{ errors: { loc: string[]; msg: string; type: string }[] }>().errors;
    expect(errors[0]?.loc).toEqual(['body', place]);
    expect(errors[0]?.msg).toEqual(expect.any(String));
    expect(errors[0]?.type).toEqual(expect.any(String));
  });
});

describe('GET /api/auth/users', () => {
  test('lists everyone in the order in which accounts were made, with skip and limit', async () => {
    const made: string[] = [];
    for (let i = 0; i < 3; i += 1) made.push((await lab.makePerson('student')).id);
    const reply = await staff.get('/api/auth/users?skip=0&limit=100');
    expect(reply.status).toBe(200);
    const users = reply.json<WireUser[]>();
    expect(users.slice(-3).map((user) => user.user_id)).toEqual(made);
    expect(users[0]?.user_id).toBe(lab.root.id);
    expect(Object.keys(users[0] ?? {}).sort()).toEqual(userFields);

    const part = (await staff.get('/api/auth/users?skip=1&limit=2')).json<WireUser[]>();
    expect(part.map((user) => user.user_id)).toEqual(users.slice(1, 3).map((user) => user.user_id));
    expect((await staff.get(`/api/auth/users?skip=${users.length}`)).json()).toEqual([]);
    expect((await staff.get('/api/auth/users')).json<WireUser[]>()).toHaveLength(users.length);
  });

  test('is not for students', async () => {
    expect((await student.get('/api/auth/users')).status).toBe(403);
  });
});

describe('/api/auth/enroll', () => {
  test('staff enrol and un-enrol with a JSON body, also on DELETE', async () => {
    const { comp_id } = await lab.makeComponent(staff);
    const pair = { student_user_id: student.id, flex_age_comp_id: comp_id };
    const enrolled = await staff.post('/api/auth/enroll', pair);
    expect([enrolled.status, enrolled.json()]).toEqual([200, { message: expect.any(String) }]);
    const again = await staff.post('/api/auth/enroll', pair);
    expect(again.refusal).toEqual([400, 'Student already enrolled in this FlexAGEComp']);
    const ended = await staff.delete('/api/auth/enroll', pair);
    expect([ended.status, ended.json()]).toEqual([200, { message: expect.any(String) }]);
    expect((await staff.delete('/api/auth/enroll', pair)).refusal).toEqual([404, 'Enrollment not found']);
    expect((await staff.post('/api/auth/enroll', pair)).status).toBe(200);
  });

  test('each thing that is missing or wrong has its own text', async () => {
    const { comp_id } = await lab.makeComponent(staff);
    const enrol = (student_user_id: string, flex_age_comp_id: string) =>
      staff.post('/api/auth/enroll', { student_user_id, flex_age_comp_id });
    expect((await enrol(randomUUID(), comp_id)).refusal).toEqual([404, 'Student not found']);
    expect((await enrol(student.id, randomUUID())).refusal).toEqual([404, 'FlexAGEComp not found']);
    expect((await enrol(staff.id, comp_id)).refusal).toEqual([400, 'User is not a student']);
    expect((await enrol(lab.root.id, comp_id)).refusal).toEqual([400, 'User is not a student']);
    const notThere = [404, 'Enrollment not found'];
    const end = (student_user_id: string, flex_age_comp_id: string) =>
      staff.delete('/api/auth/enroll', { student_user_id, flex_age_comp_id });
    expect((await end(student.id, comp_id)).refusal).toEqual(notThere);
    expect((await end(randomUUID(), comp_id)).refusal).toEqual(notThere);
    expect((await end(student.id, randomUUID())).refusal).toEqual(notThere);
  });

  test('six simultaneous enrolments of one student are one', async () => {
    const { comp_id } = await lab.makeComponent(staff);
    const pair = { student_user_id: student.id, flex_age_comp_id: comp_id };
    const replies = await Promise.all(Array.from({ length: 6 }, () => staff.post('/api/auth/enroll', pair)));
    expect(replies.map((reply) => reply.status).sort()).toEqual([200, 400, 400, 400, 400, 400]);
  });
});

test('the root answers what this is and where its documentation is', async () => {
  const reply = await lab.anyone('GET', '/');
  expect([reply.status, reply.json()]).toEqual([200, { message: expect.any(String), documentation: '/docs' }]);
});
