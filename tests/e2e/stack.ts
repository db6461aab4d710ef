import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CosmosClient } from '@azure/cosmos';
import containers from '../../infra/containers.json' with { type: 'json' };
import { freePortBase } from '../free-ports.ts';

const root = join(import.meta.dirname, '..', '..');

/** The whole product as `npm start` runs it, in a process of its own that can be killed and started again. */
export class Stack {
  readonly #folder: string;
  readonly #portBase: number;
  readonly #env: Record<string, string>;
  readonly admin = { username: 'root-admin', password: `password ${randomUUID()}` };
  readonly url: string;
  #child: ChildProcess | undefined;
  output = '';

  private constructor(folder: string, portBase: number, env: Record<string, string>) {
    this.#folder = folder;
    this.#portBase = portBase;
    this.#env = env;
    this.url = `http://127.0.0.1:${portBase}`;
  }

  static async create(env: Record<string, string> = {}): Promise<Stack> {
    return new Stack(await mkdtemp(join(tmpdir(), 'lyceum-e2e-')), await freePortBase(), env);
  }

  /** Resolves when it says that it is ready. */
  async start(): Promise<void> {
    // The stack of a test is on this machine, whatever this shell is set to.
    const { CosmosConnection: _, ServiceBusConnection: __, AzureWebJobsStorage: ___, ...inherited } = process.env;
    const child = spawn(
      process.execPath,
      [
        join(root, 'local/start.ts'),
        '--no-demo',
        '--port-base',
        String(this.#portBase),
        '--data',
        join(this.#folder, 'data'),
      ],
      {
        cwd: root,
        env: {
          ...inherited,
          BOOTSTRAP_ADMIN_USERNAME: this.admin.username,
          BOOTSTRAP_ADMIN_PASSWORD: this.admin.password,
          RATE_LIMIT_SCALE: '1000',
          ...this.#env,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    this.#child = child;
    let said = '';
    const ready = Promise.withResolvers<void>();
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        said += chunk.toString('utf8');
        this.output += chunk.toString('utf8');
        if (/^ready /m.test(said)) ready.resolve();
      });
    }
    child.once('exit', (code) => ready.reject(new Error(`It ended with ${code} before it was ready:\n${said}`)));
    ready.promise.catch(() => undefined);
    await ready.promise;
  }

  /** Ends it as the operating system would, between two instructions. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Asks it to end, as Ctrl-C does, and returns its exit code. */
  async stop(signal: 'SIGINT' | 'SIGTERM'): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) throw new Error('It was never started');
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
    return child.exitCode;
  }

  async remove(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  log(): string {
    return readFileSync(join(this.#folder, 'data', 'logs', 'functions.log'), 'utf8');
  }

  /** Reads the stored documents past the application. */
  database() {
    // The key that Microsoft publishes for its emulator, which the local stack takes too.
    const key = 'C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==';
    const client = new CosmosClient({ endpoint: `http://127.0.0.1:${this.#portBase + 1}/`, key });
    const database = client.database(containers.database);
    return { container: (id: string) => database.container(id), dispose: () => client.dispose() };
  }

  /**
   * One call as a careful client makes it: whatever happens to the connection or the server, again and again under the
   * same key, until there is an answer that means something.
   */
  async call<T = Record<string, unknown>>(
    method: string,
    path: string,
    options: { token?: string; json?: unknown; key?: string; withinMs?: number } = {},
  ): Promise<{ status: number; body: T; tries: number }> {
    const headers: Record<string, string> = {};
    if (options.token !== undefined) headers['authorization'] = `Bearer ${options.token}`;
    if (options.key !== undefined) headers['idempotency-key'] = options.key;
    if (options.json !== undefined) headers['content-type'] = 'application/json';
    const deadline = Date.now() + (options.withinMs ?? 70_000);
    for (let tries = 1; Date.now() < deadline; tries += 1) {
      const answer = await this.#try(method, path, headers, options.json);
      // 409 is what a repeat hears while the first call may still be running.
      if (answer !== undefined && answer.status < 500 && answer.status !== 409) {
        // The caller says what the answer's body is; the assertions of the test check it.
        return { status: answer.status, body: JSON.parse(answer.text) as T, tries };
      }
      await sleep(Math.min(50 * tries, 500));
    }
    throw new Error(`${method} ${path} got no answer in time`);
  }

  async #try(method: string, path: string, headers: Record<string, string>, json: unknown) {
    try {
      const body = json === undefined ? null : JSON.stringify(json);
      const response = await fetch(this.url + path, { method, headers, body, signal: AbortSignal.timeout(5_000) });
      return { status: response.status, text: await response.text() };
    } catch {
      return undefined;
    }
  }
}

export interface Course {
  staff: string;
  students: string[];
  entries: string[];
}

/** A component with entries and enrolled students; returns tokens and ids. */
export async function makeCourse(stack: Stack, studentCount: number, entryCount: number): Promise<Course> {
  const json = async <T>(method: string, path: string, token: string | undefined, body: unknown): Promise<T> => {
    const reply = await stack.call<T>(method, path, token === undefined ? { json: body } : { token, json: body });
    if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
    return reply.body;
  };
  const logIn = async (username: string, password: string) =>
    (await json<{ access_token: string }>('POST', '/api/auth/login/json', undefined, { username, password }))
      .access_token;
  const staff = await logIn(stack.admin.username, stack.admin.password);
  const { comp_id } = await json<{ comp_id: string }>('POST', '/api/configure/flexagecomps/', staff, {
    comp_name: 'Plants',
  });
  const entries: string[] = [];
  for (let count = 0; count < entryCount; count += 1) {
    const entry = await json<{ entry_id: string }>('POST', '/api/configure/entries/', staff, {
      flex_age_comp_id: comp_id,
      entry_title: `Photosynthesis ${count}`,
      instructions: 'Explain how plants make sugar from light.',
      rubric_definition: {
        criteria: [{ text: 'Names the inputs: light, water, carbon dioxide', marks: 4 }],
        performance_levels: [{ text: 'poor' }, { text: 'good' }],
        cell_descriptions: [['names none', 'names all three']],
      },
    });
    entries.push(entry.entry_id);
  }
  const students: string[] = [];
  for (let count = 0; count < studentCount; count += 1) {
    const username = `student-${randomUUID()}`;
    const account = { username, password: `password of ${username}`, role: 'student' };
    const { user_id } = await json<{ user_id: string }>('POST', '/api/auth/register', staff, account);
    await json('POST', '/api/auth/enroll', staff, { student_user_id: user_id, flex_age_comp_id: comp_id });
    students.push(await logIn(username, account.password));
  }
  return { staff, students, entries };
}

export const answer = (about: string) =>
  `<p>Plants take light, water and carbon dioxide as inputs and make sugar of them. This is answer ${about}.</p>`;

/** Repeatable chance, so that a run that failed can be made again. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
