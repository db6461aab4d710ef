/**
 * Every error code that Lyceum can answer with. The table is closed: a code that is not here does not compile, and a
 * code that an endpoint does not declare fails its tests.
 */
export const errorTable = {
  account_token_invalid: { status: 400, title: 'This link is not valid any more' },
  already_enrolled: { status: 400, title: 'Already enrolled' },
  api_key_limit: { status: 400, title: 'Too many API keys' },
  email_taken: { status: 400, title: 'Email already registered' },
  inactive_user: { status: 400, title: 'Inactive user' },
  invalid_code: { status: 400, title: 'The code is not right' },
  not_a_student: { status: 400, title: 'Not a student' },
  outcome_exists: { status: 400, title: 'Outcome already exists' },
  sign_in_refused: { status: 400, title: 'The sign-in did not succeed' },
  username_taken: { status: 400, title: 'Username already registered' },
  wrong_password: { status: 400, title: 'The password is not right' },
  invalid_credentials: { status: 401, title: 'Incorrect username or password' },
  unauthenticated: { status: 401, title: 'Not authenticated' },
  api_key_refused: { status: 403, title: 'The API key may not do this' },
  forbidden: { status: 403, title: 'Not allowed' },
  not_enrolled: { status: 403, title: 'Not enrolled' },
  registration_closed: { status: 403, title: 'Registration is not open' },
  step_up_required: { status: 403, title: 'Prove again who you are' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  already_done: { status: 409, title: 'Already done' },
  email_in_use: { status: 409, title: 'Email already registered' },
  idempotency_in_progress: { status: 409, title: 'The first request with this key is still running' },
  conflict: { status: 409, title: 'Conflict' },
  last_administrator: { status: 409, title: 'There must be an administrator' },
  link_required: { status: 409, title: 'An account with this address exists' },
  username_in_use: { status: 409, title: 'Username already taken' },
  precondition_failed: { status: 412, title: 'Changed by someone else' },
  payload_too_large: { status: 413, title: 'Too large' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type' },
  idempotency_key_reused: { status: 422, title: 'Idempotency key used for another request' },
  validation_failed: { status: 422, title: 'Invalid input' },
  rate_limited: { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Internal error' },
  grading_unavailable: { status: 503, title: 'Grading is not available right now' },
  provider_unavailable: { status: 503, title: 'The sign-in provider is not available' },
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
  /** More members of the problem document, for programs. */
  extensions?: Record<string, unknown>;
}

/** The only error that code throws on purpose. `detail` is shown to the caller; `cause` is only logged. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterS: number | undefined;
  readonly problems: InputProblem[] | undefined;
  readonly headers: Record<string, string>;
  readonly extensions: Record<string, unknown>;

  constructor(code: ErrorCode, detail: string = errorTable[code].title, options: AppErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.retryAfterS = options.retryAfterS;
    this.problems = options.problems;
    this.headers = options.headers ?? {};
    this.extensions = options.extensions ?? {};
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
