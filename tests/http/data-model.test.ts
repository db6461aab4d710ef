import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import expectedCosts from '../../docs/data-model.json' with { type: 'json' };
import { functions } from '../../functions/index.ts';
import { createServiceBus } from '../../shared/adapters/service-bus/client.ts';
import { createAuditRecorder } from '../../shared/audit/record.ts';
import { systemClock } from '../../shared/platform/clock.ts';
import { loadConfig } from '../../shared/platform/config.ts';
import { createIds } from '../../shared/platform/ids.ts';
import { withMeter } from '../../shared/platform/meter.ts';
import { createRuntime } from '../../shared/services.ts';
import type { LogLine } from '../app.ts';
import { addPasskey } from './authenticator.ts';
import { secondFactorBodies } from './battery-second-factor.ts';
import { goodAnswer, type Lab, type Person, principalOf, type Reply, startLab } from './client.ts';
import { linkAnswer, linkGitHub, signInAnswer } from './github-people.ts';
import { forgottenPassword, unprovedAddress } from './mails.ts';

interface Cost {
  cosmos_calls: number;
  request_units: number;
}

/** Reads that need more than two calls, and why; everything else that is hot stays within two. */
const costlyReads: Record<string, string> = {
  'list-own-entry-submissions': 'entry, enrolment, and the page of submissions with their results',
  'list-component-students': 'component, enrolments and accounts lie in three containers',
  'list-entries': 'without a filter it reads all components of the caller',
  'list-submissions': 'reads all components of the caller',
  'list-own-submissions': 'reads all components of the caller',
  'list-grading-attention': 'reads all components of the caller',
  'export-audit-events': 'which day is open, a page of it, and the trace that the export leaves',
};

const outcome = { outcome_data: { feedback_text: '<p>Good.</p>', score: 7 } };
let lab: Lab;
let course: Awaited<ReturnType<Lab['makeCourse']>>;
let leaver: Person;
let graded: { submission_id: string; outcome_id: string };
let keyOwner: Person;
let key: { id: string; secret: string };
let serviceBus: ReturnType<typeof createServiceBus>;

beforeAll(async () => {
  lab = await startLab();
  serviceBus = createServiceBus({ connectionString: lab.app.serviceBus.connectionString });
  course = await lab.makeCourse();
  leaver = await lab.makePerson('student');
  await lab.makeEntry(course.staff, course.compId);
  const { submission_id } = await lab.submit(course.student, course.entryId);
  const { outcome_id } = (await lab.waitForOutcome(course.student, submission_id)).outcome;
  graded = { submission_id, outcome_id };
  keyOwner = await lab.makePerson('student');
  key = await makeKey(keyOwner);
});
afterAll(async () => {
  await serviceBus.close();
  await lab.close();
});

async function makeKey(owner: Person): Promise<{ id: string; secret: string }> {
  const reply = await owner.post('/api/v1/auth/keys', { name: 'a key' });
  const { api_key, key_info } = reply.json<{ api_key: string; key_info: { id: string } }>();
  return { id: key_info.id, secret: api_key };
}

const isCost = (line: LogLine): line is LogLine & Cost =>
  typeof line.cosmos_calls === 'number' && typeof line.request_units === 'number';

/** What the last request of this operation has cost, with or without the read of the account of who called. */
function lastCost(operation: string, account: 'with account' | 'without account'): Cost {
  const line = lab.app.lines().findLast((one) => one.event === 'request' && one.operation === operation);
  if (line === undefined || !isCost(line)) throw new Error(`No log line says what ${operation} costs.`);
  // A call without a token reads no account, and some operations can be called either way.
  const read = account === 'with account' || line['user_id'] === undefined ? 0 : 1;
  return { cosmos_calls: line.cosmos_calls - read, request_units: line.request_units - read };
}

const least = (costs: Cost[]): Cost =>
  costs.reduce((a, b) => (b.cosmos_calls < a.cosmos_calls || b.request_units < a.request_units ? b : a));

