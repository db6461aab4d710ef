/**
 * Every error code that Lyceum can answer with. The table is closed: a code that is not here does not compile, and a
 * code that an endpoint does not declare fails its tests.
 */
export const errorTable = {
  already_enrolled: { status: 400, title: 'Already enrolled' },
  email_taken: { status: 400, title: 'Email already registered' },
  inactive_user: { status: 400, title: 'Inactive user' },
  not_a_student: { status: 400, title: 'Not a student' },
  outcome_exists: { status: 400, title: 'Outcome already exists' },
  username_taken: { status: 400, title: 'Username already registered' },
  invalid_credentials: { status: 401, title: 'Incorrect username or password' },
  unauthenticated: { status: 401, title: 'Not authenticated' },
  forbidden: { status: 403, title: 'Not allowed' },
  not_enrolled: { status: 403, title: 'Not enrolled' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  idempotency_in_progress: { status: 409, title: 'The first request with this key is still running' },
  conflict: { status: 409, title: 'Conflict' },
  precondition_failed: { status: 412, title: 'Changed by someone else' },
  payload_too_large: { status: 413, title: 'Too large' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type' },
  idempotency_key_reused: { status: 422, title: 'Idempotency key used for another request' },
  validation_failed: { status: 422, title: 'Invalid input' },
  rate_limited: { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Internal error' },
  grading_unavailable: { status: 503, title: 'Grading is not available right now' },
  unavailable: { status: 503, title: 'Temporarily unavailable' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof errorTable;

/** One thing that is wrong with the input, in the form that all front ends read. */
export interface InputProblem {
  loc: (string | number)[];
  msg: string;
  type: string;
}

export interface AppErrorOptions {
  /** Only logged, never sent. */
  cause?: unknown;
  /** Seconds after which the caller may try again; becomes `Retry-After`. */
  retryAfterS?: number;
  /** What is wrong with the input, for `validation_failed`. */
  problems?: InputProblem[];
  /** More response headers, e.g. `WWW-Authenticate`. */
  headers?: Record<string, string>;
}

/** The only error that code throws on purpose. `detail` is shown to the caller; `cause` is only logged. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterS: number | undefined;
  readonly problems: InputProblem[] | undefined;
  readonly headers: Record<string, string>;

  constructor(code: ErrorCode, detail: string = errorTable[code].title, options: AppErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.retryAfterS = options.retryAfterS;
    this.problems = options.problems;
    this.headers = options.headers ?? {};
  }

  get status(): number {
    return errorTable[this.code].status;
  }
}

/** Input problems in one sentence, for clients that show `detail` as it is. */
export function validationError(problems: InputProblem[], cause?: unknown): AppError {
  const shown = problems.slice(0, 20);
  const detail = shown.map((p) => (p.loc.length > 1 ? `${p.loc.slice(1).join('.')}: ${p.msg}` : p.msg)).join('; ');
  return new AppError('validation_failed', detail, { problems: shown, cause });
}
