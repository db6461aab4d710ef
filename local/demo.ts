import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { DataFolder } from './data-folder.ts';
import { course, entry, students } from './demo-course.ts';
import { patientFetch } from './patient-fetch.ts';

export interface DemoOptions {
  url: string;
  settings: Record<string, string>;
  folder: DataFolder;
  say(text: string): void;
}

const gradingLimitMs = 60_000;

const Token = z.object({ access_token: z.string() });
const User = z.object({ user_id: z.string(), username: z.string() });
const Comp = z.object({ comp_id: z.string(), comp_name: z.string() });
const Entry = z.object({ entry_id: z.string(), entry_title: z.string() });
const Submission = z.object({
  submission_id: z.string(),
  grading: z.object({ status: z.string() }).optional(),
  outcome: z
    .object({
      outcome_data: z.object({
        score: z.number(),
        llm_confidence: z.number(),
        points: z.number().optional(),
        max_points: z.number().optional(),
        review: z.array(z.unknown()).optional(),
      }),
    })
    .nullish(),
});
type Submission = z.infer<typeof Submission>;

/** A client of one person, as any client would be. */
class Client {
  readonly #url: string;
  readonly #token: string | undefined;

  constructor(url: string, token?: string) {
    this.#url = url;
    this.#token = token;
  }

  async call<T extends z.ZodType>(schema: T, method: string, path: string, body?: unknown): Promise<z.output<T>> {
    const { status, json } = await this.send(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path} answered ${status}: ${JSON.stringify(json)}`);
    return schema.parse(json);
  }

  async send(method: string, path: string, body?: unknown): Promise<{ status: number; json: unknown }> {
    const response = await patientFetch(`${this.#url}${path}`, {
      method,
      headers: {
        'content-type': 'application/json',
        ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    return { status: response.status, json: await response.json().catch(() => undefined) };
  }

  async logIn(username: string, password: string): Promise<Client> {
    const { access_token } = await this.call(Token, 'POST', '/api/auth/login/json', { username, password });
    return new Client(this.#url, access_token);
  }

  /** An account of this name, made now or in a start that did not get to the end. */
  async ensureUser(role: string, username: string, fullName: string, password: string): Promise<string> {
    const body = { username, full_name: fullName, role, password };
    const { status, json } = await this.send('POST', '/api/auth/register', body);
    if (status < 300) return User.parse(json).user_id;
    const users = await this.call(z.array(User), 'GET', '/api/auth/users?limit=100');
    const found = users.find((user) => user.username === username);
    if (!found) throw new Error(`POST /api/auth/register answered ${status}: ${JSON.stringify(json)}`);
    return found.user_id;
  }
}

async function ensureCourse(teacher: Client): Promise<{ compId: string; entryId: string }> {
  const comps = await teacher.call(z.array(Comp), 'GET', '/api/configure/flexagecomps/');
  const comp =
    comps.find((one) => one.comp_name === course.comp_name) ??
    (await teacher.call(Comp, 'POST', '/api/configure/flexagecomps/', course));
  const entries = await teacher.call(z.array(Entry), 'GET', `/api/configure/flexagecomps/${comp.comp_id}/entries`);
  const found =
    entries.find((one) => one.entry_title === entry.entry_title) ??
    (await teacher.call(Entry, 'POST', '/api/configure/entries/', { ...entry, flex_age_comp_id: comp.comp_id }));
  return { compId: comp.comp_id, entryId: found.entry_id };
}

interface Row {
  student: string;
  kind: string;
  submission: Submission;
  ms: number;
}

/** Hands in as the student and looks as the teacher until there is an outcome. */
async function submitAndWait(
  student: Client,
  teacher: Client,
  entryId: string,
  content: string,
): Promise<{ submission: Submission; ms: number }> {
  const startedMs = performance.now();
  const handedIn = await student.call(Submission, 'POST', `/api/student/entries/${entryId}/submit`, {
    submission_title: 'My answer',
    content,
  });
  let submission = handedIn;
  while (!submission.outcome && performance.now() - startedMs < gradingLimitMs) {
    await sleep(100);
    submission = await teacher.call(Submission, 'GET', `/api/configure/submissions/${handedIn.submission_id}`);
  }
  return { submission, ms: Math.round(performance.now() - startedMs) };
}

function toTable(rows: readonly Row[]): string[] {
  const head = ['student', 'answer', 'status', 'score', 'points', 'confidence', 'flags', 'ms'];
  const cells = rows.map(({ student, kind, submission, ms }) => {
    const data = submission.outcome?.outcome_data;
    const status = submission.grading?.status ?? (data ? 'done' : 'waiting');
    if (!data) return [student, kind, status, '', '', '', '', ''];
    const flags = data.review?.length ? `${data.review.length} to review` : '';
    return [
      student,
      kind,
      status,
      data.score.toFixed(1),
      `${data.points ?? '?'}/${data.max_points ?? '?'}`,
      `${Math.round(data.llm_confidence * 100)} %`,
      flags,
      String(ms),
    ];
  });
  const widths = head.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]?.length ?? 0)));
  const isNumber = (i: number) => i >= 3 && i !== 6;
  return [head, ...cells].map((row) =>
    `  ${row.map((cell, i) => (isNumber(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0))).join('   ')}`.trimEnd(),
  );
}

/**
 * Puts a small course into a new data folder through the HTTP API, hands in answers and shows how they are graded: the
 * product's main job, with nothing but its own interface. It is done once per folder.
 */
export async function runDemo({ url, settings, folder, say }: DemoOptions): Promise<void> {
  try {
    const password = folder.secrets.demo_password;
    const anonymous = new Client(url);
    const admin = await anonymous.logIn(
      settings['BOOTSTRAP_ADMIN_USERNAME'] ?? '',
      settings['BOOTSTRAP_ADMIN_PASSWORD'] ?? '',
    );
    say('\nDemo course: four answers are handed in and graded ...');
    await admin.ensureUser('configurator', 'demo-teacher', 'Tess Teacher', password);
    const teacher = await anonymous.logIn('demo-teacher', password);
    const { compId, entryId } = await ensureCourse(teacher);
    const rows = await Promise.all(
      students.map(async ({ username, full_name, kind, content }): Promise<Row> => {
        const userId = await admin.ensureUser('student', username, full_name, password);
        // One that is enrolled already is what we want.
        await teacher.send('POST', '/api/auth/enroll', { student_user_id: userId, flex_age_comp_id: compId });
        const student = await anonymous.logIn(username, password);
        return { student: username, kind, ...(await submitAndWait(student, teacher, entryId, content)) };
      }),
    );
    say(`\n${toTable(rows).join('\n')}\n`);
    const model =
      settings['ANTHROPIC_API_KEY'] || settings['OPENAI_API_KEY']
        ? ''
        : ' Graded by the simulator: no key of a model is set.';
    say(`  Log in as demo-teacher or one of these students with the password ${password}.${model}\n`);
    if (rows.every((row) => row.submission.outcome)) folder.setDone('demo');
  } catch (error) {
    // The demo shows the product; what goes wrong in it must not take the product down.
    say(`\n! The demo course could not be made: ${error instanceof Error ? error.message : String(error)}\n`);
  }
}
