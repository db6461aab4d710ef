import { createHash, createHmac, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLyceumClient, type LyceumClient, LyceumError, type Submission } from '../../client/lyceum.ts';
import { patientFetch } from '../../local/patient-fetch.ts';
import { DeployError, messageOf } from './failure.ts';

export interface SmokeOptions {
  url: string;
  username: string;
  password: string;
  say(text: string): void;
  pollMs: number;
  limitMs: number;
  signal: AbortSignal;
}

interface Login {
  client: LyceumClient;
  role: string;
}

/** What the test makes; named after who runs it, so that the next run finds what this one could not remove. */
interface Names {
  course: string;
  student: string;
}

const requestLimitMs = 60_000;
const sayEveryMs = 10_000;

const otherAccount =
  'make an account for a teacher without one, and run it again with SMOKE_USERNAME and SMOKE_PASSWORD set to it';

const entry = {
  entry_title: 'Why is the sky blue?',
  instructions: '<p>Explain in a few sentences why the sky is blue at noon and red in the evening.</p>',
  rubric_definition: {
    criteria: [
      { text: 'Cause: air scatters blue light more than red light', marks: 6 },
      { text: 'Evening: light takes a longer way through the air', marks: 4 },
    ],
    performance_levels: [{ text: 'Missing' }, { text: 'Complete' }],
    cell_descriptions: [
      ['No cause is given.', 'Air scatters blue light more than red light.'],
      ['The longer way is not mentioned.', 'In the evening light takes a longer way through the air.'],
    ],
  },
};
const answer =
  '<p>The air scatters blue light more than red light, so blue comes to us from all over the sky. In the evening the light takes a longer way through the air, and mostly red is left.</p>';

const namesFor = (username: string): Names => {
  const tag = createHash('sha256').update(username.toLowerCase()).digest('hex').slice(0, 8);
  return { course: `Smoke test ${tag}`, student: `smoke-${tag}` };
};

function clientOf({ url, signal }: SmokeOptions, token?: string): LyceumClient {
  const limited: typeof fetch = (input, init) =>
    patientFetch(input, { ...init, signal: AbortSignal.any([signal, AbortSignal.timeout(requestLimitMs)]) });
  return createLyceumClient({ baseUrl: url, fetch: limited, token: () => token });
}

async function logIn(options: SmokeOptions, username: string, password: string): Promise<Login> {
  const tokens = await clientOf(options)
    .logIn({ body: { username, password } })
    .catch((error: unknown) => {
      if (error instanceof LyceumError && error.problem.code === 'invalid_credentials') {
        throw new DeployError(
          `${username} cannot log in: the password is another by now. Set SMOKE_USERNAME and SMOKE_PASSWORD to a teacher's or an administrator's account.`,
        );
      }
      throw error;
    });
  if ('access_token' in tokens) return { client: clientOf(options, tokens.access_token), role: tokens.role };
  throw new DeployError(`The account ${username} needs a second factor, which this test cannot give: ${otherAccount}.`);
}

/** Every item of a list that has pages. */
async function* all<T>(page: (cursor?: string) => Promise<{ items: T[]; nextCursor: string | undefined }>) {
  let cursor: string | undefined;
  do {
    const { items, nextCursor } = await page(cursor);
    yield* items;
    cursor = nextCursor;
  } while (cursor !== undefined);
}

const at = (cursor: string | undefined) => (cursor === undefined ? {} : { cursor });

/** Removes what bears these names: what this run made, or what an earlier one had to leave. */
async function remove({ client, role }: Login, names: Names): Promise<void> {
  for await (const course of all((cursor) => client.listComponents({ limit: 100, ...at(cursor) }))) {
    if (course.comp_name === names.course) await client.deleteComponent({ comp_id: course.comp_id });
  }
  // Only an administrator may delete an account; others use the same one again, in the next run.
  if (role !== 'admin') return;
  for await (const user of all((cursor) => client.listUsers({ search: names.student, limit: 100, ...at(cursor) }))) {
    if (user.username === names.student) await client.deleteUser({ user_id: user.user_id });
  }
}

/** The student's account. One that stays must be found again, so its password follows from that of who runs the test. */
async function ensureStudent(options: SmokeOptions, staff: Login, username: string) {
  const password =
    staff.role === 'admin' ? randomUUID() : createHmac('sha256', options.password).update(username).digest('base64url');
  const body = { username, password, full_name: 'Smoke test', role: 'student' as const };
  try {
    const { user_id } = await staff.client.registerUser({ body });
    return { user_id, password };
  } catch (error) {
    if (!(error instanceof LyceumError && error.problem.code === 'username_taken')) throw error;
    for await (const user of all((cursor) => staff.client.listUsers({ search: username, limit: 100, ...at(cursor) }))) {
      if (user.username === username) return { user_id: user.user_id, password };
    }
    throw error;
  }
}