/** A name that looks like no other; one that does costs a look-up more. */
const plainName = () => randomUUID().replaceAll(/[01]/g, 'x');

const letter = async (): Promise<string> => {
  const messageId = randomUUID();
  await serviceBus.send('grading', { body: { not: 'a job' }, messageId });
  const find = async () =>
    (await lab.root.get('/api/v1/admin/dead-letters?limit=1000'))
      .json<{ id: string; message_id: string }[]>()
      .find((one) => one.message_id === messageId)?.id;
  return expect
    .poll(find, { timeout: 10_000 })
    .toBeTruthy()
    .then(async () => (await find()) ?? '');
};

/** One right call of each operation; what it needs is made before, by calls of other operations. */
const calls: Record<string, () => Promise<Reply>> = {
  'get-root': () => lab.anyone('GET', '/'),
  'get-health': () => lab.anyone('GET', '/health'),
  'get-docs': () => lab.anyone('GET', '/docs'),
  'get-docs-asset': () => lab.anyone('GET', '/docs/assets/start.js'),
  'get-openapi': () => lab.anyone('GET', '/openapi.json'),
  'log-in': () =>
    lab.anyone('POST', '/api/auth/login', {
      form: { username: course.student.username, password: course.student.password },
    }),
  'refresh-tokens': async () => {
    const { refresh_token } = await logInAnew();
    return lab.anyone('POST', '/api/v1/auth/refresh', { json: { refresh_token } });
  },
  'log-out': async () => {
    const { refresh_token } = await logInAnew();
    return lab.anyone('POST', '/api/v1/auth/logout', { json: { refresh_token } });
  },
  'log-out-everywhere': async () => {
    const { access_token: token } = await logInAnew();
    return lab.anyone('POST', '/api/v1/auth/logout-all', { token });
  },
  'list-sessions': () => course.staff.get('/api/v1/auth/sessions'),
  'end-session': async () => {
    const { access_token: token } = await logInAnew();
    return lab.anyone('DELETE', `/api/v1/auth/sessions/${String(decodeJwt(token)['sid'])}`, { token });
  },
  'get-token-keys': () => lab.anyone('GET', '/.well-known/jwks.json'),
  'get-me': () => course.student.get('/api/auth/me'),
  'create-cli-key': async () => (await lab.makePerson('student')).post('/api/v1/auth/keys', { name: 'a key' }),
  'create-api-key': async () => (await lab.makePerson('student')).post('/api/v1/api-keys/create', { name: 'a key' }),
  'list-api-keys': () => keyOwner.get('/api/v1/auth/keys'),
  'get-api-key': () => keyOwner.get(`/api/v1/api-keys/${key.id}`),
  'change-api-key': () => keyOwner.call('PATCH', `/api/v1/api-keys/${key.id}`, { json: { name: randomUUID() } }),
  'rotate-api-key': () => keyOwner.post(`/api/v1/api-keys/${key.id}/rotate`, {}),
  'revoke-api-key': async () => {
    const owner = await lab.makePerson('student');
    return owner.delete(`/api/v1/auth/keys/${(await makeKey(owner)).id}`);
  },
  'validate-credential': () => keyOwner.get('/api/v1/auth/keys/validate'),
  'validate-api-key': async () => {
    const headers = { 'x-api-key': (await makeKey(await lab.makePerson('student'))).secret };
    return lab.anyone('POST', '/api/v1/api-keys/validate', { headers });
  },
  'get-api-key-stats': () => keyOwner.get('/api/v1/auth/keys/stats'),
  'get-api-key-usage': () => keyOwner.get('/api/v1/api-keys/usage-stats'),
  'list-users': () => course.staff.get('/api/auth/users'),
  'create-user': () => lab.root.post('/api/v1/users/', { ...newPerson(), first_name: 'Ann' }),
  'get-user': () => course.staff.get(`/api/v1/users/${course.student.id}`),
  'update-user': async () => lab.root.put(`/api/v1/users/${await somebody()}`, { username: plainName() }),
  'patch-user': async () =>
    lab.root.call('PATCH', `/api/v1/users/${await somebody()}`, { json: { first_name: randomUUID() } }),
  'end-user-sessions': async () => lab.root.delete(`/api/v1/users/${await somebody()}/sessions`),
  'reset-second-factor': async () => lab.root.delete(`/api/v1/users/${(await withPasskey()).person.id}/mfa`),
  'suspend-user': async () => lab.root.put(`/api/v1/users/${await somebody()}/suspend`, undefined),
  'reactivate-user': async () => {
    const id = await somebody();
    await lab.root.put(`/api/v1/users/${id}/suspend`, undefined);
    return lab.root.put(`/api/v1/users/${id}/reactivate`, undefined);
  },
  'toggle-user': async () => lab.root.call('PATCH', `/api/v1/admin/users/${await somebody()}/deactivate`),
  'change-user-role': async () => {
    const path = `/api/v1/admin/users/${await somebody()}/role`;
    return lab.root.call('PATCH', path, { json: { role: 'admin' } });
  },
  'delete-user': async () => lab.root.delete(`/api/v1/users/${await somebody()}`),
  'update-me': async () => (await lab.makePerson('guest')).put('/api/v1/users/me', { first_name: randomUUID() }),
  'patch-me': async () =>
    (await lab.makePerson('guest')).call('PATCH', '/api/v1/users/me', { json: { first_name: randomUUID() } }),
  'set-learning-profile': async () =>
    (await lab.makePerson('guest')).put('/api/v1/users/me/profile', {
      learning_profile: { role: randomUUID(), lenses: [] },
    }),
  'delete-me': async () => (await lab.makePerson('guest')).delete('/api/v1/users/me'),
  'list-roles': () => course.student.get('/api/v1/roles/'),
  'get-role': async () => course.student.get(`/api/v1/roles/${await someRole()}`),
  'create-role': () => lab.root.post('/api/v1/roles/', { name: roleName(), permissions: [] }),
  'update-role': async () => lab.root.put(`/api/v1/roles/${await someRole()}`, { description: 'Changed' }),
  'delete-role': async () => lab.root.delete(`/api/v1/roles/${await someRole()}`),
  'register-user': () =>
    course.staff.post('/api/auth/register', {
      username: plainName(),
      email: `${randomUUID()}@example.org`,
      password: 'a long enough password',
    }),
  'begin-sign-in': () => lab.anyone('GET', '/api/v1/auth/github/login'),
  'complete-sign-in': async () => {
    await linkGitHub(lab, course.student);
    const json = await signInAnswer(lab, course.student);
    return lab.anyone('POST', '/api/v1/auth/github/callback', { json });
  },
  'link-login': async () => {
    const person = await lab.makePerson('student');
    return person.post('/api/v1/auth/github/link', await linkAnswer(lab, person));
  },
  'unlink-login': async () => {
    await linkGitHub(lab, course.student);
    return course.student.delete('/api/v1/auth/github/link');
  },
  'list-logins': () => course.student.get('/api/v1/auth/logins'),
  'register-account': () =>
    course.student.post('/api/v1/auth/register', {
      email: `${randomUUID()}@example.org`,
      username: plainName(),
      password: 'a long enough password',
    }),
  'register-named-account': () =>
    course.student.post('/api/v1/users/register', {
      email: `${randomUUID()}@example.org`,
      username: plainName(),
      password: 'a long enough password',
    }),
  'create-invitation': () => course.staff.post('/api/v1/invitations', { comp_ids: [course.compId] }),
  'list-invitations': () => course.staff.get('/api/v1/invitations'),
  'revoke-invitation': async () => course.staff.delete(`/api/v1/invitations/${(await invitation()).invitation_id}`),
  'accept-invitation': async () => {
    const { token } = await invitation();
    const json = { token, username: plainName(), password: 'a long enough password' };
    return lab.anyone('POST', '/api/v1/invitations/accept', { json });
  },
  'change-password': async () => {
    const person = await lab.makePerson('student', { email: `${randomUUID()}@example.org` });
    const json = { current_password: person.password, new_password: randomUUID() };
    return person.post('/api/v1/auth/change-password', json);
  },
  'request-password-reset': () =>
    lab.anyone('POST', '/api/v1/password-reset/request', { json: { email: `${randomUUID()}@example.org` } }),
  'check-password-reset': async () =>
    lab.anyone('GET', `/api/v1/password-reset/verify/${(await forgottenPassword(lab)).token}`),
  'reset-password': async () => {
    const json = { token: (await forgottenPassword(lab)).token, new_password: randomUUID() };
    return lab.anyone('POST', '/api/v1/password-reset/confirm', { json });
  },
  'request-email-verification': async () =>
    (await lab.makePerson('student', { email: `${randomUUID()}@example.org` })).post(
      '/api/v1/auth/verify-email/request',
    ),
  'verify-email': async () =>
    lab.anyone('POST', '/api/v1/auth/verify-email', { json: { token: await unprovedAddress(lab) } }),
  'enrol-student': async () => course.staff.post('/api/auth/enroll', pair(await lab.makePerson('student'))),
  'unenrol-student': async () => {
    const student = await lab.makePerson('student');
    await lab.enrol(course.staff, student, course.compId);
    return course.staff.delete('/api/auth/enroll', pair(student));
  },
  'list-components': () => course.staff.get('/api/configure/flexagecomps/'),
  'get-component': () => course.staff.get(`/api/configure/flexagecomps/${course.compId}`),
  'create-component': () => course.staff.post('/api/configure/flexagecomps/', { comp_name: 'One more' }),
  'update-component': () =>
    course.staff.put(`/api/configure/flexagecomps/${course.compId}`, { comp_name: randomUUID() }),
  'delete-component': async () => {
    const owner = await lab.makePerson('configurator');
    return owner.delete(`/api/configure/flexagecomps/${(await lab.makeComponent(owner)).comp_id}`);
  },
  'list-component-entries': () => course.staff.get(`/api/configure/flexagecomps/${course.compId}/entries`),
  'list-component-students': () => course.staff.get(`/api/configure/flexagecomps/${course.compId}/students`),
  'list-entries': () => course.staff.get('/api/configure/entries/'),
  'get-entry': () => course.staff.get(`/api/configure/entries/${course.entryId}`),
  'create-entry': () =>
    course.staff.post('/api/configure/entries/', { flex_age_comp_id: course.compId, entry_title: 'One more' }),
  'update-entry': () =>
    course.staff.put(`/api/configure/entries/${course.entryId}`, {
      entry_title: 'Title',
      rubric_definition: { criteria: [{ text: randomUUID(), marks: 1 }] },
    }),
  'delete-entry': async () =>
    course.staff.delete(`/api/configure/entries/${(await lab.makeEntry(course.staff, course.compId)).entry_id}`),
  'list-entry-states': () => course.staff.get(`/api/configure/entries/${course.entryId}/student_states`),
  'list-entry-submissions': () => course.staff.get(`/api/configure/entries/${course.entryId}/submissions`),
  'list-submissions': () => course.staff.get('/api/configure/submissions/'),
  'get-submission': () => course.staff.get(`/api/configure/submissions/${graded.submission_id}`),
  'get-outcome': () => course.staff.get(`/api/configure/outcomes/${graded.outcome_id}`),
  'override-outcome': () => course.staff.put(`/api/configure/outcomes/${graded.outcome_id}`, outcome),
  'set-outcome': () => course.staff.put(`/api/v1/submissions/${graded.submission_id}/outcome`, outcome),
  'generate-outcome': async () => {
    const fresh = await lab.makeCourse();
    const { submission_id } = await lab.submit(fresh.student, fresh.entryId);
    await lab.waitForOutcome(fresh.student, submission_id);
    return fresh.staff.post(`/api/configure/submissions/${submission_id}/grade?force_regenerate=true`);
  },
  'get-submission-ledger': () => course.staff.get(`/api/v1/submissions/${graded.submission_id}/ledger`),
  'list-grading-attention': () => course.staff.get('/api/v1/grading/attention'),
  'list-own-components': () => course.student.get('/api/student/flexagecomps'),
  'list-own-entries': () => course.student.get(`/api/student/flexagecomps/${course.compId}/entries`),
  'get-own-entry': () => course.student.get(`/api/student/entries/${course.entryId}`),
  'get-own-submission': () => course.student.get(`/api/student/submissions/${graded.submission_id}`),
  'list-own-entry-submissions': () => course.student.get(`/api/student/entries/${course.entryId}/submissions`),
  'list-own-submissions': () => course.student.get('/api/student/submissions'),
  'submit-entry': async () => {
    const { student, entryId } = await lab.makeCourse();
    return student.post(`/api/student/entries/${entryId}/submit`, { submission_title: 'x', content: goodAnswer });
  },
  'list-dead-letters': () => lab.root.get('/api/v1/admin/dead-letters'),
  'get-dead-letter': async () => lab.root.get(`/api/v1/admin/dead-letters/${await letter()}`),
  'get-second-factor': () => course.student.get('/api/v1/auth/mfa'),
  'start-totp': async () => (await lab.makePerson('student')).post('/api/v1/auth/mfa/totp'),
  'confirm-totp': () => callWithFactor('confirm-totp', 'POST', '/api/v1/auth/mfa/totp/confirm'),
  'remove-totp': () => callWithFactor('remove-totp', 'DELETE', '/api/v1/auth/mfa/totp'),
  'renew-recovery-codes': () => callWithFactor('renew-recovery-codes', 'POST', '/api/v1/auth/mfa/recovery-codes'),
  'verify-second-factor': () => callWithFactor('verify-second-factor', 'POST', '/api/v1/auth/mfa/verify'),
  'start-second-factor-passkey': () =>
    callWithFactor('start-second-factor-passkey', 'POST', '/api/v1/auth/mfa/passkey/options'),
  'step-up': () => course.student.post('/api/v1/auth/step-up', { password: course.student.password }),
  'start-step-up-passkey': async () => (await withPasskey()).person.post('/api/v1/auth/step-up/passkey/options'),
  'start-passkey': () => course.student.post('/api/v1/auth/passkeys/options'),
  'add-passkey': () => callWithFactor('add-passkey', 'POST', '/api/v1/auth/passkeys'),
  'list-passkeys': () => course.student.get('/api/v1/auth/passkeys'),
  'rename-passkey': async () => {
    const { person, passkeyId } = await withPasskey();
    return person.call('PATCH', `/api/v1/auth/passkeys/${passkeyId}`, { json: { name: 'Another' } });
  },
  'remove-passkey': async () => {
    const { person, passkeyId } = await withPasskey();
    return person.delete(`/api/v1/auth/passkeys/${passkeyId}`);
  },
  'start-passkey-sign-in': () => lab.anyone('POST', '/api/v1/auth/passkeys/sign-in/options'),
  'sign-in-with-passkey': () => callWithFactor('sign-in-with-passkey', 'POST', '/api/v1/auth/passkeys/sign-in'),
  'replay-dead-letter': async () => lab.root.post(`/api/v1/admin/dead-letters/${await letter()}/replay`),
  'discard-dead-letter': async () => lab.root.delete(`/api/v1/admin/dead-letters/${await letter()}`),
  'list-audit-events': () => lab.root.get('/api/v1/admin/audit?limit=1'),
  'export-audit-events': () => lab.root.get('/api/v1/admin/audit/export?lines=1'),
  'verify-audit-trail': () => lab.root.post('/api/v1/admin/audit/verify', {}),
};

