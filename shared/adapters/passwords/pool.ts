import { createHmac } from 'node:crypto';
import type { Worker } from 'node:worker_threads';
import { AppError } from '../../platform/errors.ts';
import type { PasswordAnswer, PasswordJob } from './password-worker.ts';
import { startPasswordThread } from './start-thread.ts';

export interface Passwords {
  /** A bcrypt hash, which carries its own salt and cost. */
  hash(password: string): Promise<string>;
  /** Refusing takes as long as the cost of today, also for a hash of a lower one. */
  verify(password: string, hash: string): Promise<boolean>;
  /** Takes as long as `verify` and is always false: what a name that nobody has costs. */
  verifyDummy(password: string): Promise<boolean>;
  /** Whether the hash is cheaper to guess than one that is made now. */
  needsRehash(hash: string): boolean;
  /** Ends the threads; what is still to be done fails. */
  close(): Promise<void>;
}

export interface PasswordsOptions {
  /** bcrypt's: each step doubles the time; 12 is about a quarter of a second. */
  cost: number;
  threads: number;
  /** Jobs that may wait for a thread (100); with more the caller is told to come back later. */
  waitingMax?: number;
  startThread?: () => Worker;
}

interface Task {
  job: PasswordJob;
  resolve: (value: string | boolean) => void;
  reject: (error: Error) => void;
}

interface Thread {
  worker: Worker;
  task: Task | undefined;
}

const WAITING_MAX = 100;
const BUSY_RETRY_AFTER_S = 2;
const BCRYPT_BYTES_MAX = 72;
const LONG_PASSWORD_LABEL = 'lyceum long password';

/**
 * bcrypt ignores every byte after the 72nd. A longer password is hashed to 44 characters first, with a label, so that a plain SHA-256 of it
 * that leaked elsewhere is of no use here.
 */
function withinLimit(password: string): string {
  if (Buffer.byteLength(password) <= BCRYPT_BYTES_MAX) return password;
  return createHmac('sha256', LONG_PASSWORD_LABEL).update(password).digest('base64');
}

/** A well-formed hash of the given cost that no known password has. */
function dummyHash(cost: number): string {
  return `$2b$${String(cost).padStart(2, '0')}$${'LyceumDummySaltLyceumO'}${'x'.repeat(31)}`;
}

function costOf(hash: string): number {
  return Number(/^\$2[abxy]\$(\d\d)\$/.exec(hash)?.[1] ?? 0);
}

/** bcrypt in threads of its own, because it works for a quarter of a second without a pause. Threads start with the first jobs. */
export function createPasswords(options: PasswordsOptions): Passwords {
  const { cost, startThread = startPasswordThread, waitingMax = WAITING_MAX } = options;
  const threads = new Set<Thread>();
  const waiting: Task[] = [];
  let isClosed = false;

  function give(thread: Thread, task: Task): void {
    thread.task = task;
    thread.worker.ref();
    thread.worker.postMessage(task.job);
  }

  /** An idle thread does not keep the process alive. */
  function rest(thread: Thread): void {
    thread.task = undefined;
    thread.worker.unref();
  }

  function assign(): void {
    while (waiting.length > 0) {
      const thread = [...threads].find(({ task }) => task === undefined) ?? addThread();
      const task = thread && waiting.shift();
      if (thread === undefined || task === undefined) return;
      give(thread, task);
    }
  }

  function addThread(): Thread | undefined {
    if (threads.size >= options.threads) return undefined;
    const thread: Thread = { worker: startThread(), task: undefined };
    threads.add(thread);
    thread.worker.on('message', (answer: PasswordAnswer) => {
      const { task } = thread;
      rest(thread);
      if (answer.ok) task?.resolve(answer.value);
      else task?.reject(new Error(`bcrypt failed: ${answer.message}`));
      assign();
    });
    // A thread that ends takes its job with it; the jobs that wait go to the one that takes its place.
    const lost = (cause?: unknown) => {
      if (!threads.delete(thread)) return;
      thread.task?.reject(new Error('The thread that worked on the password ended.', { cause }));
      if (!isClosed) assign();
    };
    thread.worker.on('error', lost);
    thread.worker.on('exit', () => lost());
    return thread;
  }

  function run(job: PasswordJob): Promise<string | boolean> {
    const { promise, resolve, reject } = Promise.withResolvers<string | boolean>();
    if (isClosed) reject(new Error('The password threads are closed.'));
    else if (waiting.length >= waitingMax) {
      reject(new AppError('unavailable', 'Too many log-ins at once', { retryAfterS: BUSY_RETRY_AFTER_S }));
    } else {
      waiting.push({ job, resolve, reject });
      assign();
    }
    return promise;
  }

  return {
    async hash(password) {
      return String(await run({ kind: 'hash', password: withinLimit(password), cost }));
    },
    async verify(password, hash) {
      const given = withinLimit(password);
      if ((await run({ kind: 'verify', password: given, hash })) === true) return true;
      // 2^c + 2^c + 2^(c+1) + ... + 2^(cost-1) is 2^cost: otherwise time would tell old accounts from names that nobody has.
      for (let low = Math.max(4, costOf(hash)); low < cost; low += 1) {
        await run({ kind: 'verify', password: given, hash: dummyHash(low) });
      }
      return false;
    },
    needsRehash: (hash) => costOf(hash) < cost,
    async verifyDummy(password) {
      await run({ kind: 'verify', password: withinLimit(password), hash: dummyHash(cost) });
      return false;
    },
    async close() {
      isClosed = true;
      for (const task of waiting.splice(0)) task.reject(new Error('The password threads are closed.'));
      await Promise.all([...threads].map(({ worker }) => worker.terminate()));
    },
  };
}
