/**
 * What the database said no with. Beside the service's own status, 503 also means that it could not be reached, and 408 that no answer came
 * in time, after which nobody knows whether a write took place.
 */
export class CosmosError extends Error {
  /** HTTP status of the database: 404, 408, 409, 412, 413, 429, 503, ... */
  readonly status: number;
  /** Seconds after which another try makes sense, when the database said so. */
  readonly retryAfterS: number | undefined;

  constructor(status: number, message: string, options: { cause?: unknown; retryAfterS?: number | undefined } = {}) {
    super(message, { cause: options.cause });
    this.name = 'CosmosError';
    this.status = status;
    this.retryAfterS = options.retryAfterS;
  }
}

/** True for the two answers that say that someone else was first: the id exists, or the version changed. */
export function isConflict(error: unknown): error is CosmosError {
  return error instanceof CosmosError && (error.status === 409 || error.status === 412);
}

/** What is read of the errors that the SDK throws; nothing in them is certain. */
interface SdkError {
  code?: unknown;
  substatus?: unknown;
  headers?: unknown;
  retryAfterInMs?: unknown;
  diagnostics?: unknown;
}

/** The error that carries the status: around the one of a batch the SDK puts a plain Error. */
export function sdkErrorOf(error: unknown): SdkError {
  if (typeof error !== 'object' || error === null) return {};
  if (!('code' in error) && 'cause' in error && typeof error.cause === 'object' && error.cause !== null) {
    return error.cause;
  }
  return error;
}

const OWNER_NOT_FOUND = 1003;

/** True when the container or the database itself is missing, which must never look like a missing document. */
export function isOwnerMissing(status: unknown, substatus: unknown): boolean {
  return status === 404 && substatus === OWNER_NOT_FOUND;
}

/** A missing container is an installation that cannot work (yet), so it is 503. */
export function containerMissing(container: string, cause?: unknown): CosmosError {
  return new CosmosError(503, `The Cosmos container ${container} does not exist.`, { cause });
}

function statusOf(code: unknown): number {
  if (typeof code === 'number') return code;
  return code === 'TimeoutError' ? 408 : 503;
}

/** The CosmosError to throw; its message holds nothing of the document, the SDK's error is its cause. */
export function toCosmosError(operation: string, container: string, error: unknown): unknown {
  const { code, substatus, retryAfterInMs } = sdkErrorOf(error);
  // Neither an answer of the service nor a broken connection, which both have a code: a mistake of ours, which stays what it is.
  if (error instanceof CosmosError || code === undefined) return error;
  if (isOwnerMissing(code, substatus)) return containerMissing(container, error);
  const status = statusOf(code);
  const waitS = typeof retryAfterInMs === 'number' ? Math.max(1, Math.ceil(retryAfterInMs / 1_000)) : undefined;
  return new CosmosError(status, `Cosmos ${operation} on ${container} failed with status ${status}.`, {
    retryAfterS: waitS ?? (status === 429 ? 1 : undefined),
    cause: error,
  });
}