/** Of somebody whom no other test counts: sessions that end leave a trace on the account for a while. */
async function logInAnew(): Promise<{ access_token: string; refresh_token: string }> {
  const { username, password } = leaver;
  return (await lab.anyone('POST', '/api/v1/auth/login', { json: { username, password } })).json();
}
const invitation = async (fields: Record<string, unknown> = {}) =>
  (await course.staff.post('/api/v1/invitations', fields)).json<{ invitation_id: string; token: string }>();
/** A call by somebody new, with what the battery knows to be right. */
async function callWithFactor(operation: string, method: string, path: string): Promise<Reply> {
  const person = await lab.makePerson('student');
  return person.call(method, path, { json: await secondFactorBodies[operation]?.({ lab, people: {} }, person) });
}

async function withPasskey() {
  const person = await lab.makePerson('student');
  return { person, ...(await addPasskey(person)) };
}

const newPerson = () => ({
  username: plainName(),
  email: `${randomUUID()}@example.org`,
  password: 'a long enough password',
});
const roleName = () => `r${randomUUID().replaceAll('-', '')}`;

async function somebody(): Promise<string> {
  return (await course.staff.post('/api/v1/users/', newPerson())).json<{ user_id: string }>().user_id;
}

async function someRole(): Promise<string> {
  return (await lab.root.post('/api/v1/roles/', { name: roleName(), permissions: [] })).json<{ name: string }>().name;
}

