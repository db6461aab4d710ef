import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { type Container, CosmosClient } from '@azure/cosmos';
import type { Principal } from '../../shared/platform/define-endpoint.ts';
import { permissionsOfRole } from '../../shared/platform/permissions.ts';
import { type AppOptions, admin, startApp } from '../app.ts';

/** The shapes that clients rely on, written down apart from the code that makes them. */
export interface WireUser {
  user_id: string;
  username: string;
  email: string | null;
  full_name: string | null;
  role: string;
  is_active: boolean;
  created_at: string;
  updated_at: string;
}
export interface WireComponent {
  comp_id: string;
  comp_name: string;
  general_instructions: string | null;
  owner_user_ids: string[];
  created_at: string;
  updated_at: string;
}
export interface WireOutcome {
  outcome_id: string;
  submission_id: string;
  outcome_data: {
    feedback_text: string;
    score: number;
    llm_confidence: number;
    points: number;
    max_points: number;
    criteria_scores: { criterion: number; points: number; evidence: { start: number; end: number; quote: string }[] }[];
    review?: unknown[];
  };
  is_llm_generated: boolean;
  generated_at: string;
}
export interface WireSubmission {
  submission_id: string;
  entry_id: string;
  student_user_id: string;
  student_name: string | null;
  submission_title: string;
  content: string;
  submitted_at: string;
  grading: { status: string; attempts: number };
  outcome: WireOutcome | null;
}
export interface WireState {
  state_id: string;
  entry_id: string;
  student_user_id: string;
  status: string;
  created_at: string;
  updated_at: string;
  submission: WireSubmission | null;
}
export interface WireEntry {
  entry_id: string;
  flex_age_comp_id: string;
  entry_title: string;
  instructions: string | null;
  rubric_definition: Record<string, unknown>;
  created_at: string;
  updated_at: string;
  student_state?: WireState | null;
}
export interface WireLedgerEvent {
  seq: number;
  event: string;
  actor: { kind: string; id: string };
  reason: string | null;
  score_before: number | null;
  score_after: number | null;
  previous_outcome: WireOutcome | null;
}

/** What the platform makes of somebody with a valid token, for calls past it. */
export function principalOf(user: WireUser): Principal {
  return {
    user_id: user.user_id,
    username: user.username,
    email: user.email,
    full_name: user.full_name,
    role: user.role,
    permissions: permissionsOfRole(user.role) ?? new Set(),
    tier: 'free',
    via: { kind: 'session', session_id: randomUUID() },
    caller: { request_id: randomUUID(), address: 'unknown', user_agent: null, origin: null, place_id: null },
  };
}

export class Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  constructor(status: number, headers: Headers, text: string) {
    this.status = status;
    this.headers = headers;
    this.text = text;
  }
  /** The body as what the caller expects it to be; the assertions of the test check it. */
  json<T = Record<string, unknown>>(): T {
    return JSON.parse(this.text) as T;
  }
  get detail(): unknown {
    return this.json()['detail'];
  }
  /** Status and detail together, so that a failed comparison shows both. */
  get refusal(): [number, unknown] {
    return [this.status, this.detail];
  }
}

export interface CallOptions {
  token?: string | undefined;
  json?: unknown;
  form?: Record<string, string>;
  /** Sent as it is, with the content type of `headers`. */
  raw?: string | Uint8Array<ArrayBuffer>;
  headers?: Record<string, string>;
}

export async function call(url: string, method: string, path: string, options: CallOptions = {}): Promise<Reply> {
  const headers = new Headers();
  if (options.token !== undefined) headers.set('authorization', `Bearer ${options.token}`);
  let body: RequestInit['body'] = null;
  if (options.json !== undefined) {
    headers.set('content-type', 'application/json');
    body = JSON.stringify(options.json);
  }
  if (options.form !== undefined) body = new URLSearchParams(options.form);
  if (options.raw !== undefined) body = options.raw;
  for (const [name, value] of Object.entries(options.headers ?? {})) headers.set(name, value);
  const response = await fetch(url + path, { method, headers, body, redirect: 'manual' });
  return new Reply(response.status, response.headers, await response.text());
}

