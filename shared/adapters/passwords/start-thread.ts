import { Worker } from 'node:worker_threads';

/**
 * The whole worker as one script, which the bundler puts here: in the one file that is deployed there is no other file to start a thread
 * from, and starting the bundle itself would load all of it in every thread. When the sources run as they are, nobody defines it.
 */
declare const LYCEUM_PASSWORD_WORKER: string | undefined;

/** A thread that answers password jobs. It gets no environment, which holds secrets that it has no use for. */
export function startPasswordThread(): Worker {
  const options = { name: 'passwords', env: {}, execArgv: [], stdin: false };
  if (typeof LYCEUM_PASSWORD_WORKER === 'string') return new Worker(LYCEUM_PASSWORD_WORKER, { ...options, eval: true });
  return new Worker(new URL('./password-worker.ts', import.meta.url), options);
}