async function handIn(options: SmokeOptions, staff: Login, names: Names): Promise<string> {
  const { comp_id } = await staff.client.createComponent({ body: { comp_name: names.course } });
  const { entry_id } = await staff.client.createEntry({ body: { flex_age_comp_id: comp_id, ...entry } });
  const { user_id, password } = await ensureStudent(options, staff, names.student);
  await staff.client.enrolStudent({ body: { student_user_id: user_id, flex_age_comp_id: comp_id } });
  const student = await logIn(options, names.student, password);
  const body = { submission_title: 'Smoke test', content: answer };
  return (await student.client.submitEntry({ entry_id, body })).submission_id;
}

async function waitForOutcome(options: SmokeOptions, { client }: Login, submissionId: string): Promise<Submission> {
  const startedMs = performance.now();
  let saidMs = startedMs;
  for (;;) {
    const submission = await client.getSubmission({ submission_id: submissionId });
    if (submission.outcome !== null) return submission;
    const { status, last_error_code: reason } = submission.grading;
    const state = `${status}${reason === null ? '' : `, because of ${reason}`}`;
    const waitedMs = performance.now() - startedMs;
    if (status === 'needs_attention' || waitedMs > options.limitMs) {
      throw new DeployError(
        `The answer was not graded in ${Math.round(waitedMs / 1000)} s (${state}): look at the log of the app that works off the queues, then run it again.`,
      );
    }
    if (performance.now() - saidMs > sayEveryMs) {
      saidMs = performance.now();
      options.say(`waiting for the grade: ${state}, ${Math.round(waitedMs / 1000)} s`);
    }
    await sleep(options.pollMs, undefined, { signal: options.signal });
  }
}

/** There is one outcome, it is the one that is shown, and it says why. @returns what to tell. */
async function checkOutcome(options: SmokeOptions, { client }: Login, submission: Submission): Promise<string> {
  const { submission_id, outcome } = submission;
  // A second one, if anything made it, would come right after the first.
  await sleep(options.pollMs, undefined, { signal: options.signal });
  const events = await client.getSubmissionLedger({ submission_id });
  const [graded, ...more] = events.filter((event) => event.outcome_id !== null);
  if (graded === undefined || more.length > 0 || graded.outcome_id !== outcome?.outcome_id) {
    const count = graded === undefined ? 0 : 1 + more.length;
    throw new DeployError(
      `The answer has ${count} outcomes in its ledger where there must be one, which is the one that is shown.`,
    );
  }
  const { criteria_scores: scores, feedback_text: feedback, score } = outcome.outcome_data;
  const isExplained =
    scores.length === entry.rubric_definition.criteria.length && scores.every(({ reason }) => reason.trim() !== '');
  if (!isExplained || feedback.trim() === '') throw new DeployError('The outcome does not explain each criterion.');
  return `${score} of 10 by ${graded.provider ?? 'nobody'} ${graded.model ?? ''}`.trimEnd();
}

/**
 * Does what the product is for, as its users do it, and leaves nothing behind.
 * @throws DeployError that says what did not work.
 */
export async function smokeTest(options: SmokeOptions): Promise<string> {
  const names = namesFor(options.username);
  let staff: Login | undefined;
  try {
    staff = await logIn(options, options.username, options.password);
    await remove(staff, names);
    const startedMs = performance.now();
    const submissionId = await handIn(options, staff, names);
    const submission = await waitForOutcome(options, staff, submissionId);
    const waitedS = ((performance.now() - startedMs) / 1000).toFixed(1);
    return `handed in and graded in ${waitedS} s: ${await checkOutcome(options, staff, submission)}`;
  } catch (error) {
    if (options.signal.aborted) throw options.signal.reason;
    if (error instanceof DeployError) throw error;
    const what = error instanceof LyceumError ? `${error.status} ${error.problem.code}: ` : '';
    throw new DeployError(`The smoke test of ${options.url} failed: ${what}${messageOf(error)}`);
  } finally {
    if (staff !== undefined && !options.signal.aborted) await cleanUp(options, staff, names);
  }
}

/** What cannot be removed now is removed by the next run; that must not hide why this one failed. */
async function cleanUp(options: SmokeOptions, staff: Login, names: Names): Promise<void> {
  await remove(staff, names).catch((error: unknown) => {
    options.say(
      `The course '${names.course}' could not be removed (${messageOf(error)}); the next smoke test removes it.`,
    );
  });
}
