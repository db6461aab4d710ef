import { AppError } from './errors.ts';

const triesMax = 8;

/**
 * A read-modify-write guarded by an ETag: `attempt` reads, decides and writes, and returns undefined when someone else
 * wrote in between; then it is made again, a bounded number of times.
 */
export async function untilWritten<T>(attempt: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < triesMax; tries += 1) {
    const done = await attempt();
    if (done !== undefined) return done;
  }
  throw new AppError('conflict', 'Too many changes at the same time; try again.');
}

/** Throws `precondition_failed` unless `etag` is the version that the caller saw; a caller who saw none takes any. */
export function assertVersion(ifMatch: string | undefined, etag: string | undefined): void {
  // The database writes its etags with quotes, `If-Match` arrives without them.
  if (ifMatch !== undefined && ifMatch !== etag?.replaceAll('"', '')) throw new AppError('precondition_failed');
}
