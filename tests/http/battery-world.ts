import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { decodeJwt } from 'jose';
import { functions } from '../../functions/index.ts';
import { createServiceBus } from '../../shared/adapters/service-bus/client.ts';
import type { Endpoint } from '../../shared/platform/define-endpoint.ts';
import { accessOf, type BuiltInRole, builtInRoles, permissionsOfRole } from '../../shared/platform/permissions.ts';
import { addPasskey } from './authenticator.ts';
import { makeRoomForKey, newKeyOf, oldestKeyOf } from './battery-api-keys.ts';
import {
  callersWithFactors,
  passkeyOf,
  secondFactorBodies,
  secondFactorPreparations,
} from './battery-second-factor.ts';
import { type CallOptions, goodAnswer, type Lab, type Person, type Reply } from './client.ts';
import { linkAnswer, linkGitHub, signInAnswer } from './github-people.ts';
import { forgottenPassword, unprovedAddress } from './mails.ts';

/**
 * What the shared battery needs to call any endpoint rightly. A new endpoint is called by itself when its parameters
 * are known below and it has no body; otherwise the battery fails and says what to add here.
 */
export interface World {
  lab: Lab;
  people: Record<BuiltInRole, Person>;
  compId: string;
  entryId: string;
  submissionId: string;
  /** One whose outcome nobody refers to. */
  spareSubmissionId: string;
  outcomeId: string;
  deadLetterId: string;
  /** A role that was made, and that nobody has. */
  roleName: string;
  /** Makes one more dead letter and returns its id. */
  makeDeadLetter(): Promise<string>;
  /** Waits until everything that was done is in the audit trail, so that it does not change while it is read. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** Every path of every endpoint. */
export const operations: { title: string; endpoint: Endpoint; route: string }[] = functions
  .filter((item) => item.kind === 'endpoint')
  .flatMap((endpoint) =>
    endpoint.routes.map((route) => ({ title: `${endpoint.name}: ${endpoint.method} ${route}`, endpoint, route })),
  );

/** The session of one more log-in of the caller. */
async function sessionOf(world: World, caller: Person): Promise<string> {
  const { token } = await world.lab.logIn(caller.username, caller.password);
  return String(decodeJwt(token)['sid']);
}

interface Parameter {
  /** A value that is right for a call of `caller`, who may do anything that the role allows with what it names. */
  known(world: World, caller: Person): string | Promise<string>;
  unknown: string;
  /** Absent when every text is a possible value. */
  malformed?: string[];
}

const notUuids = ['not-a-uuid', '1', '00000000-0000-0000-0000-00000000000g', "'; DROP TABLE", '%00', '..%2f..', 'null'];
const resetTokens = new WeakMap<Lab, Promise<string>>();

/** The same for every call: looking at a link does not use it up. */
function resetTokenOf(lab: Lab): Promise<string> {
  const token = resetTokens.get(lab) ?? forgottenPassword(lab).then((forgotten) => forgotten.token);
  resetTokens.set(lab, token);
  return token;
}

const someAddress = () => `p${randomUUID()}@example.org`;

async function invitationBy(world: World, caller: Person): Promise<string> {
  const inviter = permissionsOfRole(caller.user.role)?.has('account:create') ? caller : world.people.teacher;
  return (await inviter.post('/api/v1/invitations', {})).json<{ invitation_id: string }>().invitation_id;
}

const uuid = (known: Parameter['known']): Parameter => ({ known, unknown: randomUUID(), malformed: notUuids });

const parameters: Record<string, Parameter> = {
  comp_id: uuid((world) => world.compId),
  entry_id: uuid((world) => world.entryId),
  submission_id: uuid((world) => world.submissionId),
  session_id: uuid(sessionOf),
  outcome_id: uuid((world) => world.outcomeId),
  id: {
    known: (world) => world.deadLetterId,
    unknown: 'grading:999999',
    malformed: ['grading', 'grading:x', randomUUID()],
  },
  key_id: uuid((_world, caller) => oldestKeyOf(caller)),
  invitation_id: uuid((world, caller) => invitationBy(world, caller)),
  token: {
    known: (world) => resetTokenOf(world.lab),
    unknown: 'A'.repeat(64),
    malformed: ['x'.repeat(201)],
  },
  passkey_id: uuid(passkeyOf),
  user_id: uuid((_world, caller) => caller.id),
  role_name: {
    known: (world) => world.roleName,
    unknown: 'no_such_role',
    malformed: ['two words', '1abc', 'x', 'a-b', '%00', "'; DROP TABLE", 'x'.repeat(41)],
  },
  file: { known: () => 'start.js', unknown: 'no-such-file.js' },
  provider: {
    known: () => 'github',
    unknown: 'nobody',
    malformed: ['GitHub', 'git_hub', '1', "'; DROP", '%00', '..%2f..'],
  },
};

const somebody: Record<string, Parameter['known']> = {
  user_id: async (world) => (await world.lab.makePerson('guest')).id,
};
const newRoleName = () => `r${randomUUID().replaceAll('-', '')}`;

/** Values of path parameters for operations that use up what they are called with. */
const freshParameters: Record<string, Record<string, Parameter['known']>> = {
  'delete-component': { comp_id: async (w, caller) => (await w.lab.makeComponent(caller)).comp_id },
  'delete-entry': { entry_id: async (w, caller) => (await w.lab.makeEntry(caller, w.compId)).entry_id },
  'change-user-role': somebody,
  'delete-role': { role_name: (w) => makeRole(w.lab) },
  'delete-user': somebody,
  'patch-user': somebody,
  'reactivate-user': somebody,
  'suspend-user': somebody,
  'end-user-sessions': somebody,
  'reset-second-factor': {
    user_id: async (w) => {
      const person = await w.lab.makePerson('student');
      await addPasskey(person);
      return person.id;
    },
  },
  'toggle-user': somebody,
  'update-user': somebody,
  // A new outcome has a new id, and the old one is gone.
  'generate-outcome': { submission_id: (w) => w.spareSubmissionId },
  'revoke-api-key': { key_id: (_w, caller) => newKeyOf(caller) },
  'discard-dead-letter': { id: (w) => w.makeDeadLetter() },
  'replay-dead-letter': { id: (w) => w.makeDeadLetter() },
  'unlink-login': { provider: (w, caller) => linkGitHub(w.lab, caller).then(() => 'github') },
};

const outcome = { outcome_data: { feedback_text: '<p>Good.</p>', score: 7 } };

async function keyBody(caller: Person) {
  await makeRoomForKey(caller);
  return { name: 'Made by the battery' };
}

const bodies: Record<string, (world: World, caller: Person) => unknown> = {
  'change-api-key': () => ({ name: 'Changed by the battery' }),
  'create-api-key': (_w, caller) => keyBody(caller),
  'create-cli-key': (_w, caller) => keyBody(caller),
  'complete-sign-in': async (w, caller) => {
    await linkGitHub(w.lab, caller);
    return signInAnswer(w.lab, caller);
  },
  'accept-invitation': async (w) => ({
    token: (await w.lab.root.post('/api/v1/invitations', {})).json<{ token: string }>().token,
    username: randomUUID(),
    password: 'long enough for a password',
  }),
  'change-password': (_w, caller) => ({ current_password: caller.password, new_password: `new ${randomUUID()}` }),
  'change-user-role': () => ({ role: 'user' }),
  'create-role': () => ({ name: newRoleName(), permissions: ['account:list'] }),
  'create-user': () => ({ username: randomUUID(), password: 'long enough for a password' }),
  'create-component': () => ({ comp_name: 'Made by the battery' }),
  'create-invitation': () => ({ email: someAddress() }),
  'create-entry': (w) => ({ flex_age_comp_id: w.compId, entry_title: 'Made by the battery' }),
  'enrol-student': async (w) => ({
    student_user_id: (await w.lab.makePerson('student')).id,
    flex_age_comp_id: w.compId,
  }),
  'link-login': (w, caller) => linkAnswer(w.lab, caller),
  'log-out': () => ({}),
  'refresh-tokens': async (w, caller) => {
    const json = { username: caller.username, password: caller.password };
    const reply = await w.lab.anyone('POST', '/api/v1/auth/login', { json });
    return { refresh_token: reply.json()['refresh_token'] };
  },
  'log-in': (_w, caller) => ({ username: caller.username, password: caller.password }),
  'override-outcome': () => outcome,
  'register-account': () => ({ email: someAddress(), password: 'long enough for a password' }),
  'register-named-account': () => ({
    username: randomUUID(),
    email: someAddress(),
    password: 'long enough for a password',
  }),
  'request-password-reset': () => ({ email: someAddress() }),
  'reset-password': async (w) => ({
    token: (await forgottenPassword(w.lab)).token,
    new_password: `new ${randomUUID()}`,
  }),
  'verify-email': async (w) => ({ token: await unprovedAddress(w.lab) }),
  'patch-me': () => ({ display_name: 'Changed by the battery' }),
  'patch-user': () => ({ display_name: 'Changed by the battery' }),
  'register-user': () => ({ username: randomUUID(), password: 'long enough for a password' }),
  'rotate-api-key': () => ({ grace_s: 60 }),
  'set-learning-profile': () => ({ learning_profile: { role: 'tester', lenses: [] } }),
  'set-outcome': () => outcome,
  'submit-entry': () => ({ submission_title: 'Again', content: `<p>${randomUUID()}</p>` }),
  'unenrol-student': async (w) => {
    const student = await w.lab.makePerson('student');
    await w.lab.enrol(w.people.configurator, student, w.compId);
    return { student_user_id: student.id, flex_age_comp_id: w.compId };
  },
  'update-component': () => ({ comp_name: 'Changed by the battery' }),
  'update-me': () => ({ display_name: 'Changed by the battery' }),
  'update-role': () => ({ description: randomUUID() }),
  'update-user': () => ({ display_name: 'Changed by the battery' }),
  'update-entry': () => ({ entry_title: 'Changed by the battery' }),
  ...secondFactorBodies,
  'verify-audit-trail': () => ({ from: '2020-01-01' }),
};

/** Operations after which their caller cannot call any more: each call is made by somebody new. */
const spentCallers = new Set<string>([
  ...callersWithFactors,
  'change-password',
  'delete-me',
  'log-out',
  'log-out-everywhere',
]);

/** GETs that begin something, so that no two of their answers are the same. */
export const beginnings = new Set(['begin-sign-in']);

/** Queries without which the right call is refused. */
const queries: Record<string, string> = {
  // The world's submission has an outcome already.
  'generate-outcome': '?force_regenerate=true',
  // What is done now is soon in the trail, so that a second look at today would show more.
  'export-audit-events': '?to=2020-01-01',
};

function missing(operation: string, what: string, table: string): Error {
  return new Error(`The battery cannot call ${operation}: add ${what} to \`${table}\` in tests/http/battery-world.ts.`);
}

export function parameterNames(route: string): string[] {
  return [...route.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
}

export function parameter(operation: string, name: string): Parameter {
  const found = parameters[name];
  if (found === undefined) throw missing(operation, `the path parameter ${name}`, 'parameters');
  return found;
}

/** The path of a call that is right, but for the parameters that are given. */
export async function pathOf(
  world: World,
  endpoint: Endpoint,
  route: string,
  {
    given = {},
    isRefused = false,
    caller = callerOf(world, endpoint),
  }: Pick<Change, 'given' | 'isRefused' | 'caller'> = {},
): Promise<string> {
  let path = route.startsWith('/') ? route : `/${route}`;
  for (const name of parameterNames(route)) {
    const fresh = isRefused ? undefined : freshParameters[endpoint.name]?.[name];
    const known = fresh ?? parameter(endpoint.name, name).known;
    path = path.replace(`{${name}}`, given[name] ?? encodeURIComponent(await known(world, caller)));
  }
  return path;
}

/** Bodies of calls that are refused, which can be sent as often as one likes. */
const unused = new Map<string, unknown>();

async function bodyOf(world: World, endpoint: Endpoint, isRefused: boolean, caller: Person): Promise<unknown> {
  if (endpoint.body === undefined) return undefined;
  const make = bodies[endpoint.name];
  if (make === undefined) throw missing(endpoint.name, 'a valid body', 'bodies');
  if (!isRefused) return make(world, caller);
  if (!unused.has(endpoint.name)) unused.set(endpoint.name, await make(world, caller));
  return unused.get(endpoint.name);
}

export const queryOf = (endpoint: Endpoint): string => queries[endpoint.name] ?? '';

export function rolesOf(endpoint: Endpoint): readonly BuiltInRole[] {
  const { auth } = endpoint;
  return typeof auth === 'string' ? [] : builtInRoles.filter((role) => accessOf(role, auth) !== 'refused');
}

// What the world holds belongs to the configurator and the student; the others may do what remains.
const preference: readonly BuiltInRole[] = ['configurator', 'student', 'admin', 'user'];

/** Somebody who may call the endpoint; anybody for one that asks for nothing. */
export function callerOf(world: World, endpoint: Endpoint): Person {
  const role = preference.find((one) => rolesOf(endpoint).includes(one)) ?? 'student';
  return world.people[role];
}

/** The token of someone who may call the endpoint; undefined for a public one. */
export function tokenFor(world: World, endpoint: Endpoint): string | undefined {
  return endpoint.auth === 'public' ? undefined : callerOf(world, endpoint).token;
}

interface Change {
  /** Who calls, in place of the one that `callerOf` finds. */
  caller?: Person;
  options?: CallOptions;
  /** Path parameters in place of those that are right. */
  given?: Record<string, string>;
  query?: string;
  hasSlash?: boolean;
  /** The call is refused before it does anything, so that nothing need be made for it. */
  isRefused?: boolean;
}

/** A call that is right in everything but what `change` says. */
export async function callRightly(
  world: World,
  endpoint: Endpoint,
  route: string,
  change: Change = {},
): Promise<Reply> {
  const { options = {}, query = queryOf(endpoint), hasSlash = false, isRefused = false } = change;
  const usual = change.caller ?? callerOf(world, endpoint);
  const isSpent = spentCallers.has(endpoint.name) && !isRefused;
  const caller = isSpent ? await world.lab.makePerson(usual.user.role) : usual;
  if (isSpent) await secondFactorPreparations[endpoint.name]?.(caller);
  const path = `${await pathOf(world, endpoint, route, { ...change, caller })}${hasSlash ? '/' : ''}${query}`;
  const json = options.raw === undefined ? await bodyOf(world, endpoint, isRefused, caller) : undefined;
  const token = endpoint.auth === 'public' ? undefined : caller.token;
  return world.lab.anyone(endpoint.method, path, { token, json, ...options });
}

/** Does the same for each item, all at once. */
export function forAll<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<unknown> {
  return Promise.all(items.map(work));
}

async function makeRole(lab: Lab): Promise<string> {
  const name = newRoleName();
  const reply = await lab.root.post('/api/v1/roles/', { name, permissions: ['account:list'] });
  if (reply.status !== 201) throw new Error(`make a role: ${reply.status} ${reply.text}`);
  return name;
}

/** At least two of everything that can be listed. */
export async function makeWorld(lab: Lab): Promise<World> {
  const [course, second] = [await lab.makeCourse(), await lab.makePerson('student')];
  const { staff, student, compId, entryId } = course;
  const secondComponent = await lab.makeComponent(staff);
  await lab.logIn(staff.username, staff.password);
  const teacher = await lab.makePerson('teacher');
  for (const id of [compId, secondComponent.comp_id]) {
    await staff.put(`/api/configure/flexagecomps/${id}`, { owner_user_ids: [staff.id, teacher.id] });
  }
  await lab.enrol(staff, student, secondComponent.comp_id);
  await lab.enrol(staff, second, compId);
  const stuckEntry = await lab.makeEntry(staff, compId);
  const [spare, graded] = [
    await lab.waitForOutcome(student, (await lab.submit(student, entryId, '<p>first</p>')).submission_id),
    await lab.waitForOutcome(student, (await lab.submit(student, entryId, goodAnswer)).submission_id),
  ];
  for (const person of [student, second]) {
    const { submission_id } = await lab.submit(person, stuckEntry.entry_id);
    await lab.waitForOutcome(person, submission_id);
    await lab
      .container('coursework')
      .item(`result:${submission_id}`, [compId, person.id])
      .patch([
        { op: 'set', path: '/status', value: 'needs_attention' },
        { op: 'set', path: '/grading/status', value: 'needs_attention' },
      ]);
  }

  const serviceBus = createServiceBus({ connectionString: lab.app.serviceBus.connectionString });
  const deadLetterIds = async () => {
    const reply = await lab.root.get('/api/v1/admin/dead-letters?limit=1000');
    return reply.json<{ id: string; message_id: string }[]>();
  };
  async function makeDeadLetter(): Promise<string> {
    const messageId = randomUUID();
    await serviceBus.send('grading', { body: { not: 'a job' }, messageId });
    for (let tries = 0; tries < 200; tries += 1) {
      const found = (await deadLetterIds()).find((letter) => letter.message_id === messageId);
      if (found !== undefined) return found.id;
    }
    throw new Error('A message that no worker can read did not become a dead letter.');
  }
  async function settle(): Promise<void> {
    const identity = lab.container('identity');
    for (let tries = 0; tries < 200; tries += 1) {
      const { resources } = await identity.items
        .query(`SELECT VALUE c.id FROM c WHERE c.type = 'audit_outbox'`)
        .fetchAll();
      if (resources.length === 0) return;
      await setTimeout(50);
    }
    throw new Error('Something that was done did not get into the audit trail.');
  }
  await makeDeadLetter();
  const deadLetterId = await makeDeadLetter();

  const members = {
    admin: lab.root,
    configurator: staff,
    teacher,
    student,
    parent: await lab.makePerson('parent'),
    power: await lab.makePerson('power'),
    user: await lab.makePerson('user'),
  };
  for (const member of Object.values(members)) await oldestKeyOf(member);

  return {
    lab,
    people: { ...members, guest: await lab.makePerson('guest') },
    compId,
    entryId,
    submissionId: graded.submission_id,
    spareSubmissionId: spare.submission_id,
    outcomeId: graded.outcome.outcome_id,
    deadLetterId,
    roleName: await makeRole(lab),
    makeDeadLetter,
    settle,
    close: () => serviceBus.close(),
  };
}