/** Someone who calls: the account, its token, and one method for each verb. */
export class Person {
  readonly user: WireUser;
  readonly username: string;
  readonly password: string;
  readonly token: string;
  readonly #url: string;
  constructor(url: string, user: WireUser, password: string, token: string) {
    this.#url = url;
    this.user = user;
    this.username = user.username;
    this.password = password;
    this.token = token;
  }
  get id(): string {
    return this.user.user_id;
  }
  call(method: string, path: string, options: CallOptions = {}): Promise<Reply> {
    return call(this.#url, method, path, { token: this.token, ...options });
  }
  get(path: string, headers: Record<string, string> = {}): Promise<Reply> {
    return this.call('GET', path, { headers });
  }
  post(path: string, json?: unknown, headers: Record<string, string> = {}): Promise<Reply> {
    return this.call('POST', path, { json, headers });
  }
  put(path: string, json: unknown, headers: Record<string, string> = {}): Promise<Reply> {
    return this.call('PUT', path, { json, headers });
  }
  delete(path: string, json?: unknown, headers: Record<string, string> = {}): Promise<Reply> {
    return this.call('DELETE', path, { json, headers });
  }
}

export const rubric = {
  criteria: [
    { text: 'Names the inputs: light, water, carbon dioxide', marks: 4 },
    { text: 'Explains the role of chlorophyll', marks: 6 },
  ],
  performance_levels: [{ text: 'poor' }, { text: 'good' }],
  cell_descriptions: [
    ['names none', 'names all three'],
    ['does not explain', 'explains that it absorbs light'],
  ],
};

export const goodAnswer =
  '<p>Plants take light, water and carbon dioxide as inputs. Chlorophyll absorbs the light, because it is green, and its energy drives the reaction that makes sugar.</p>';

function expectStatus(reply: Reply, status: number, what: string): Reply {
  if (reply.status !== status) throw new Error(`${what}: ${reply.status} ${reply.text}`);
  return reply;
}

/** A running application with its administrator, and makers for what tests need; every maker makes something new. */
export async function startLab(options: AppOptions = {}) {
  const app = await startApp(options);
  const { url } = app;
  const anyone = (method: string, path: string, callOptions: CallOptions = {}) => call(url, method, path, callOptions);

  async function logIn(username: string, password: string): Promise<Person> {
    const reply = await anyone('POST', '/api/auth/login/json', { json: { username, password } });
    const { access_token } = expectStatus(reply, 200, 'log in').json<{ access_token: string }>();
    const me = await anyone('GET', '/api/auth/me', { token: access_token });
    return new Person(url, expectStatus(me, 200, 'me').json<WireUser>(), password, access_token);
  }
  const root = await logIn(admin.username, admin.password);

  async function makePerson(role: string, fields: Record<string, unknown> = {}) {
    const username = `${role}-${randomUUID()}`;
    const password = `password of ${username}`;
    const reply = await root.post('/api/auth/register', { username, password, role, ...fields });
    expectStatus(reply, 200, 'register');
    return logIn(String(fields['username'] ?? username), String(fields['password'] ?? password));
  }

  async function makeComponent(owner: Person, fields: Record<string, unknown> = {}): Promise<WireComponent> {
    const reply = await owner.post('/api/configure/flexagecomps/', { comp_name: 'Plants', ...fields });
    return expectStatus(reply, 201, 'make a component').json<WireComponent>();
  }

  async function makeEntry(owner: Person, compId: string, fields: Record<string, unknown> = {}): Promise<WireEntry> {
    const json = {
      flex_age_comp_id: compId,
      entry_title: 'Photosynthesis',
      instructions: '<p>Explain how plants make sugar from light.</p>',
      rubric_definition: rubric,
      ...fields,
    };
    return expectStatus(await owner.post('/api/configure/entries/', json), 201, 'make an entry').json<WireEntry>();
  }

  async function enrol(owner: Person, student: Person, compId: string): Promise<void> {
    const json = { student_user_id: student.id, flex_age_comp_id: compId };
    expectStatus(await owner.post('/api/auth/enroll', json), 200, 'enrol');
  }

  async function submit(student: Person, entryId: string, content = goodAnswer): Promise<WireSubmission> {
    const json = { submission_title: 'My answer', content };
    const reply = await student.post(`/api/student/entries/${entryId}/submit`, json);
    return expectStatus(reply, 200, 'submit').json<WireSubmission>();
  }

  /** The submission as its student reads it once it is graded. */
  async function waitForOutcome(
    student: Person,
    submissionId: string,
  ): Promise<WireSubmission & { outcome: WireOutcome }> {
    const until = Date.now() + 15_000;
    while (Date.now() < until) {
      const reply = await student.get(`/api/student/submissions/${submissionId}`);
      const submission = expectStatus(reply, 200, 'read a submission').json<WireSubmission>();
      const { outcome } = submission;
      if (outcome !== null) return { ...submission, outcome };
      await setTimeout(25);
    }
    throw new Error(`Submission ${submissionId} was not graded in time.`);
  }

  /** A component with one entry, its owner and one enrolled student. */
  async function makeCourse(fields: { component?: Record<string, unknown>; entry?: Record<string, unknown> } = {}) {
    const [staff, student] = await Promise.all([
      makePerson('configurator'),
      makePerson('student', { full_name: 'Ann Example' }),
    ]);
    const component = await makeComponent(staff, fields.component);
    const entry = await makeEntry(staff, component.comp_id, fields.entry);
    await enrol(staff, student, component.comp_id);
    return { staff, student, component, entry, compId: component.comp_id, entryId: entry.entry_id };
  }

  const cosmos = new CosmosClient({ endpoint: app.cosmos.endpoint, key: app.cosmos.key });
  /** The stored documents, for what no endpoint offers. */
  const container = (id: string): Container => cosmos.database(app.settings['COSMOS_DATABASE'] ?? '').container(id);

  async function deactivate(person: Person): Promise<void> {
    const path = `/api/v1/admin/users/${person.id}/deactivate`;
    expectStatus(await root.call('PATCH', path), 200, 'deactivate');
  }

  return {
    app,
    url,
    root,
    anyone,
    logIn,
    makePerson,
    makeComponent,
    makeEntry,
    makeCourse,
    enrol,
    submit,
    waitForOutcome,
    container,
    deactivate,
    async close() {
      cosmos.dispose();
      await app.close();
    },
  };
}

export type Lab = Awaited<ReturnType<typeof startLab>>;
