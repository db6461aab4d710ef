import { parentPort } from 'node:worker_threads';
import { compareSync, hashSync } from 'bcryptjs';

/** What a thread is asked to do; it does one thing at a time. */
export type PasswordJob =
  | { kind: 'hash'; password: string; cost: number }
  | { kind: 'verify'; password: string; hash: string };

/** What it answers: the hash, or whether the password is right. */
export type PasswordAnswer = { ok: true; value: string | boolean } | { ok: false; message: string };

function work(job: PasswordJob): PasswordAnswer {
  try {
    // The synchronous forms are the fast ones: a thread of its own has no event loop to keep free.
    return {
      ok: true,
      value: job.kind === 'hash' ? hashSync(job.password, job.cost) : compareSync(job.password, job.hash),
    };
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : 'unknown' };
  }
}

const port = parentPort;
port?.on('message', (job: PasswordJob) => port.postMessage(work(job)));