const pair = (student: Person) => ({ student_user_id: student.id, flex_age_comp_id: course.compId });

/** One run of each job, in the way that is told by its kind, on work of its own. */
const jobs: Record<string, () => Promise<Cost>> = {
  async 'grade-submission'() {
    const { student, entryId } = await lab.makeCourse();
    return loggedCost('grade-submission', () => lab.submit(student, entryId));
  },
  'sweep-jobs': () => loggedCost('sweep-jobs', () => lab.anyone('POST', '/admin/functions/sweep-jobs')),
  async 'send-mail'() {
    const email = `${randomUUID()}@example.org`;
    await lab.makePerson('student', { email });
    return loggedCost('send-mail', () => lab.anyone('POST', '/api/v1/password-reset/request', { json: { email } }));
  },
  async 'follow-accounts'() {
    const { token, invitation_id } = await invitation({ comp_ids: [course.compId] });
    const json = { token, username: plainName(), password: 'a long enough password' };
    await lab.anyone('POST', '/api/v1/invitations/accept', { json });
    const item = lab.container('identity').item(`invitation:${invitation_id}`, 'accounts');
    const { resource } = await item.patch([{ op: 'set', path: '/is_joining', value: true }]);
    return feedCost('follow-accounts', resource);
  },
  async 'follow-courses'() {
    const { compId } = await lab.makeCourse();
    const { resource } = await lab.container('courses').item(compId, compId).read<{ version: number }>();
    return feedCost('follow-courses', { ...resource, version: Number(resource?.version) + 1, comp_name: 'Renamed' });
  },
  async 'follow-coursework'() {
    const { compId, student } = await lab.makeCourse();
    const { resource } = await lab.container('coursework').item('enrolment', [compId, student.id]).read();
    return feedCost('follow-coursework', resource);
  },
  async 'follow-identity'() {
    const recorder = createAuditRecorder({ clock: systemClock, ids: createIds(systemClock) });
    const by = principalOf(lab.root.user);
    const record = recorder.operation('audit', { by, action: 'audit.verified', target: { type: 'audit', id: null } });
    if (record.op !== 'create') throw new Error('A record is created.');
    // Not stored: the feed would bring it too, and whoever is second finds it appended.
    return feedCost('follow-identity', record.doc);
  },
};

