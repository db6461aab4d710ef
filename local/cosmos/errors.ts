const CODES: Readonly<Record<number, string>> = {
  304: 'NotModified',
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  409: 'Conflict',
  412: 'PreconditionFailed',
  413: 'RequestEntityTooLarge',
  424: 'FailedDependency',
  429: 'TooManyRequests',
};

/** A refusal as the service words it: an HTTP status, a sub-status and a body `{code, message}`. */
export class CosmosError extends Error {
  readonly status: number;
  readonly substatus: number;
  readonly extra: Record<string, unknown>;
  /** Request units that the refused request used. */
  readonly charge: number;

  constructor(
    status: number,
    message: string,
    more: { substatus?: number; extra?: Record<string, unknown>; charge?: number } = {},
  ) {
    super(message);
    this.status = status;
    this.substatus = more.substatus ?? 0;
    this.extra = more.extra ?? {};
    this.charge = more.charge ?? 1;
  }

  get code(): string {
    return CODES[this.status] ?? 'InternalServerError';
  }
}

export function badRequest(message: string, substatus = 0): CosmosError {
  return new CosmosError(400, message, { substatus });
}
