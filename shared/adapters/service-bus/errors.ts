/** A Service Bus operation that did not succeed. `retryable` tells whether the same again later makes sense. */
export class ServiceBusFailure extends Error {
  /** The SDK's code ("MessageSizeExceeded", "ServiceCommunicationProblem"), "Timeout" or "Locked". */
  readonly code: string;
  readonly retryable: boolean;

  constructor(code: string, message: string, options: { retryable: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.name = 'ServiceBusFailure';
    this.code = code;
    this.retryable = options.retryable;
  }
}

/** What no later try can change. Everything else is taken for an outage, which passes. */
const PERMANENT: ReadonlySet<string> = new Set([
  'MessageSizeExceeded',
  'MessagingEntityNotFound',
  'MessagingEntityDisabled',
  'UnauthorizedAccess',
]);

function toFailure(what: string, error: unknown): ServiceBusFailure {
  if (error instanceof ServiceBusFailure) return error;
  const isObject = typeof error === 'object' && error !== null;
  const code = isObject && 'code' in error && typeof error.code === 'string' ? error.code : 'GeneralError';
  // Not the SDK's own flag, which calls a connection that was just lost final.
  const retryable = !PERMANENT.has(code) && !(error instanceof TypeError);
  return new ServiceBusFailure(code, `Service Bus ${what} failed: ${code}.`, { retryable, cause: error });
}

/**
 * Runs the work until its end or the time limit, whichever comes first: an outage of the bus must not hold a request for the minutes that
 * the SDK would try. After a time-out nobody knows whether a message was sent, so that messages need deterministic ids.
 */
export async function within<T>(
  timeoutMs: number,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const message = `Service Bus ${what} got no answer within ${timeoutMs} ms.`;
    reject(new ServiceBusFailure('Timeout', message, { retryable: true }));
    controller.abort();
  }, timeoutMs);
  try {
    return await Promise.race([work(controller.signal), late]);
  } catch (error) {
    throw toFailure(what, error);
  } finally {
    clearTimeout(timer);
  }
}