/** The cost of the next run of a job, from its log line. */
async function loggedCost(name: string, start: () => Promise<unknown>): Promise<Cost> {
  const lines = () =>
    lab.app.lines().filter((line) => line.event === 'job' && line.operation === name && line['ok'] === true);
  const before = lines().length;
  await start();
  await expect.poll(() => lines().length, { timeout: 10_000 }).toBeGreaterThan(before);
  const line = lines()[before];
  if (line === undefined || !isCost(line)) throw new Error(`No log line says what ${name} costs.`);
  return line;
}

/** The cost of one changed document, handed to the function by itself: the feed would mix it with others. */
async function feedCost(name: string, document: unknown): Promise<Cost> {
  const feed = functions.find((item) => item.name === name);
  if (feed?.kind !== 'change-feed') throw new Error(`${name} follows no change feed.`);
  return withMeter(async (counters) => {
    await feed.handler([document], { services: lab.app.runtime.services });
    return counters;
  });
}

const table: readonly { operation: string; containers: string[]; cosmos_calls: number; request_units_max: number }[] =
  expectedCosts;
const costOf = (operation: string) => table.find((cost) => cost.operation === operation);

function expectCost(operation: string, measured: Cost): void {
  const expected = costOf(operation);
  if (expected === undefined) {
    throw new Error(
      `docs/data-model.json says nothing about ${operation}: it made ${measured.cosmos_calls} calls for ${measured.request_units} request units.`,
    );
  }
  expect({ operation, cosmos_calls: measured.cosmos_calls }).toEqual({
    operation,
    cosmos_calls: expected.cosmos_calls,
  });
  expect(measured.request_units, `${operation} in request units`).toBeLessThanOrEqual(expected.request_units_max);
}

