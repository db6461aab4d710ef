import { AppError } from '../../platform/errors.ts';

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

/** Only a plain word is safe to log: providers repeat codes and addresses in their sentences. */
function wordIn(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w.-]{1,60}$/.test(value) ? value : undefined;
}

const usualWaitS = 10;

export function unavailable(what: string, retryAfter?: string | null): AppError {
  const waitS = Number(retryAfter ?? Number.NaN);
  return new AppError('provider_unavailable', 'The sign-in provider does not answer; try again in a moment.', {
    retryAfterS: Number.isFinite(waitS) && waitS > 0 ? waitS : usualWaitS,
    cause: new Error(`A sign-in provider failed: ${what}.`),
  });
}

export function refused(what: string): AppError {
  return new AppError('sign_in_refused', 'The sign-in did not succeed; begin it again.', {
    cause: new Error(`A sign-in was refused: ${what}.`),
  });
}

/** Our own settings at the provider are wrong; nobody who signs in can do anything about it. */
const settingsErrors = new Set(['invalid_client', 'unauthorized_client', 'incorrect_client_credentials']);
const settingsStatuses = new Set([401, 403]);

/** The provider did not answer, or not in its protocol. */
const outageCodes = new Set(['OAUTH_TIMEOUT', 'OAUTH_ABORT', 'OAUTH_RESPONSE_IS_NOT_JSON', 'OAUTH_PARSE_ERROR']);

/** The error and what caused it, one after the other. */
function chainOf(error: unknown): unknown[] {
  const chain = [error];
  for (let next = field(error, 'cause'); next !== undefined && chain.length < 5; next = field(next, 'cause'))
    chain.push(next);
  return chain;
}

/** What openid-client threw, as what it means for who signs in. Its error classes are not used: bundling renames them. */
export function toSignInError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const chain = chainOf(error);
  const response = chain.flatMap((one) => [one, field(one, 'response')]).find((one) => one instanceof Response);
  const status = response?.status ?? 200;
  if (status >= 500 || status === 429 || settingsStatuses.has(status)) {
    return unavailable(`status ${status}`, response?.headers.get('retry-after'));
  }
  // GitHub says what is wrong in the body of a success.
  const said = chain
    .map((one) => wordIn(field(one, 'error')) ?? wordIn(field(field(one, 'body'), 'error')))
    .find(Boolean);
  if (said !== undefined) return settingsErrors.has(said) ? unavailable(said) : refused(said);
  // Without a code of its own it is what `fetch` throws when nobody answers.
  const code = wordIn(field(error, 'code'));
  return code === undefined || outageCodes.has(code) ? unavailable(code ?? 'no connection') : refused(code);
}