const endpoints = functions.filter((item) => item.kind === 'endpoint').filter((item) => item.name !== 'get-readiness');
const jobNames = functions.filter((item) => item.kind !== 'endpoint').map((item) => item.name);

test('the table has one row for each operation and none for anything else', () => {
  const rows = table.map((cost) => cost.operation);
  expect(rows.toSorted()).toEqual(functions.map((item) => item.name).sort());
  for (const row of table) {
    expect(row.containers.length === 0, `${row.operation} makes no calls exactly when it touches no container`).toBe(
      row.cosmos_calls === 0,
    );
  }
});

describe('endpoints', () => {
  test.each(endpoints)('$name costs what the table says', async ({ name, method, success }) => {
    const call = calls[name];
    if (call === undefined)
      throw new Error(`Add a right call of ${name} to \`calls\` in tests/http/data-model.test.ts.`);
    // A read is hot the second time; a write may once have raced with the change feed, which costs it a call more.
    const costs: Cost[] = [];
    for (let i = 0; i < (method === 'GET' ? 2 : 3); i += 1) {
      const reply = await call();
      expect([reply.status, reply.status < 300 ? '' : reply.text]).toEqual([success.status, '']);
      costs.push(lastCost(name, 'without account'));
    }
    const cost = method === 'GET' ? costs.slice(-1) : costs;
    expectCost(name, least(cost));
  });

  test('a hot read makes at most two calls beside that of the account, with the known exceptions', () => {
    const reads = endpoints.filter((endpoint) => endpoint.method === 'GET').map((endpoint) => endpoint.name);
    const above = reads.filter((name) => (costOf(name)?.cosmos_calls ?? 0) > 2);
    expect(above.filter((name) => costlyReads[name] === undefined)).toEqual([]);
  });

  test('the account of the caller is one point read, also for a call that is refused afterwards', async () => {
    await course.student.get('/api/auth/users');
    expect(lastCost('list-users', 'with account')).toEqual({ cosmos_calls: 1, request_units: 1 });
    await lab.anyone('GET', '/api/auth/users');
    expect(lastCost('list-users', 'with account')).toEqual({ cosmos_calls: 0, request_units: 0 });
  });

  test('a cold read looks its id up once more', async () => {
    // A second instance of the application, which has not seen this id yet.
    const instance = createRuntime(loadConfig(lab.app.settings), { writeLog: () => {} });
    const read = () =>
      withMeter(async (counters) => {
        await instance.services.submissions.get(principalOf(course.staff.user), graded.submission_id);
        return counters.cosmos_calls;
      });
    const [cold, hot] = [await read(), await read()];
    await instance.close();
    expect([cold, hot]).toEqual([hot + 1, costOf('get-submission')?.cosmos_calls]);
  });
});

describe('jobs', () => {
  test.each(jobNames)('%s costs what the table says', async (name) => {
    const run = jobs[name];
    if (run === undefined) throw new Error(`Add one run of ${name} to \`jobs\` in tests/http/data-model.test.ts.`);
    expectCost(name, least([await run(), await run()]));
  });
});
